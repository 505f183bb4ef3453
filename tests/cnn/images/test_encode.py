"""Encoders keep every pixel, are fast, and keys tell contents apart."""

import base64
import io
import time
import zlib

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cnn.images import encode, load_image
from cnn.images.errors import ERROR_TEXTS, ImageError
from tests.cnn.images import corpus

RAMP = np.stack([np.arange(256), 255 - np.arange(256), (np.arange(256) * 7) % 256], axis=1).astype(np.uint8)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 4]), st.integers(0, 1000))
def test_png_is_lossless(height: int, width: int, channels: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    pixels = pixels[:, :, 0] if channels == 1 else pixels
    assert np.array_equal(np.asarray(opened(encode.png_bytes(pixels))), pixels)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 1000))
def test_palette_png_shows_the_palettes_colours(height: int, width: int, seed: int) -> None:
    indices = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    data = encode.palette_png(indices, RAMP)
    image = opened(data)
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image.convert("RGB")), RAMP[indices])
    assert torch.equal(load_image(data).permute(1, 2, 0), torch.from_numpy(RAMP[indices]))


def test_jpeg_is_close_and_small() -> None:
    pixels = corpus.photo(120, 160)
    for quality, error in ((95, 3), (75, 8)):
        data = encode.jpeg_bytes(pixels, quality)
        assert np.abs(np.asarray(opened(data)).astype(int) - pixels).mean() < error
    assert len(encode.jpeg_bytes(pixels, 60)) < len(encode.jpeg_bytes(pixels, 90))
    assert opened(encode.jpeg_bytes(pixels[:, :, 0])).mode == "L"
    red = np.zeros((16, 16, 3), dtype=np.uint8)
    red[:, 8:] = (255, 0, 0)
    assert np.abs(np.asarray(opened(encode.jpeg_bytes(red, 95))).astype(int) - red).max() < 30


def test_nothing_but_the_picture_is_written() -> None:
    for data in (encode.png_bytes(RAMP.reshape(16, 16, 3)), encode.jpeg_bytes(RAMP.reshape(16, 16, 3))):
        assert set(opened(data).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 2)), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2), np.uint8), RAMP[0]]
)
def test_wrong_arrays_are_named(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="wanted uint8"):
        encode.png_bytes(wrong)
    with pytest.raises(ValueError, match="wanted"):
        encode.palette_png(wrong, RAMP[:5])
    with pytest.raises(ValueError, match="quality"):
        encode.jpeg_bytes(RAMP, 0)


def test_data_url() -> None:
    url = encode.data_url(b"\x00\xffabc", "image/png")
    head, body = url.split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == b"\x00\xffabc"


def best(call: object, times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()  # type: ignore[operator]
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def test_png_takes_a_fifth_of_pillows_time_and_a_palette_half_the_bytes() -> None:
    maps = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 60, (1200, 1200)), (0, 0), 1.2)
    indices = np.clip(127 + 3 * maps, 0, 255).astype(np.uint8)
    colours = RAMP[indices]
    assert best(lambda: encode.png_bytes(colours)) <= 0.3 * best(lambda: corpus.saved(colours, "PNG"), 1)
    assert len(encode.palette_png(indices, RAMP)) <= 0.5 * len(corpus.saved(colours, "PNG"))
    assert len(encode.png_bytes(colours)) <= 1.4 * len(corpus.saved(colours, "PNG"))


def test_resizing_averages_areas_and_keeps_proportions() -> None:
    image = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8) * 4
    half = encode.resize_to(image, 4)
    wanted = torch.nn.functional.avg_pool2d(image.double(), 2)
    assert (half.double() - wanted).abs().max() <= 0.5
    assert encode.thumbnail(image, 8) is image
    assert encode.thumbnail(image, 4).shape == (1, 4, 4)
    assert encode.resize_to(torch.zeros(3, 100, 50, dtype=torch.uint8), 200).shape == (3, 200, 100)
    assert encode.resize_to(torch.zeros(3, 5000, 1, dtype=torch.uint8), 100).shape == (3, 100, 1)
    assert encode.thumbnail(torch.zeros(1, 1, 3000, dtype=torch.uint8), 30).shape == (1, 1, 30)
    with pytest.raises(ValueError, match="at least 1"):
        encode.resize_to(image, 0)
    with pytest.raises(ValueError, match="wanted uint8"):
        encode.to_hwc(torch.zeros(3, 4, 4))


def test_digest_tells_one_pixel_shapes_types_and_kinds_apart() -> None:
    image = torch.zeros(3, 1000, 1000, dtype=torch.uint8)
    keys = {encode.digest(image)}
    for position in ((0, 0, 0), (1, 500, 501), (2, 999, 999)):
        changed = image.clone()
        changed[position] = 1
        keys.add(encode.digest(changed))
    keys.add(encode.digest(image.reshape(3, 500, 2000)))
    keys.add(encode.digest(image.view(torch.int8)))
    keys.add(encode.digest(image.numpy()))
    keys.add(encode.digest(image.numpy().tobytes()))
    keys.add(encode.digest(torch.zeros(0)))
    keys.add(encode.digest(torch.tensor(0.0)))
    keys.add(encode.digest(b""))
    assert len(keys) == 11
    assert encode.digest(image.permute(1, 2, 0)) == encode.digest(image.permute(1, 2, 0).contiguous())
    assert encode.digest(torch.ones(2, dtype=torch.bfloat16)) != encode.digest(
        torch.ones(2, dtype=torch.float16)
    )
    assert len(encode.digest(b"x")) == 32


def test_error_texts_agree_between_languages() -> None:
    for text in ERROR_TEXTS:
        fields = [{part.split("}")[0] for part in sentence.split("{")[1:]} for sentence in (text.en, text.ko)]
        assert fields[0] == fields[1], text.code
        values = dict.fromkeys(fields[0], "7")
        assert text.en.format(**values).endswith(".")
        assert text.ko.format(**values).rstrip(")").endswith(".")
    assert len({text.code for text in ERROR_TEXTS}) == len(ERROR_TEXTS)


def test_an_error_survives_the_way_between_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(ImageError("too_many_pixels", width=9, height=8, limit="50")))
    assert isinstance(error, ImageError)
    assert (error.code, error.values) == ("too_many_pixels", {"width": 9, "height": 8, "limit": "50"})
    assert "9x8" in str(error)
    assert zlib.crc32(error.sentence("ko").encode()) != zlib.crc32(str(error).encode())
