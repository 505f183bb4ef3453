"""AVIF: sizes from its boxes. Source: ISO/IEC 14496-12 and 23008-12, AV1 Image File Format 1.1."""

from collections.abc import Iterator

from cnn.images.errors import ImageError
from cnn.images.header import Header, checked_size

__all__ = ["read_avif"]

_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0}  # bytes before the first child
_MAX_BOXES = 20_000


def read_avif(data: bytes, max_pixels: int) -> Header:
    """Header of an AVIF; every size that an item or track declares is checked, the largest is reported.

    Raises:
        ImageError: too large, cut short or without a size.
    """
    sizes = []
    for number, (name, start, end) in enumerate(_boxes(data, 0, len(data), 0)):
        if number > _MAX_BOXES:
            raise ImageError("damaged", kind="AVIF")
        if name == b"ispe" and end - start >= 12:
            sizes.append((_number(data, start + 4), _number(data, start + 8)))
        elif name == b"tkhd" and end - start >= 84:
            sizes.append((_number(data, end - 8) >> 16, _number(data, end - 4) >> 16))
    for width, height in sizes:
        checked_size("AVIF", width, height, max_pixels)
    if not sizes:
        raise ImageError("damaged", kind="AVIF")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header("AVIF", width, height, data)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _boxes(data: bytes, position: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, first byte of the content, end) of every box, those inside known containers included."""
    while position + 8 <= end:
        size, name, head = _number(data, position), data[position + 4 : position + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        elif size == 0:
            size = end - position
        if size < head:
            raise ImageError("damaged", kind="AVIF")
        if position + size > end:
            raise ImageError("incomplete" if not depth else "damaged", kind="AVIF")
        yield name, position + head, position + size
        if name in _CONTAINERS and depth < 6:
            yield from _boxes(data, position + head + _CONTAINERS[name], position + size, depth + 1)
        position += size
    if not depth and position < end:
        raise ImageError("incomplete", kind="AVIF")
