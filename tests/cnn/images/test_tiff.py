"""TIFF of every byte order, depth, mode and layout comes out right."""

import struct

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from cnn.images import ImageError, load_image
from tests.cnn.images import corpus
from tests.cnn.images.corpus import apart, loaded


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_tiff_sixteen_bit_gray(order: str, white_is_zero: bool) -> None:
    samples = np.random.default_rng(3).integers(0, 65536, (6, 9), dtype=np.uint16)
    data = tiff_of(samples[:, :, None], order, photometric=0 if white_is_zero else 1)
    wanted = corpus.shown(samples[:, :, None], 16)
    assert apart(loaded(data), 255 - wanted if white_is_zero else wanted) == 0


def tiff_of(
    samples: NDArray[np.uint16], order: str = "<", photometric: int = 2, orientation: int = 1
) -> bytes:
    height, width, channels = samples.shape
    pixels = samples.astype(order + "u2").tobytes()

    def short(value: int) -> bytes:
        return struct.pack(order + "HH", value, 0)

    bits = pixels + struct.pack(order + f"{channels}H", *[16] * channels)
    entries = [
        (256, 3, 1, short(width)),
        (257, 3, 1, short(height)),
        (258, 3, channels, short(16) if channels == 1 else corpus.long(8 + len(pixels), order)),
        (259, 3, 1, short(1)),
        (262, 3, 1, short(photometric)),
        (273, 4, 1, corpus.long(8, order)),
        (274, 3, 1, short(orientation)),
        (277, 3, 1, short(channels)),
        (278, 3, 1, short(height)),
        (279, 4, 1, corpus.long(len(pixels), order)),
    ]
    return corpus.tiff(entries, bits if channels > 1 else pixels, order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_sixteen_bit_colour(order: str) -> None:
    samples = np.random.default_rng(4).integers(0, 65536, (7, 10, 3), dtype=np.uint16)
    assert apart(loaded(tiff_of(samples, order)), corpus.shown(samples, 16)) == 0


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.array([[0, 0.5, 1]], dtype=np.float32), [0, 128, 255]),
        (np.array([[0, 100, 255]], dtype=np.float32), [0, 100, 255]),
        (np.array([[-1, 0, 1]], dtype=np.float32), [0, 128, 255]),
        (np.array([[np.nan, 1, 3]], dtype=np.float32), [0, 1, 3]),
        (np.array([[7, 7, 7]], dtype=np.int32), [7, 7, 7]),
        (np.array([[0, 32896, 65535]], dtype=np.int32), [0, 128, 255]),
        (np.array([[-100, 0, 100]], dtype=np.int32), [0, 128, 255]),
        (np.array([[1e6, 1e6, 1e6]], dtype=np.float32), [0, 0, 0]),
    ],
)
def test_tiff_of_wide_numbers_is_scaled(values: NDArray[np.generic], wanted: list[int]) -> None:
    assert (
        apart(loaded(corpus.saved(Image.fromarray(values), "TIFF"))[0, :, 0], np.array(wanted, np.uint8)) <= 1
    )


TIFF_MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LA")
LOSSLESS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")


@pytest.mark.parametrize(
    ("mode", "compression"),
    [(mode, how) for mode in TIFF_MODES for how in LOSSLESS] + [("L", "jpeg"), ("RGB", "jpeg")],
)
def test_tiff_modes(mode: str, compression: str) -> None:
    image = Image.fromarray(corpus.photo(40, 56)).convert(mode.removesuffix("A") if mode != "RGBA" else "RGB")
    if mode.endswith("A"):
        image.putalpha(Image.fromarray(corpus.photo(40, 56, 1, seed=2)))
    got = loaded(corpus.saved(image, "TIFF", compression=compression))
    if mode.endswith("A"):
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB" if mode == "RGBA" else "L")
    wanted = np.atleast_3d(np.asarray(image.convert("L" if mode in ("1", "L", "LA") else "RGB")))
    assert apart(got, wanted) <= (12 if compression == "jpeg" else 1)


