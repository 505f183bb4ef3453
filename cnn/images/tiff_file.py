"""TIFF and BigTIFF: the first image directory. Source: TIFF revision 6.0 (Adobe 1992)."""

import struct
from collections.abc import Mapping

from cnn.images.errors import ImageError
from cnn.images.header import Header, checked_size, scalar

__all__ = ["read_tiff"]

_SIZES = {1: "B", 3: "H", 4: "I", 16: "Q", 6: "b", 8: "h", 9: "i"}
_MAX_ENTRIES = 4096
_MAX_TILE = 64_000_000
_DNG_VERSION = 50706


def _incomplete() -> ImageError:
    return ImageError("incomplete", kind="TIFF")


def read_tiff(data: bytes, max_pixels: int) -> Header:
    """Header of a TIFF: its first page; all of that page's strips or tiles must lie inside the file.

    Raises:
        ImageError: too large, cut short, damaged, a camera's raw file, or of a layout that is not read right.
    """
    tags = _first_directory(data)
    width, height = _first(tags, 256), _first(tags, 257)
    checked_size("TIFF", width, height, max_pixels)
    if _DNG_VERSION in tags:
        raise ImageError("wrong_kind", kind="RAW")
    tiled = 322 in tags
    if tiled:
        tile_width, tile_height = _first(tags, 322), _first(tags, 323)
        if not 0 < tile_width * tile_height <= _MAX_TILE:
            raise ImageError("damaged", kind="TIFF")
    offsets, lengths = tags.get(324 if tiled else 273, ()), tags.get(325 if tiled else 279, ())
    if not offsets:
        raise ImageError("damaged", kind="TIFF")
    if any(offset + length > len(data) for offset, length in zip(offsets, lengths, strict=False)):
        raise _incomplete()
    bits = tags.get(258, (1,))
    if bits and bits[0] > 8 and len(bits) > 1 and _first(tags, 284, 1) == 2:
        raise ImageError("unsupported_variant", kind="TIFF")  # wide samples in separate planes: read wrongly
    orientation = _first(tags, 274, 1)
    return Header(
        "TIFF",
        width,
        height,
        data,
        channels=_first(tags, 277, 1),
        bits=bits[0] if bits else 1,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        coding=_first(tags, 262, 1),
    )


def _first(tags: Mapping[int, tuple[int, ...]], tag: int, default: int = 0) -> int:
    values = tags.get(tag, ())
    return values[0] if values else default


def _first_directory(data: bytes) -> dict[int, tuple[int, ...]]:
    """Integer tags of the first directory; tags of other types and those that leave the file are left out."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\x00", b"\x00+")
    start = scalar(data, 8 if big else 4, order + ("Q" if big else "I"), _incomplete)
    count = scalar(data, start, order + ("Q" if big else "H"), _incomplete)
    if count > _MAX_ENTRIES:
        raise ImageError("damaged", kind="TIFF")
    layout, inline, head = (order + "HHQ", 8, 12) if big else (order + "HHI", 4, 8)
    first = start + (8 if big else 2)
    if first + count * (head + inline) > len(data):
        raise _incomplete()
    tags: dict[int, tuple[int, ...]] = {}
    for entry in range(first, first + count * (head + inline), head + inline):
        tag, kind, number = struct.unpack_from(layout, data, entry)
        if kind not in _SIZES or tag in tags:
            continue
        size = struct.calcsize(order + _SIZES[kind]) * number
        at = entry + head
        if size > inline:
            at = scalar(data, at, order + ("Q" if big else "I"), _incomplete)
        if at + size <= len(data):
            tags[tag] = struct.unpack_from(f"{order}{number}{_SIZES[kind]}", data, at)
        elif tag in (273, 279, 324, 325):
            raise _incomplete()
    return tags
