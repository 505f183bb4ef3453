"""Sizes and structure of a picture file, read from its bytes before anything is decoded.

Every reader refuses what is too large, cut short or inconsistent, so that a decoder only ever sees a
file whose memory and time are known. Nothing here imports a decoder.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from cnn.images.errors import ImageError

__all__ = ["MAX_FILE_BYTES", "MAX_PIXELS", "MAX_SIDE", "Header", "checked_size", "exif_orientation", "scalar"]

MAX_FILE_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
MAX_SIDE = 30_000


@dataclass(frozen=True, slots=True)
class Header:
    """What the decoder needs to know.

    `data` is what it is given: the file, without the parts that no picture needs (comments, previews,
    metadata) where they can be cut out cheaply. `width` and `height` are as stored, before `orientation`
    (EXIF, 1 to 8) is applied. `channels` counts the components that the decoder gives and `bits` the bits of
    a stored one; `transparent` is a PNG's transparent sample; `coding` is the marker of a JPEG's frame, a
    PNG's colour type or a TIFF's photometric interpretation.
    """

    kind: str
    width: int
    height: int
    data: bytes
    channels: int = 3
    bits: int = 8
    orientation: int = 1
    icc: bytes | None = None
    transparent: tuple[int, ...] | None = None
    animated: bool = False
    coding: int = 0


def checked_size(kind: str, width: int, height: int, max_pixels: int) -> None:
    """Refuse a size of zero, a side over `MAX_SIDE` or an area over `max_pixels`.

    Raises:
        ImageError: `damaged`, `too_many_pixels` or `side_too_long`.
    """
    if width <= 0 or height <= 0:
        raise ImageError("damaged", kind=kind)
    if width * height > max_pixels:
        raise ImageError("too_many_pixels", width=width, height=height, limit=f"{max_pixels / 1e6:g}")
    if max(width, height) > MAX_SIDE:
        raise ImageError("side_too_long", width=width, height=height, limit=MAX_SIDE)


def scalar(data: bytes, offset: int, layout: str, incomplete: Callable[[], ImageError]) -> int:
    """One number at `offset`, in `struct` notation; `incomplete` makes what is raised past the end."""
    size = struct.calcsize(layout)
    if offset < 0 or offset + size > len(data):
        raise incomplete()
    return int(struct.unpack_from(layout, data, offset)[0])


def exif_orientation(block: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block; 1 where it is missing, broken or out of range."""
    block = block.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(order + "HHI", block, entry)
            if tag == 0x0112 and number == 1 and kind in (1, 3, 4):
                layout = order + {1: "B", 3: "H", 4: "I"}[kind]
                (value,) = struct.unpack_from(layout, block, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
