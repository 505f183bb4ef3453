"""Four ways to change a picture while its label stays true, as switches; every draw from one generator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["SWITCHES", "augmented"]

SWITCHES = ("mirror", "crop", "rotation", "colour")
CROP = (0.5, 1.0)  # share of the area
DEGREES = 20.0
JITTER = 0.3


def augmented(images: Tensor, switches: tuple[str, ...], generator: torch.Generator) -> Tensor:
    """Pictures changed at random, float (N, 3, S, S) in 0..1 → the same.

    `mirror` turns half of them left to right, `crop` takes a square window of 50–100 % of the area, `rotation` turns by up
    to 20° (the border is reflected), `colour` changes brightness, contrast and saturation by up to 30 %.

    Raises:
        ValueError: a switch that does not exist.
    """
    unknown = set(switches) - set(SWITCHES)
    if unknown:
        raise ValueError(f"wanted switches of {', '.join(SWITCHES)}, got {', '.join(sorted(unknown))}")
    if {"mirror", "crop", "rotation"} & set(switches):
        images = _moved(images, switches, generator)
    return _recoloured(images, generator) if "colour" in switches else images


def _moved(images: Tensor, switches: tuple[str, ...], generator: torch.Generator) -> Tensor:
    count = len(images)

    def drawn(low: float, high: float) -> Tensor:
        return torch.empty(count).uniform_(low, high, generator=generator)

    mirror = drawn(-1, 1).sign() if "mirror" in switches else torch.ones(count)
    angle = (drawn(-DEGREES, DEGREES) if "rotation" in switches else torch.zeros(count)) * (math.pi / 180)
    zoom = drawn(*CROP).sqrt() if "crop" in switches else torch.ones(count)
    shift_x, shift_y = ((1 - zoom) * drawn(-1, 1) for _ in range(2))
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    first = torch.stack([mirror * cos, -sin, shift_x], 1)
    second = torch.stack([mirror * sin, cos, shift_y], 1)
    grid = F.affine_grid(torch.stack([first, second], 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _recoloured(images: Tensor, generator: torch.Generator) -> Tensor:
    brightness, contrast, saturation = (
        torch.empty(len(images), 1, 1, 1).uniform_(1 - JITTER, 1 + JITTER, generator=generator)
        for _ in range(3)
    )
    images = images * brightness
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + contrast * (images - middle)
    gray = images.mean(1, keepdim=True)
    return (gray + saturation * (images - gray)).clamp(0, 1)