def test_tiff_first_page_and_tiles() -> None:
    first, second = corpus.photo(20, 24, seed=1), corpus.photo(30, 10, seed=2)
    pages = corpus.saved(first, "TIFF", save_all=True, append_images=[Image.fromarray(second)])
    assert apart(loaded(pages), first) == 0
    gray = corpus.photo(32, 48, 1)
    tiles = b"".join(gray[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16, 32))
    arrays = tiles + struct.pack("<6I", *(8 + 256 * n for n in range(6))) + struct.pack("<6I", *[256] * 6)
    numbers = ((256, 48), (257, 32), (258, 8), (259, 1), (262, 1), (277, 1), (322, 16), (323, 16))
    entries = [(tag, 3, 1, struct.pack("<HH", value, 0)) for tag, value in numbers]
    entries += [(324, 4, 6, corpus.long(8 + len(tiles))), (325, 4, 6, corpus.long(8 + len(tiles) + 24))]
    assert apart(loaded(corpus.tiff(entries, arrays))[:, :, 0], gray) == 0


def test_sixteen_bit_tiff_as_opencv_writes_it() -> None:
    samples = np.random.default_rng(9).integers(0, 65536, (8, 8, 3), dtype=np.uint16)
    done, data = cv2.imencode(".tiff", samples)
    assert done
    assert apart(loaded(data.tobytes()), corpus.shown(samples[:, :, ::-1], 16)) == 0


def test_every_sixteen_bit_value_becomes_the_nearest_of_eight_bits() -> None:
    samples = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    wanted = corpus.shown(samples, 16)
    assert apart(loaded(corpus.png(256, 256, 16, 0, corpus.filtered_rows(samples, 16))), wanted) == 0
    assert apart(loaded(tiff_of(samples, photometric=1)), wanted) == 0


@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_sixteen_bit_tiff(orientation: int, photometric: int) -> None:
    samples = (np.arange(2 * 5 * (3 if photometric == 2 else 1)) * 2000).astype(np.uint16).reshape(2, 5, -1)
    plain = loaded(tiff_of(samples, photometric=photometric))
    transposed = plain.swapaxes(0, 1) if orientation >= 5 else plain
    wanted = {
        2: transposed[:, ::-1], 3: transposed[::-1, ::-1], 4: transposed[::-1],
        6: transposed[:, ::-1], 7: transposed[::-1, ::-1], 8: transposed[::-1],
    }.get(orientation, transposed)  # fmt: skip
    assert apart(loaded(tiff_of(samples, "<", photometric, orientation)), wanted) == 0


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_of_separate_planes_is_right_or_refused(bits: int) -> None:
    samples = np.random.default_rng(5).integers(0, 2**bits, (6, 8, 3)).astype(np.uint16)
    plane = 6 * 8 * bits // 8
    pixels = np.moveaxis(samples, 2, 0).astype("<u2" if bits == 16 else "u1").tobytes()
    arrays = struct.pack("<3H", bits, bits, bits) + struct.pack(
        "<6I", *(8 + n * plane for n in range(3)), *[plane] * 3
    )
    after = 8 + len(pixels)
    numbers = ((256, 8), (257, 6), (259, 1), (262, 2), (277, 3), (278, 6), (284, 2))
    entries = [(tag, 3, 1, struct.pack("<HH", value, 0)) for tag, value in numbers]
    places = ((258, 3, after), (273, 4, after + 6), (279, 4, after + 18))
    entries += [(tag, kind, 3, corpus.long(place)) for tag, kind, place in places]
    data = corpus.tiff(sorted(entries), pixels + arrays)
    if bits == 8:
        assert apart(loaded(data), corpus.shown(samples, 8)) == 0
        return
    with pytest.raises(ImageError) as caught:
        load_image(data)
    assert caught.value.code == "unsupported_variant"


def test_tiff_of_cielab_colours() -> None:
    pixels = corpus.photo(20, 30)
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.applyTransform(Image.fromarray(pixels), ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))
    assert apart(loaded(corpus.saved(image, "TIFF")), pixels) <= 6
