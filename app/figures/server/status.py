"""The status page's picture and numbers."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from app.language import Words
from cnn.images.encode import data_url, jpeg_bytes, to_hwc


def frame_url(image: Tensor) -> str:
    """Return uint8 (C, H, W) as a JPEG data URL; a media file would be gone before a burst of frames is shown."""
    return data_url(jpeg_bytes(to_hwc(image), quality=90), "image/jpeg")


def memory_text() -> str:
    """Return this process's resident memory, in MB; a dash where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return "–"
    return f"{pages * 4096 / 1e6:.0f} MB"


def runtime_text(words: Words, device: str) -> str:
    """Return what computes live detection and segmentation on this device, in words."""
    from cnn.models.converted import OPENVINO, TORCH, live_runtime

    name = live_runtime() if device == "cpu" else TORCH
    return words("runtime_openvino" if name.startswith(OPENVINO) else "runtime_torch", name=name)


def queue_text(words: Words, position: int, seconds: float | None) -> str:
    """Return where a job stands in the queue and, where that is known, how long it will wait."""
    if seconds is None:
        return words("queued_unknown", position=position)
    return words("queued", position=position, seconds=round(seconds))
