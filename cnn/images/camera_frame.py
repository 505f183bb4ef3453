"""A frame of a camera or a recorded run: a JPEG of bounded size, decoded where it is needed, without a process of its own.

`load_image` takes any file that a person finds, in a killable worker; a frame comes several times a second and is always
the same kind. So only what a browser's own encoder writes is taken: baseline JPEG, one scan, a bounded size, read from
the header before anything is decoded.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from cnn.images.errors import ImageError
from cnn.images.jpeg_file import read_jpeg

__all__ = ["FRAME_BYTES", "FRAME_SIDE", "camera_frame"]

FRAME_SIDE = 1280
FRAME_BYTES = 1_400_000
_BASELINE = (0xC0, 0xC1)


def camera_frame(data: bytes, *, max_side: int = FRAME_SIDE) -> Tensor:
    """The frame as uint8 (3, H, W), RGB.

    Args:
        data: a baseline JPEG of 1 or 3 channels. max_side: of its longer side, in pixels.

    Raises:
        ImageError: empty, another kind, larger than `max_side` or `FRAME_BYTES`, cut short or damaged.
    """
    if not data:
        raise ImageError("empty")
    if data[:3] != b"\xff\xd8\xff":
        raise ImageError("unknown_kind")
    if len(data) > FRAME_BYTES:
        raise ImageError("file_too_large", megabytes=f"{len(data) / 1e6:.1f}", limit=FRAME_BYTES / 1e6)
    header = read_jpeg(data, max_side * max_side)
    if max(header.width, header.height) > max_side:
        raise ImageError("side_too_long", width=header.width, height=header.height, limit=max_side)
    if header.coding not in _BASELINE or header.channels not in (1, 3):
        raise ImageError("unsupported_variant", kind="JPEG")
    rows = cv2.imdecode(np.frombuffer(header.data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if rows is None or rows.shape != (header.height, header.width, 3):
        raise ImageError("damaged", kind="JPEG")
    return torch.from_numpy(rows).permute(2, 0, 1).contiguous()
