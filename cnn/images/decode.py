"""Decoding, inside the worker process: header first, then the decoder that suits the kind.

OpenCV reads JPEG, PNG and still WebP (its libraries report damage and keep 16 bits), Pillow the rest. Neither
is ever given a file whose header has not been read by our own code.
"""

import io
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import cv2
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from cnn.images.avif_file import read_avif
from cnn.images.errors import ImageError
from cnn.images.header import Header
from cnn.images.jpeg_file import read_jpeg
from cnn.images.pixels import Decoded, Samples, from_array, from_pillow
from cnn.images.png_file import read_png
from cnn.images.raster_files import read_bmp, read_gif, read_webp
from cnn.images.sniff import kind_of, refused_kind
from cnn.images.tiff_file import read_tiff

__all__ = ["decode", "read_header"]

_READERS: dict[str, Callable[[bytes, int], Header]] = {
    "JPEG": read_jpeg,
    "PNG": read_png,
    "WebP": read_webp,
    "GIF": read_gif,
    "BMP": read_bmp,
    "TIFF": read_tiff,
    "AVIF": read_avif,
}
_PILLOW: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
_PROGRESSIVE = 0xC2
# Of 16 bits Pillow keeps the upper byte of colours, and it cannot read gray that goes from white to black.
_TIFF_FOR_OPENCV = (("TIFF", 16, 1, 0), ("TIFF", 16, 3, 2))
_JPEG_DAMAGE = re.compile(rb"Corrupt JPEG data|Premature end|Inconsistent progression|Unsupported marker")
_PADDING = re.compile(rb"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")


def read_header(data: bytes, max_pixels: int) -> Header:
    """Size and structure of a file of any accepted kind, nothing decoded.

    Raises:
        ImageError: not an accepted kind, too large, cut short or damaged.
    """
    if not data:
        raise ImageError("empty")
    kind = kind_of(data)
    if kind is None:
        refused = refused_kind(data)
        if refused == "HEIC":
            raise ImageError("heic")
        raise ImageError("wrong_kind", kind=refused) if refused else ImageError("unknown_kind")
    return _READERS[kind](data, max_pixels)


def decode(data: bytes, max_pixels: int) -> Decoded:
    """The picture in a file, ready to be read in strips.

    Raises:
        ImageError: refused, see `cnn.images.errors`.
        MemoryError: the process's bound was reached.
    """
    header = read_header(data, max_pixels)
    if header.kind == "PNG" or (header.kind == "WebP" and not header.animated):
        return _with_opencv(header)
    if header.kind == "JPEG" and header.channels != 4:
        return _with_opencv(header)
    if (header.kind, header.bits, header.channels, header.coding) in _TIFF_FOR_OPENCV:
        return _with_opencv(_as_turned(header))
    return _with_pillow(header)


def _as_turned(header: Header) -> Header:
    """The header of what OpenCV gives of a TIFF, which it has turned already."""
    if header.orientation >= 5:
        header = replace(header, width=header.height, height=header.width)
    return replace(header, orientation=1)


def _with_opencv(header: Header) -> Decoded:
    with _captured_stderr() as said:
        try:
            array = _read(header)
        except cv2.error as error:
            if error.code == cv2.Error.StsNoMem:
                raise MemoryError from None
            array = None
    messages = said()
    if b"nsufficient memory" in messages or b"ut of memory" in messages:
        raise MemoryError
    size = (header.height, header.width)
    if array is None and header.kind == "JPEG" and header.coding == _PROGRESSIVE and size[0] * size[1] > 25e6:
        raise MemoryError  # libjpeg keeps all coefficients of such a file, and says nothing when it cannot
    if array is None or array.shape[:2] != size or array.dtype not in (np.uint8, np.uint16):
        raise ImageError("damaged", kind=header.kind)
    if header.kind == "JPEG" and _JPEG_DAMAGE.search(messages) and not _only_padded(header.data, messages):
        raise ImageError("damaged", kind="JPEG")
    gray = header.coding in (0, 4) if header.kind == "PNG" else array.ndim == 2
    return from_array(
        array,
        gray=gray,
        orientation=header.orientation,
        icc=header.icc,
        transparent=_scaled(header) if header.transparent else None,
        inverted=header.kind == "TIFF" and header.coding == 0,
    )


def _read(header: Header) -> Samples | None:
    """OpenCV's picture; from a file in memory it decodes into our array, which saves a copy of it all."""
    if not hasattr(os, "memfd_create") or header.kind == "TIFF":  # a TIFF is turned, which needs a new array
        return cv2.imdecode(np.frombuffer(header.data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    channels = () if header.channels == 1 else (header.channels,)
    kind = np.uint16 if header.bits == 16 else np.uint8
    target = np.empty((header.height, header.width, *channels), dtype=kind)
    with os.fdopen(os.memfd_create("picture"), "wb") as file:
        file.write(header.data)
        file.flush()
        return cv2.imread(f"/proc/self/fd/{file.fileno()}", target, cv2.IMREAD_UNCHANGED)


def _only_padded(data: bytes, messages: bytes) -> bool:
    """Whether all that libjpeg complained of is filling between the last block and the end marker."""
    padding = _PADDING.search(messages)
    if padding is None:
        return False
    return not data[-2 - int(padding[1]) : -2].strip(b"\x00\xff")


def _scaled(header: Header) -> tuple[int, ...]:
    """A PNG's transparent sample in the range that the decoder gives: 8 bits, or 16."""
    top = (1 << header.bits) - 1
    scale = 255 // top if header.bits < 8 else 1
    return tuple((sample & top) * scale for sample in header.transparent or ())


def _with_pillow(header: Header) -> Decoded:
    try:
        with _captured_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _PILLOW[header.kind](io.BytesIO(header.data))
            image.load()
            orientation = header.orientation
            if header.kind == "AVIF":  # its own turn is told as EXIF; Pillow has turned a TIFF already
                orientation = _avif_orientation(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ImageError("damaged", kind=header.kind) from None  # larger than its own header says
    except MemoryError:
        raise
    except Exception as error:  # a plugin meets hostile bytes with whatever exception comes first
        raise _refusal(header.kind, error) from None
    icc = header.icc or image.info.get("icc_profile")
    return from_pillow(image, orientation=1 if header.kind == "TIFF" else orientation, icc=icc)


def _avif_orientation(image: Image.Image) -> int:
    value = image.getexif().get(0x0112, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _refusal(kind: str, error: Exception) -> ImageError:
    text = str(error).lower()
    if "out of memory" in text:
        return ImageError("too_much_memory")
    if "truncated" in text:
        return ImageError("incomplete", kind=kind)
    if any(
        word in text for word in ("unsupported", "unknown pixel mode", "not supported", "unknown raw mode")
    ):
        return ImageError("unsupported_variant", kind=kind)
    return ImageError("damaged", kind=kind)


@contextmanager
def _captured_stderr() -> Iterator[Callable[[], bytes]]:
    """What C libraries write to standard error, as a function to call after the block."""
    keep = os.dup(2)
    with _scratch_file() as sink:
        os.dup2(sink.fileno(), 2)
        text = b""
        try:
            yield lambda: text
        finally:
            os.dup2(keep, 2)
            os.close(keep)
            text = _beginning(sink)


def _scratch_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stderr"), "w+b")
    return tempfile.TemporaryFile()


def _beginning(sink: BinaryIO) -> bytes:
    sink.seek(0)
    return sink.read(4096)
