"""A colour for every class of pixels, the same wherever it is drawn; and pictures under them."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from cnn.checks import expect_image

__all__ = ["class_colours", "overlaid"]

_COLOURS = {
    "membrane": (38, 70, 130), "cell": (240, 190, 92),
    "sky": (120, 185, 235), "building": (176, 112, 84), "pole": (250, 226, 90), "road": (124, 104, 160),
    "pavement": (236, 140, 190), "tree": (70, 152, 74), "sign_symbol": (240, 160, 40), "fence": (150, 150, 80),
    "car": (44, 84, 200), "pedestrian": (222, 50, 60), "bicyclist": (20, 170, 170), "__background__": (64, 66, 72),
    "person": (222, 50, 60), "cat": (240, 150, 50), "dog": (150, 96, 200), "horse": (160, 100, 60),
    "bird": (60, 170, 220), "aeroplane": (130, 190, 240), "bus": (250, 200, 60), "train": (90, 120, 230),
    "boat": (20, 150, 190), "bottle": (80, 190, 120), "chair": (200, 120, 160), "pottedplant": (60, 160, 80),
}  # fmt: skip


def class_colours(categories: Sequence[str]) -> Tensor:
    """(K, 3) uint8: a class without a colour of its own takes a hue a golden angle beyond the last."""
    found = []
    for place, name in enumerate(categories):
        if name in _COLOURS:
            found.append(_COLOURS[name])
            continue
        light = (0.95, 0.72, 0.84)[place % 3]
        red, green, blue = colorsys.hsv_to_rgb(place * 0.618034 % 1.0, 0.62, light)
        found.append((round(red * 255), round(green * 255), round(blue * 255)))
    return torch.tensor(found, dtype=torch.uint8).view(-1, 3)


def overlaid(
    image: Tensor, labels: Tensor, colours: Tensor, opacity: float, *, contours: bool = False
) -> Tensor:
    """The picture, uint8 (3, H, W), under the colours of its classes; labels (h, w) are spread over it by nearest.

    Args:
        image: uint8 (1 or 3, H, W). colours: (K, 3) uint8. opacity: 0..1.
        contours: only the borders between classes are coloured, at full strength: where the class is another one
            `reach` pixels to the left, right, above or below; `reach` is a 400th of the longer side, 1 at least.

    Raises:
        ValueError: an opacity beyond 0..1. TypeError, ValueError: no picture.
    """
    picture = expect_image(image)
    if not 0 <= opacity <= 1:
        raise ValueError(f"wanted an opacity in 0..1, got {opacity}")
    height, width = picture.shape[1:]
    spread = labels
    if tuple(labels.shape) != (height, width):
        rows = torch.arange(height) * labels.shape[0] // height
        columns = torch.arange(width) * labels.shape[1] // width
        spread = labels[rows[:, None], columns]
    tint = colours.numpy()[spread.numpy()]  # (H, W, 3)
    pixels = np.ascontiguousarray(picture.expand(3, -1, -1).permute(1, 2, 0).numpy())
    if contours:
        border = _border(spread, max(1, round(max(height, width) / 400))).numpy()
        drawn = np.where(border[..., None], tint, pixels)
    else:
        drawn = np.asarray(cv2.addWeighted(pixels, 1 - opacity, tint, opacity, 0.0), dtype=np.uint8)
    return torch.from_numpy(np.ascontiguousarray(drawn.transpose(2, 0, 1)))


def _border(labels: Tensor, reach: int) -> Tensor:
    """(H, W) bool: whether the class is another one `reach` pixels to the left, right, above or below."""
    border = torch.zeros(labels.shape, dtype=torch.bool)
    for axis, size in enumerate(labels.shape):
        for step in (-reach, reach):
            other = (torch.arange(size) + step).clamp(0, size - 1)
            border |= labels.index_select(axis, other) != labels
    return border
