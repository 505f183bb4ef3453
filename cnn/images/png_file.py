"""PNG and APNG: the chunks, each with its checksum. Source: W3C PNG specification, third edition."""

import struct
import zlib

from cnn.images.errors import ImageError
from cnn.images.header import Header, checked_size, exif_orientation

__all__ = ["read_png"]

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}  # as decoded
_MAX_CHUNKS = 100_000
_MAX_PROFILE = 4_000_000


def read_png(data: bytes, max_pixels: int) -> Header:
    """Header of a PNG; `data` of it is a PNG of the pixel chunks alone: text and animation can do no harm.

    Raises:
        ImageError: too large, cut short, a checksum is wrong, or the chunks are not those of a PNG.
    """
    width, height, bits, colour = _start(data, max_pixels)
    kept = [data[:33]]
    icc: bytes | None = None
    transparent: tuple[int, ...] | None = None
    orientation, channels, pixels_seen, palette_seen = 1, _CHANNELS[colour], False, False
    for name, body, chunk in _chunks(data, 33):
        if name == b"IDAT":
            pixels_seen = True
            kept.append(chunk)
        elif name == b"PLTE":
            palette_seen = True
            if colour == 3:
                kept.append(chunk)
        elif name == b"tRNS" and colour == 3:
            channels = 4
            kept.append(chunk)
        elif name == b"tRNS" and colour in (0, 2) and len(body) >= 2 * channels:
            transparent = struct.unpack_from(f">{channels}H", body)
        elif name == b"iCCP":
            icc = _profile(body)
        elif name == b"eXIf":
            orientation = exif_orientation(body)
        elif name == b"IEND":
            kept.append(chunk)
    if not pixels_seen or (colour == 3 and not palette_seen):
        raise ImageError("damaged", kind="PNG")
    return Header(
        "PNG", width, height, b"".join(kept), channels, bits, orientation, icc, transparent, coding=colour
    )


def _start(data: bytes, max_pixels: int) -> tuple[int, int, int, int]:
    if len(data) < 33:
        raise ImageError("incomplete", kind="PNG")
    if data[8:16] == b"\x00\x00\x00\x04CgBI":
        raise ImageError("unsupported_variant", kind="PNG")  # Apple's own, made for one device
    if data[8:16] != b"\x00\x00\x00\x0dIHDR":
        raise ImageError("damaged", kind="PNG")
    width, height, bits, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    checked_size("PNG", width, height, max_pixels)
    sound = bits in _DEPTHS.get(colour, ()) and compression == 0 and filtering == 0 and interlace <= 1
    if not sound or zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise ImageError("damaged", kind="PNG")
    return width, height, bits, colour


def _chunks(data: bytes, position: int) -> list[tuple[bytes, bytes, bytes]]:
    """(name, body, whole chunk) of every chunk up to IEND, with a right checksum."""
    chunks: list[tuple[bytes, bytes, bytes]] = []
    while len(chunks) < _MAX_CHUNKS:
        if position + 12 > len(data):
            raise ImageError("incomplete", kind="PNG")
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        if not name.isalpha():
            raise ImageError("damaged", kind="PNG")
        end = position + 12 + length
        if end > len(data):
            raise ImageError("incomplete", kind="PNG")
        chunk = data[position:end]
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ImageError("damaged", kind="PNG")
        if name[:1].isupper() and name not in (b"IDAT", b"PLTE", b"IEND"):
            raise ImageError("damaged", kind="PNG")
        chunks.append((name, chunk[8:-4], chunk))
        if name == b"IEND":
            return chunks
        position = end
    raise ImageError("damaged", kind="PNG")


def _profile(body: bytes) -> bytes | None:
    """The inflated ICC profile; None where it is broken or beyond any real profile's size."""
    name_end = body.find(b"\x00")
    if not 0 < name_end < 80:
        return None
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(body[name_end + 2 :], _MAX_PROFILE)
    except zlib.error:
        return None
    return profile if inflater.eof else None
