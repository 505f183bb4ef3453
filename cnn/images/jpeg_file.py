"""JPEG: the marker segments, up to the end-of-image marker. Source: ITU-T T.81, annex B."""

import re

from cnn.images.errors import ImageError
from cnn.images.header import Header, checked_size, exif_orientation

__all__ = ["MAX_SCANS", "read_jpeg"]

MAX_SCANS = 64  # a progressive photo has about 10; libjpeg-turbo's own tools go up to some 20
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_AFTER_SCAN = frozenset((0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)))
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def read_jpeg(data: bytes, max_pixels: int) -> Header:
    """Header of a JPEG; `data` of it holds neither metadata nor anything after the end of the picture.

    Raises:
        ImageError: too large, too many scans, cut short, damaged, or lossless, hierarchical or not 8 bits.
    """
    frame: tuple[int, int, int, int, int] | None = None  # marker, bits, height, width, components
    kept = [b"\xff\xd8"]
    icc: dict[int, bytes] = {}
    orientation, position, scans, first_scan = 0, 2, 0, 0
    while True:
        marker, position = _marker(data, position)
        if marker == 0xD9:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        body = data[position + 2 : position + length]
        if length < 2:
            raise ImageError("damaged", kind="JPEG")
        if position + length > len(data):
            raise ImageError("incomplete", kind="JPEG")
        if marker in _SOF:
            if frame is not None:
                raise ImageError("damaged", kind="JPEG")
            frame = _frame(marker, body, max_pixels)
        elif marker == 0xE1 and body[:6] == b"Exif\x00\x00" and not orientation:
            orientation = exif_orientation(body)
        elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\x00" and len(body) > 14:
            icc[body[12]] = body[14:]
        if marker == 0xDA:
            scans += 1
            first_scan = first_scan or position - 2
            position = _scan_end(data, position + length)
            continue
        if not scans and (marker in (0xE0, 0xEE) or not 0xE0 <= marker <= 0xFE):
            kept.append(data[position - 2 : position + length])
        position += length
    if frame is None or not scans:
        raise ImageError("damaged", kind="JPEG")
    if scans > MAX_SCANS:
        raise ImageError("too_many_scans", scans=scans, limit=MAX_SCANS)
    marker, bits, height, width, channels = frame
    kept.append(data[first_scan:position])
    profile = b"".join(icc[number] for number in sorted(icc)) or None
    return Header(
        "JPEG", width, height, b"".join(kept), channels, bits, orientation or 1, profile, coding=marker
    )


def _marker(data: bytes, position: int) -> tuple[int, int]:
    """The marker at `position`, fill bytes skipped, and the position behind it."""
    if position < len(data) and data[position] != 0xFF:
        raise ImageError("damaged", kind="JPEG")
    while position < len(data) and data[position] == 0xFF:
        position += 1
    if position >= len(data):
        raise ImageError("incomplete", kind="JPEG")
    marker = data[position]
    if marker < 0xC0 or 0xD0 <= marker <= 0xD8:
        raise ImageError("damaged", kind="JPEG")
    return marker, position + 1


def _frame(marker: int, body: bytes, max_pixels: int) -> tuple[int, int, int, int, int]:
    if len(body) < 6:
        raise ImageError("damaged", kind="JPEG")
    bits, channels = body[0], body[5]
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    checked_size("JPEG", width, height, max_pixels)
    if marker not in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA) or bits != 8 or channels not in (1, 3, 4):
        raise ImageError("unsupported_variant", kind="JPEG")
    return marker, bits, height, width, channels


def _scan_end(data: bytes, position: int) -> int:
    """Where the marker behind the coded data of a scan begins."""
    found = _NEXT_MARKER.search(data, position)
    if found is None:
        raise ImageError("incomplete", kind="JPEG")
    if data[found.start() + 1] not in _AFTER_SCAN:
        raise ImageError("damaged", kind="JPEG")
    return found.start()
