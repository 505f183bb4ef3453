"""Names and colours of the classes of pixels: a class has one of each, on every screen."""

from __future__ import annotations

import colorsys
import tomllib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.language import LESSONS

_COLOURS = {
    "membrane": (38, 70, 130), "cell": (240, 190, 92),
    "sky": (120, 185, 235), "building": (176, 112, 84), "pole": (250, 226, 90), "road": (124, 104, 160),
    "pavement": (236, 140, 190), "tree": (70, 152, 74), "sign_symbol": (240, 160, 40), "fence": (150, 150, 80),
    "car": (44, 84, 200), "pedestrian": (222, 50, 60), "bicyclist": (20, 170, 170), "__background__": (64, 66, 72),
    "person": (222, 50, 60), "cat": (240, 150, 50), "dog": (150, 96, 200), "horse": (160, 100, 60),
    "bird": (60, 170, 220), "aeroplane": (130, 190, 240), "bus": (250, 200, 60), "train": (90, 120, 230),
    "boat": (20, 150, 190), "bottle": (80, 190, 120), "chair": (200, 120, 160), "pottedplant": (60, 160, 80),
}  # fmt: skip


def colours(categories: Sequence[str]) -> NDArray[np.uint8]:
    """Return (K, 3): a class that has no colour of its own takes a hue a golden angle beyond the last."""
    found = []
    for place, name in enumerate(categories):
        if name in _COLOURS:
            found.append(_COLOURS[name])
            continue
        light = (0.95, 0.72, 0.84)[place % 3]
        red, green, blue = colorsys.hsv_to_rgb(place * 0.618034 % 1.0, 0.62, light)
        found.append((round(red * 255), round(green * 255), round(blue * 255)))
    return np.array(found, dtype=np.uint8).reshape(-1, 3)


def names(categories: Sequence[str], language: str) -> list[str]:
    """Return what the classes are called; one that has no translation keeps its own name."""
    return [_texts().get(name, {}).get(language, name.replace("_", " ")) for name in categories]


@cache
def _texts() -> dict[str, dict[str, str]]:
    with (LESSONS / "segmentation" / "classes.toml").open("rb") as file:
        return tomllib.load(file)


def overlaid(
    pixels: NDArray[np.uint8], labels: NDArray[np.uint8], palette: NDArray[np.uint8], opacity: float
) -> NDArray[np.uint8]:
    """Return pixels (H, W, 3) under the classes' colours; labels (h, w) are spread over the picture by nearest."""
    height, width = pixels.shape[:2]
    rows = np.arange(height) * labels.shape[0] // height
    columns = np.arange(width) * labels.shape[1] // width
    tint = palette[labels[rows[:, None], columns]]
    return (pixels * (1 - opacity) + tint * opacity).round().astype(np.uint8)
