"""PNG of every colour type and depth equals a decoder that is slow and plainly right."""

import struct
import zlib

import numpy as np
import pytest
from PIL import PngImagePlugin

from tests.cnn.images import corpus
from tests.cnn.images.corpus import apart, loaded

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
    "block", [b"", b"II*\x00", b"MM\x00*\xff\xff\xff\xff", corpus.exif(0), corpus.exif(9), b"junk" * 9]
)
def test_broken_exif_leaves_the_picture_as_stored(block: bytes) -> None:
    pixels = corpus.photo(8, 12)
    data = corpus.saved(pixels, "PNG")
    data = data[:33] + corpus.chunk(b"eXIf", block) + data[33:]
    assert apart(loaded(data), pixels) == 0


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
