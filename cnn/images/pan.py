"""A clip made of one picture, for who has no video at hand."""

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

__all__ = ["pan_clip", "panned"]


def panned(image: Tensor, *, frames: int = 48, side: int = 480) -> Iterator[Tensor]:
    """A clip made of one picture: a window of two thirds of it goes round once, nearer and farther, and comes back.

    Args:
        image: uint8 (C, H, W), C 1 or 3. frames: at least 2. side: of the longer side of the frames, in pixels.

    Yields:
        uint8 (3, H', W'), even sides.
    """
    rows = image.expand(3, -1, -1).permute(1, 2, 0).contiguous().cpu().numpy()
    height, width = rows.shape[:2]
    scale = side / max(height, width)
    size = (max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2))
    for number in range(frames):
        turn = 2 * math.pi * number / frames
        part = 0.66 + 0.14 * math.cos(2 * turn)
        left = (1 - part) * width * (0.5 - 0.5 * math.cos(turn))
        top = (1 - part) * height * (0.5 + 0.5 * math.sin(turn))
        step = np.array([part * width / size[0], part * height / size[1]])
        window = np.array([[step[0], 0, left], [0, step[1], top]])
        seen = cv2.warpAffine(
            rows, window, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        yield torch.from_numpy(seen).permute(2, 0, 1).contiguous()


def pan_clip(path: Path, image: Tensor, *, fps: float = 12.0) -> None:
    """Write `panned(image)` as a video of JPEGs (AVI), which takes milliseconds where other codecs take seconds.

    Raises:
        OSError: it cannot be written.
    """
    writer: cv2.VideoWriter | None = None
    for frame in panned(image):
        rows = np.ascontiguousarray(frame.permute(1, 2, 0).numpy()[:, :, ::-1])
        if writer is None:
            size = (rows.shape[1], rows.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
        writer.write(rows)
    if writer is not None:
        writer.release()
    if not path.is_file() or not path.stat().st_size:
        raise OSError(28, "The clip could not be written")
