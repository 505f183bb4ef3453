"""The one way a person's picture becomes a tensor."""

from pathlib import Path

import torch
from torch import Tensor

from cnn.images.errors import ImageError
from cnn.images.header import MAX_FILE_BYTES, MAX_PIXELS
from cnn.images.pool import decode_pixels

__all__ = ["load_image"]


def load_image(source: bytes | str | Path, *, max_pixels: int = MAX_PIXELS, owner: str = "") -> Tensor:
    """The picture in a file, decoded by another process that has 5 seconds and 300 MB.

    JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF by content: the first frame, turned upright, its ICC profile
    applied, anything transparent over white, 16 bits to 8.

    Args:
        source: the file's bytes, or its path.
        max_pixels: width times height at most.
        owner: whose picture it is (a session), so that nobody waits for all of somebody else's pictures.

    Returns:
        uint8 (C, H, W), 0..255; C is 1 for a gray picture and 3 (red, green, blue) for any other.

    Raises:
        ImageError: the file is not a picture that can be opened; says why and what to do.
        TypeError: `source` is neither bytes nor a path.
    """
    data = _file_bytes(source) if isinstance(source, str | Path) else source
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"wanted bytes or a path, got {type(source).__name__}")
    data = bytes(data)
    if not data:
        raise ImageError("empty")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(
            "file_too_large", megabytes=f"{len(data) / 1e6:.1f}", limit=f"{MAX_FILE_BYTES / 1e6:g}"
        )
    return torch.from_numpy(decode_pixels(data, max_pixels, owner))


def _too_large(size: int) -> ImageError:
    return ImageError("file_too_large", megabytes=f"{size / 1e6:.1f}", limit=f"{MAX_FILE_BYTES / 1e6:g}")


def _file_bytes(path: str | Path) -> bytes:
    try:
        path = Path(path)
        if not path.is_file():
            raise ImageError("no_file")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ImageError(
                "file_too_large", megabytes=f"{size / 1e6:.1f}", limit=f"{MAX_FILE_BYTES / 1e6:g}"
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError("no_file") from None
