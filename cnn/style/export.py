"""A run's frames as an animated GIF or an MP4, bounded in size, length and number of frames."""

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from cnn.style.errors import StyleError
from cnn.style.pictures import as_uint8, picture, resized, scaled_size

__all__ = ["chosen_frames", "gif_bytes", "mp4_bytes"]

LARGEST_SIDE = 1920
MOST_FRAMES = 1000
_CODECS = ("vp09", "mp4v")  # the first plays in browsers; the second is there in every build of OpenCV


def gif_bytes(
    frames: Sequence[Tensor], *, seconds: float = 4.0, max_side: int = 480, max_frames: int = 120
) -> bytes:
    """An endless GIF of the run; the last picture stays for a second.

    Args:
        frames: uint8 ``(3, H, W)`` or ``(1, H, W)``, of any sizes; all take the last one's,
            at most `max_side`.
        seconds: of the movement, 0.1 to 60.
        max_frames: more are thinned out evenly, the first and last kept.

    Raises:
        StyleError: no_frames, not_a_picture, setting.
    """
    chosen = _prepared(frames, seconds, max_side, max_frames)
    pictures = [Image.fromarray(frame) for frame in chosen]
    hundredths = max(2, round(100 * seconds / len(pictures)))
    stays = [10 * hundredths] * (len(pictures) - 1) + [1000]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=stays, loop=0, optimize=False
    )
    return buffer.getvalue()


def mp4_bytes(
    frames: Sequence[Tensor], *, seconds: float = 6.0, max_side: int = 1080, max_frames: int = 600
) -> bytes:
    """An MP4 (VP9 where the encoder is there, else MPEG-4) of the run; arguments as for `gif_bytes`.

    Sides are made even by cutting a row or column, as video encoders want.

    Raises:
        StyleError: no_frames, not_a_picture, setting, no_encoder.
        OSError: the temporary file cannot be written.
    """
    chosen = [
        f[: f.shape[0] // 2 * 2 or 2, : f.shape[1] // 2 * 2 or 2]
        for f in _prepared(frames, seconds, max(16, max_side), max_frames, least=2)
    ]
    rate = max(1.0, len(chosen) / seconds)
    folder = tempfile.mkdtemp(prefix="convscope-")
    path = Path(folder) / "run.mp4"
    try:
        for codec in _CODECS:
            if _written(path, codec, rate, chosen):
                return path.read_bytes()
        raise StyleError("no_encoder")
    finally:
        path.unlink(missing_ok=True)
        os.rmdir(folder)


def chosen_frames(count: int, most: int) -> list[int]:
    """Which of `count` frames to keep: all, or `most` spread evenly with the first and the last."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)] if most > 1 else [count - 1]


def _prepared(
    frames: Sequence[Tensor], seconds: float, max_side: int, max_frames: int, *, least: int = 1
) -> list[np.ndarray]:
    """The frames to write, (H, W, 3) RGB, all of one size, each side at least `least`."""
    if not frames:
        raise StyleError("no_frames")
    for name, value, low, high in (
        ("seconds", seconds, 0.1, 60),
        ("max_side", max_side, 1, LARGEST_SIDE),
        ("max_frames", max_frames, 1, MOST_FRAMES),
    ):
        if not low <= value <= high:
            raise StyleError("setting", name=name, wanted=f"{low} to {high}", got=str(value)[:60])
    last = picture(frames[-1])
    longer = min(max_side, max(last.shape[-2:]))
    height, width = scaled_size(last.shape[-2], last.shape[-1], longer)
    size = max(least, height), max(least, width)
    kept = (frames[index] for index in chosen_frames(len(frames), max_frames))
    return [as_uint8(resized(picture(frame), size)).permute(1, 2, 0).numpy() for frame in kept]


def _written(path: Path, codec: str, rate: float, frames: list[np.ndarray]) -> bool:
    """Whether this encoder exists and wrote the frames."""
    height, width = frames[0].shape[:2]
    code = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, rate, (width, height))
    try:
        if not writer.isOpened():
            return False
        for frame in frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()
    return path.is_file() and path.stat().st_size > 0
