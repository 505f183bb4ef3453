"""Filters along other axes than a picture's: banks for a sound and for a video, and the samples that come with the app."""

import wave
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cnn.checks import expect_integer
from cnn.video import opened_video

__all__ = [
    "SOUND_FILTERS",
    "SOUND_RATE",
    "VIDEO_FILTERS",
    "bundled_sound",
    "bundled_video",
    "sound_bank",
    "video_bank",
]

SOUND_FILTERS = ("smooth", "difference", "bend", "tone")
VIDEO_FILTERS = ("motion", "edges", "trail", "flicker")
SOUND_RATE = 22_050
TONE = 2000.0
ASSETS = Path(__file__).resolve().parents[2] / "assets"


def sound_bank(taps: int) -> Tensor:
    """Four filters for a sound of 22,050 samples a second, float32 ``(4, 1, taps)``, as `SOUND_FILTERS` names them.

    The average; after minus before; the middle minus its surroundings; and a tone of 2,000 Hz that fades in and out.

    Raises:
        ValueError: an even number of taps, or one outside 3..63.
    """
    if not 3 <= expect_integer(taps, "taps", minimum=3) <= 63 or taps % 2 == 0:
        raise ValueError(f"expected an odd number of taps from 3 to 63, got {taps}")
    middle = taps // 2
    place = torch.arange(taps, dtype=torch.float64) - middle
    smooth = torch.full((taps,), 1 / taps, dtype=torch.float64)
    difference = place.sign() / middle
    bend = -smooth.clone()
    bend[middle] += 1
    tone = torch.cos(2 * torch.pi * TONE / SOUND_RATE * place) * torch.cos(torch.pi * place / (taps + 1)) ** 2
    tone = tone / tone.abs().sum()
    return torch.stack([smooth, difference, bend, tone])[:, None].float()


def video_bank() -> Tensor:
    """Four filters over 3 frames of 3 × 3 pixels, float32 ``(4, 1, 3, 3, 3)``, as `VIDEO_FILTERS` names them.

    After minus before (blurred in space); Sobel's vertical edges (averaged in time); the average of the three frames; and
    the frame between minus the mean of its neighbours in time.
    """
    blur = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    sobel = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8
    point = torch.zeros(3, 3)
    point[1, 1] = 1
    times = torch.tensor([[-1.0, 0, 1], [1 / 3, 1 / 3, 1 / 3], [1 / 3, 1 / 3, 1 / 3], [-0.5, 1, -0.5]])
    spaces = torch.stack([blur, sobel, point, blur])
    return (times[:, :, None, None] * spaces[:, None])[:, None]


@cache
def bundled_sound() -> Tensor:
    """The recording of a camera's shutter, float32 ``(1, L)`` in −1..1, 22,050 samples a second. Do not change it."""
    with wave.open(str(ASSETS / "sounds" / "camera_shutter.wav"), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return torch.from_numpy(samples.astype(np.float32) / 32768)[None]


@cache
def bundled_video() -> Tensor:
    """60 gray frames of Big Buck Bunny, uint8 ``(1, 60, 108, 192)``. Do not change it."""
    with opened_video(ASSETS / "videos" / "big_buck_bunny.mp4") as video:
        frames = [picture.float().mean(0).round().to(torch.uint8) for _, picture in video.pictures()]
    return torch.stack(frames)[None]
