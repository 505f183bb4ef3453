"""From arrays to the bytes a browser shows, quickly and without metadata; and keys for caches."""

import base64
import hashlib
import struct
import zlib

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "data_url",
    "digest",
    "jpeg_bytes",
    "palette_png",
    "png_bytes",
    "resize_to",
    "thumbnail",
    "to_hwc",
]

Pixels = NDArray[np.uint8]
_IHDR_COLOUR = 25  # byte of a PNG that says how a pixel is stored
_IHDR_CRC = 29
_PALETTE = 3
# Run lengths of the differences to the row above: a seventh of the usual time at about the usual size.
_PNG_OPTIONS = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
]


def to_hwc(image: Tensor) -> Pixels:
    """uint8 (C, H, W), C 1 or 3, as an array (H, W) or (H, W, 3)."""
    if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"wanted uint8 (1 or 3, H, W), got {image.dtype} {tuple(image.shape)}")
    pixels = np.asarray(image.cpu().numpy(), dtype=np.uint8)
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))


def png_bytes(pixels: Pixels) -> bytes:
    """Lossless PNG of uint8 (H, W) gray, (H, W, 3) RGB or (H, W, 4) RGBA."""
    return _encoded(".png", pixels, _PNG_OPTIONS)


def jpeg_bytes(pixels: Pixels, quality: int = 90) -> bytes:
    """JPEG of uint8 (H, W) gray or (H, W, 3) RGB; `quality` 1..100, colours at full resolution from 90 on."""
    if not 1 <= quality <= 100:
        raise ValueError(f"wanted a quality of 1 to 100, got {quality}")
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if quality >= 90 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return _encoded(".jpg", pixels, options)


def palette_png(indices: Pixels, palette: Pixels) -> bytes:
    """Lossless PNG of colour-mapped values: uint8 (H, W) indices into a palette (256, 3) of RGB.

    The indices are written as a gray PNG, which is then told that its samples index a palette.
    """
    if indices.ndim != 2:
        raise ValueError(f"wanted indices (H, W), got {indices.shape}")
    if palette.shape != (256, 3) or palette.dtype != np.uint8:
        raise ValueError(f"wanted a uint8 palette (256, 3), got {palette.dtype} {palette.shape}")
    gray = bytearray(png_bytes(indices))
    gray[_IHDR_COLOUR] = _PALETTE
    gray[_IHDR_CRC : _IHDR_CRC + 4] = struct.pack(">I", zlib.crc32(gray[12:_IHDR_CRC]))
    head, rest = gray[: _IHDR_CRC + 4], gray[_IHDR_CRC + 4 :]
    colours = b"PLTE" + np.ascontiguousarray(palette).tobytes()
    return bytes(head + struct.pack(">I", 768) + colours + struct.pack(">I", zlib.crc32(colours)) + rest)


def data_url(data: bytes, mime: str) -> str:
    """`data:` address of some bytes, as in `data_url(png, "image/png")`."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def thumbnail(image: Tensor, max_side: int) -> Tensor:
    """uint8 (C, H, W) made smaller, by area averaging, so that no side is over `max_side`; never larger."""
    if max(image.shape[-2:]) <= max_side:
        return image
    return resize_to(image, max_side)


def resize_to(image: Tensor, max_side: int) -> Tensor:
    """uint8 (C, H, W) whose longer side is exactly `max_side`, the shorter one in proportion but at least 1.

    Smaller by area averaging, larger by bicubic interpolation.
    """
    if max_side < 1:
        raise ValueError(f"wanted a side of at least 1, got {max_side}")
    height, width = image.shape[-2:]
    longest = max(height, width)
    size = (max(1, round(width * max_side / longest)), max(1, round(height * max_side / longest)))
    method = cv2.INTER_AREA if max_side < longest else cv2.INTER_CUBIC
    resized = np.atleast_3d(cv2.resize(to_hwc(image), size, interpolation=method))
    return torch.from_numpy(np.ascontiguousarray(resized.transpose(2, 0, 1)))


def digest(content: bytes | Tensor | NDArray[np.generic]) -> str:
    """32 hexadecimal digits for a cache's key: blake2b of the content, and of an array's type and shape."""
    if isinstance(content, Tensor):
        kind = f"{content.dtype}{tuple(content.shape)}"
        flat = content.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    elif isinstance(content, np.ndarray):
        kind = f"numpy.{content.dtype.str}{content.shape}"
        flat = np.ascontiguousarray(content).reshape(-1).view(np.uint8)
    else:
        return hashlib.blake2b(content, digest_size=16, person=b"bytes").hexdigest()
    state = hashlib.blake2b(kind.encode() + b"\x00", digest_size=16, person=b"array")
    state.update(flat.data)
    return state.hexdigest()


def _encoded(extension: str, pixels: Pixels, options: list[int]) -> bytes:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2] if pixels.ndim == 3 else 0
    if pixels.dtype != np.uint8 or channels not in (1, 3, 4) or not pixels.size:
        raise ValueError(f"wanted uint8 (H, W), (H, W, 3) or (H, W, 4), got {pixels.dtype} {pixels.shape}")
    if channels == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), dtype=np.uint8)
    elif channels == 4:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA), dtype=np.uint8)
    done, data = cv2.imencode(extension, pixels, options)
    if not done:
        raise ValueError(f"cannot encode {pixels.shape} as {extension}")
    return data.tobytes()
