"""GIF, BMP and WebP: sizes and completeness.

Sources: GIF89a specification (CompuServe 1990); Microsoft's BITMAPINFOHEADER documentation; RFC 9649 (WebP).
"""

from cnn.images.errors import ImageError
from cnn.images.header import Header, checked_size, exif_orientation, scalar

__all__ = ["read_bmp", "read_gif", "read_webp"]


def _incomplete_gif() -> ImageError:
    return ImageError("incomplete", kind="GIF")


def _incomplete_bmp() -> ImageError:
    return ImageError("incomplete", kind="BMP")


def _incomplete_webp() -> ImageError:
    return ImageError("incomplete", kind="WebP")


def read_gif(data: bytes, max_pixels: int) -> Header:
    """Header of a GIF; the size covers the logical screen and the first frame, which may reach beyond it.

    Raises:
        ImageError: too large, or the blocks do not lead to the trailer.
    """
    width, height = (scalar(data, at, "<H", _incomplete_gif) for at in (6, 8))
    if width and height:
        checked_size("GIF", width, height, max_pixels)
    flags = scalar(data, 10, "<B", _incomplete_gif)
    position = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    frames = 0
    while True:
        block = scalar(data, position, "<B", _incomplete_gif)
        if block == 0x3B:
            break
        if block == 0x21:
            position = _sub_blocks_end(data, position + 2)
        elif block == 0x2C:
            left, top, w, h = (scalar(data, position + at, "<H", _incomplete_gif) for at in (1, 3, 5, 7))
            if not frames:
                width, height = max(width, left + w), max(height, top + h)
                checked_size("GIF", width, height, max_pixels)
                checked_size("GIF", w, h, max_pixels)
            frames += 1
            flags = scalar(data, position + 9, "<B", _incomplete_gif)
            colours = 3 << ((flags & 7) + 1) if flags & 0x80 else 0
            position = _sub_blocks_end(data, position + 11 + colours)
        else:
            raise ImageError("damaged", kind="GIF")
    if not frames:
        raise ImageError("damaged", kind="GIF")
    return Header("GIF", width, height, data, animated=frames > 1)


def _sub_blocks_end(data: bytes, position: int) -> int:
    end = len(data)
    while position < end:
        length = data[position]
        position += 1 + length
        if not length:
            return position
    raise _incomplete_gif()


def read_bmp(data: bytes, max_pixels: int) -> Header:
    """Header of a BMP.

    Raises:
        ImageError: too large, or the header is cut short.
    """
    layout = scalar(data, 14, "<I", _incomplete_bmp)
    if layout == 12:
        width, height = (scalar(data, at, "<H", _incomplete_bmp) for at in (18, 20))
        bits = scalar(data, 24, "<H", _incomplete_bmp)
    else:
        width, height = (scalar(data, at, "<i", _incomplete_bmp) for at in (18, 22))
        bits = scalar(data, 28, "<H", _incomplete_bmp)
    checked_size("BMP", width, abs(height), max_pixels)
    if bits not in (1, 2, 4, 8, 16, 24, 32):
        raise ImageError("damaged", kind="BMP")
    return Header("BMP", width, abs(height), data, bits=bits)


def read_webp(data: bytes, max_pixels: int) -> Header:
    """Header of a WebP, from its first chunk; every chunk must lie inside the file.

    Raises:
        ImageError: too large, cut short or without a picture.
    """
    end = 8 + scalar(data, 4, "<I", _incomplete_webp)
    if end > len(data):
        raise _incomplete_webp()
    width = height = 0
    orientation, icc, animated, pictures, channels, position = 1, None, False, 0, 3, 12
    while position + 8 <= end:
        name = data[position : position + 4]
        length = scalar(data, position + 4, "<I", _incomplete_webp)
        body = position + 8
        if body + length > end:
            raise _incomplete_webp()
        if name == b"VP8X" and length >= 10:
            animated = bool(data[body] & 2)
            channels = 4 if data[body] & 16 else 3
            width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (body + 4, body + 7))
            checked_size("WebP", width, height, max_pixels)
        elif name in (b"VP8 ", b"VP8L"):
            w, h = _bitstream_size(name, data[body : body + 10])
            if name == b"VP8L" and not width:
                channels = 4 if data[body + 4] & 16 else 3
            checked_size("WebP", w, h, max_pixels)
            width, height = width or w, height or h
            if (w, h) != (width, height):
                raise ImageError("damaged", kind="WebP")
        elif name == b"ICCP":
            icc = data[body : body + length]
        elif name == b"EXIF":
            orientation = exif_orientation(data[body : body + length])
        pictures += name in (b"VP8 ", b"VP8L", b"ANMF")
        position = body + length + (length & 1)
    if not pictures:
        raise ImageError("damaged", kind="WebP")
    return Header(
        "WebP", width, height, data[:end], channels, orientation=orientation, icc=icc, animated=animated
    )


def _bitstream_size(name: bytes, head: bytes) -> tuple[int, int]:
    if len(head) < 10:
        raise _incomplete_webp()
    if name == b"VP8L":
        packed = int.from_bytes(head[1:5], "little")
        return (packed & 0x3FFF) + 1, ((packed >> 14) & 0x3FFF) + 1
    return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
