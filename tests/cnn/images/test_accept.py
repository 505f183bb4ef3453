"""Pictures of every kind come out upright and with the right numbers."""

import io
import struct
import zipfile
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from cnn.images import load_image
from tests.cnn.images import corpus


def loaded(data: bytes) -> NDArray[np.uint8]:
    """(H, W, C)"""
    picture = load_image(data)
    assert picture.is_contiguous()
    assert str(picture.dtype) == "torch.uint8"
    return picture.numpy().transpose(1, 2, 0)


def apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


COLOURS = {0: 1, 2: 3, 4: 2, 6: 4}  # PNG colour type: samples


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize(
    ("colour", "bits"),
    [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16)],
)
def test_png_equals_a_decoder_by_real_numbers(colour: int, bits: int, interlace: int) -> None:
    samples = np.random.default_rng(bits).integers(0, 2**bits, (19, 13, COLOURS[colour])).astype(np.uint16)
    rows = corpus.adam7_rows(samples, bits) if interlace else corpus.filtered_rows(samples, bits)
    got = loaded(corpus.png(13, 19, bits, colour, rows, interlace=interlace))
    alpha = samples[:, :, -1:] if colour in (4, 6) else None
    colours = samples if alpha is None else samples[:, :, :-1]
    rounded_twice = alpha is not None and bits == 16
    assert apart(got, corpus.shown(colours, bits, alpha)) <= rounded_twice


@pytest.mark.parametrize(("colour", "bits"), [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)])
def test_png_transparent_sample_becomes_white(colour: int, bits: int) -> None:
    samples = np.random.default_rng(bits).integers(0, 2**bits, (9, 8, COLOURS[colour])).astype(np.uint16)
    key = samples[4, 5]
    if bits == 16:
        samples[0, 0] = key ^ 1  # differs in the lowest bit only: not transparent
    chunk = corpus.chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    got = loaded(corpus.png(8, 9, bits, colour, corpus.filtered_rows(samples, bits), before=chunk))
    wanted = corpus.shown(samples, bits)
    wanted[(samples == key).all(axis=2)] = 255
    assert apart(got, wanted) == 0


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("transparent", [False, True])
def test_png_palette(bits: int, transparent: bool) -> None:
    generator = np.random.default_rng(bits)
    indices = generator.integers(0, 2**bits, (9, 21, 1)).astype(np.uint16)
    palette = generator.integers(0, 256, (2**bits, 3)).astype(np.uint8)
    alpha = generator.integers(0, 256, 2**bits).astype(np.uint16)
    chunks = corpus.chunk(b"PLTE", palette.tobytes())
    if transparent:
        chunks += corpus.chunk(b"tRNS", alpha.astype(np.uint8).tobytes())
    got = loaded(corpus.png(21, 9, bits, 3, corpus.filtered_rows(indices, bits), before=chunks))
    opacity = alpha[indices] if transparent else None
    assert apart(got, corpus.shown(palette[indices[:, :, 0]].astype(np.uint16), 8, opacity)) == 0


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


@pytest.mark.parametrize(
    "block", [b"", b"II*\x00", b"MM\x00*\xff\xff\xff\xff", corpus.exif(0), corpus.exif(9), b"junk" * 9]
)
def test_broken_exif_leaves_the_picture_as_stored(block: bytes) -> None:
    pixels = corpus.photo(8, 12)
    data = corpus.saved(pixels, "PNG")
    data = data[:33] + corpus.chunk(b"eXIf", block) + data[33:]
    assert apart(loaded(data), pixels) == 0


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


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_tiff_sixteen_bit_gray(order: str, white_is_zero: bool) -> None:
    samples = np.random.default_rng(3).integers(0, 65536, (6, 9), dtype=np.uint16)
    data = tiff_of(samples[:, :, None], order, photometric=0 if white_is_zero else 1)
    wanted = corpus.shown(samples[:, :, None], 16)
    assert apart(loaded(data), 255 - wanted if white_is_zero else wanted) == 0


def tiff_of(samples: NDArray[np.uint16], order: str = "<", photometric: int = 2) -> bytes:
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


def test_huge_text_and_profile_chunks_are_never_inflated() -> None:
    bomb = zlib.compress(b"A" * 60_000_000, 9)
    pixels = corpus.photo(5, 6)
    rows = corpus.filtered_rows(pixels.astype(np.uint16), 8)
    for name in (b"zTXt", b"iCCP", b"iTXt"):
        text = b"name\x00" + (b"\x01\x00\x00\x00" if name == b"iTXt" else b"\x00") + bomb
        assert apart(loaded(corpus.png(6, 5, 8, 2, rows, before=corpus.chunk(name, text))), pixels) == 0


def test_pixel_data_that_inflates_beyond_the_picture_is_cut_off() -> None:
    pixels = corpus.photo(5, 6)
    rows = corpus.filtered_rows(pixels.astype(np.uint16), 8)
    bomb = corpus.png(6, 5, 8, 2, rows, coded=zlib.compress(rows + bytes(60_000_000), 9))
    assert apart(loaded(bomb), pixels) == 0


def test_metadata_of_a_png_stays_out_of_the_way() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("title", "![](http://example.org/x.png)")
    pixels = corpus.photo(5, 6)
    assert apart(loaded(corpus.saved(pixels, "PNG", pnginfo=info, dpi=(72, 72))), pixels) == 0


def test_jpeg_with_filling_before_its_end_is_whole() -> None:
    data = corpus.saved(corpus.photo(40, 40), "JPEG")
    padded = data[:-2] + bytes(64) + data[-2:]
    assert apart(loaded(padded), loaded(data)) == 0


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
