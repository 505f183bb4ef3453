"""Pictures of every other kind come out upright and with the right numbers."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from cnn.images.decode import decode
from cnn.images.pixels import strips
from tests.cnn.images import corpus
from tests.cnn.images.corpus import apart, loaded


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 95}, {"restart_marker_rows": 1}]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_equals_pillow(channels: int, options: dict[str, object]) -> None:
    data = corpus.saved(corpus.photo(75, 101, channels), "JPEG", **options)
    wanted = np.atleast_3d(np.asarray(Image.open(io.BytesIO(data))))
    assert apart(loaded(data), wanted) <= 1


def test_jpeg_cmyk_has_its_colours() -> None:
    pixels = np.zeros((32, 48, 3), dtype=np.uint8)
    pixels[:, :16], pixels[:, 16:32], pixels[:, 32:] = (200, 30, 40), (20, 180, 60), (250, 250, 250)
    data = corpus.saved(Image.fromarray(pixels).convert("CMYK"), "JPEG", quality=95, subsampling=0)
    assert apart(loaded(data)[::8, 4::16], pixels[::8, 4::16]) <= 6


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(kind: str, orientation: int, order: str) -> None:
    marked = np.zeros((32, 64, 3), dtype=np.uint8)
    marked[:16, :32], marked[:16, 32:], marked[16:, :32] = (250, 20, 20), (20, 250, 20), (20, 20, 250)
    image = Image.fromarray(marked)
    if kind == "TIFF":
        data = corpus.saved(image, kind, tiffinfo={274: orientation})
    else:
        block = corpus.exif(orientation, order)
        data = corpus.saved(
            image, kind, exif=block if kind == "AVIF" else b"Exif\x00\x00" + block, quality=100
        )
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # PIL.Image.Transpose, by the EXIF table
    upright = np.asarray(image if orientation == 1 else image.transpose(Image.Transpose(turn[orientation])))
    got = loaded(data)
    assert got.shape == upright.shape
    assert apart(got[8::16, 8::16], upright[8::16, 8::16]) <= 25
    exact = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert apart(got, np.asarray(exact)) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_picture_of_several_strips(orientation: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (700, 900), dtype=np.uint8)
    data = corpus.saved(pixels, "PNG", exif=b"Exif\x00\x00" + corpus.exif(orientation))
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(loaded(data)[:, :, 0], wanted)


def swapped_profile() -> bytes:
    """sRGB with the places of red and blue exchanged."""
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139)
    return corpus.profile(
        b"RGB ",
        {
            b"wtpt": corpus.xyz(0.9642, 1.0, 0.8249),
            b"rXYZ": corpus.xyz(*blue),
            b"gXYZ": corpus.xyz(*green),
            b"bXYZ": corpus.xyz(*red),
            **{name: corpus.gamma(2.2) for name in (b"rTRC", b"gTRC", b"bTRC")},
        },
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_icc_profile_is_applied(kind: str) -> None:
    pixels = np.full((16, 16, 3), (210, 120, 60), dtype=np.uint8)
    data = corpus.saved(
        pixels, kind, icc_profile=swapped_profile(), **({"quality": 100} if kind != "PNG" else {})
    )
    assert apart(loaded(data)[4:5, 4:5], np.array([[[60, 120, 210]]], dtype=np.uint8)) <= 6


def test_gray_icc_profile_is_applied() -> None:
    linear = corpus.profile(b"GRAY", {b"wtpt": corpus.xyz(0.9642, 1.0, 0.8249), b"kTRC": corpus.gamma(1.0)})
    ramp = np.arange(256, dtype=np.uint8)[None]
    got = loaded(corpus.saved(ramp, "PNG", icc_profile=linear))
    light = ramp[0] / 255
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert got.shape == (1, 256, 1)
    assert apart(got[0, :, 0], np.rint(255 * srgb).astype(np.uint8)) <= 2


@pytest.mark.parametrize(
    "icc", [b"broken", b"\x00" * 200, swapped_profile()[:150], swapped_profile()[:-40], None]
)
def test_useless_icc_profile_changes_nothing(icc: bytes | None) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = corpus.photo(12, 15)
    got = loaded(corpus.saved(pixels, "PNG", icc_profile=icc or srgb))
    assert apart(got, pixels) == 0


def test_profile_of_another_colour_space_changes_nothing() -> None:
    pixels = corpus.photo(12, 15, 1)
    assert apart(loaded(corpus.saved(pixels, "PNG", icc_profile=swapped_profile()))[:, :, 0], pixels) == 0


def test_gif_first_frame_transparency_and_offset() -> None:
    frames = [Image.new("RGB", (12, 8), colour) for colour in ("red", "blue", "lime")]
    animated = corpus.saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert apart(loaded(animated), np.asarray(frames[0])) == 0
    clear = Image.new("P", (4, 4), 1)
    clear.putpalette([10, 20, 30, 200, 100, 50])
    clear.putpixel((2, 1), 0)
    wanted = np.full((4, 4, 3), (200, 100, 50), dtype=np.uint8)
    wanted[1, 2] = 255
    assert apart(loaded(corpus.saved(clear, "GIF", transparency=0)), wanted) == 0


def gif(screen: tuple[int, int], frame: tuple[int, int, int, int]) -> bytes:
    """A GIF whose one frame (left, top, width, height) is red, screen and frame told apart."""
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes((255, 0, 0) * 2)
    pixels = corpus.saved(Image.new("L", frame[2:], 1), "GIF")
    start = pixels.index(b"\x2c", 13 + 3 * 256 if pixels[10] & 0x80 and pixels[10] & 7 == 7 else 13)
    flags = pixels[start + 9]
    coded = pixels[start + 10 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0) :]
    return head + b"\x2c" + struct.pack("<HHHHB", *frame, 0) + coded


def test_gif_frame_beyond_its_logical_screen_is_shown_whole() -> None:
    picture = loaded(gif((2, 2), (0, 0, 6, 5)))
    assert picture.shape[:2] == (5, 6)
    assert (picture == (255, 0, 0)).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmp_modes(mode: str) -> None:
    image = Image.fromarray(corpus.photo(9, 13)).convert(mode)
    wanted = np.atleast_3d(np.asarray(image.convert("L" if mode in ("1", "L") else "RGB")))
    assert apart(loaded(corpus.saved(image, "BMP")), wanted) == 0


def test_bmp_top_down_and_run_lengths() -> None:
    image = corpus.photo(5, 8)
    plain = bytearray(corpus.saved(image, "BMP"))
    plain[22:26] = struct.pack("<i", -5)
    assert apart(loaded(bytes(plain)), image[::-1]) == 0
    runs = b"\x03\x01\x01\x00\x00\x00" + b"\x04\x01\x00\x01"  # upwards: 1 1 1 0, then 1 1 1 1
    palette = bytes((0, 0, 0, 0, 30, 20, 10, 0))
    info = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 8, 1, len(runs), 0, 0, 2, 2)
    data = b"BM" + struct.pack("<IHHI", 62 + len(runs), 0, 0, 62) + info + palette + runs
    wanted = np.full((2, 4, 3), (10, 20, 30), dtype=np.uint8)
    wanted[1, 3] = 0
    assert apart(loaded(data), wanted) == 0


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("lossless", [False, True])
def test_webp(channels: int, lossless: bool) -> None:
    image = Image.fromarray(corpus.photo(30, 41, channels), "RGB" if channels == 3 else "RGBA")
    data = corpus.saved(image, "WEBP", lossless=lossless, exact=True)
    decoded = Image.open(io.BytesIO(data)).convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), decoded).convert("RGB")
    assert apart(loaded(data), np.asarray(white)) <= 1


def test_webp_and_png_animations_show_their_first_frame() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    for kind in ("WEBP", "PNG"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = corpus.saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options)
        assert apart(loaded(data), np.asarray(frames[0])) <= 1


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_avif(channels: int) -> None:
    image = Image.fromarray(corpus.photo(30, 42, channels))
    data = corpus.saved(image, "AVIF", quality=90)
    decoded = Image.open(io.BytesIO(data)).convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), decoded).convert("RGB")
    assert apart(loaded(data), np.asarray(white)[:, :, : 1 if channels == 1 else 3]) <= 1


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 5000), (5000, 1), (1, 3000), (30_000, 1), (2, 3)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
def test_extreme_sizes(kind: str, width: int, height: int) -> None:
    pixels = np.full((height, width, 3), (90, 160, 30), dtype=np.uint8)
    assert apart(loaded(corpus.saved(pixels, kind)), pixels) <= 3


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "tail", [archive(), b"<html><script>alert(1)</script></html>", b"%PDF-1.7", b"\x00" * 5000]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_polyglot_is_read_as_the_picture_it_is(kind: str, tail: bytes) -> None:
    pixels = np.full((6, 7, 3), (200, 200, 40), dtype=np.uint8)
    assert apart(loaded(corpus.saved(pixels, kind) + tail), pixels) <= 3


def test_jpeg_with_filling_before_its_end_is_whole() -> None:
    data = corpus.saved(corpus.photo(40, 40), "JPEG")
    padded = data[:-2] + bytes(64) + data[-2:]
    assert apart(loaded(padded), loaded(data)) == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_decoding_without_files_in_memory_is_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = corpus.saved(corpus.photo(20, 30), kind)
    wanted = loaded(data)
    monkeypatch.delattr(os, "memfd_create", raising=False)  # as on Windows and macOS
    decoded = decode(data, 10**6)
    got = np.concatenate(list(strips(decoded)), axis=1)
    assert apart(got.transpose(1, 2, 0), wanted) == 0
