"""Colour scales as palettes of 256 RGB colours: the same as the browser's (app/components/shared/colours.js)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLUE_WHITE_RED = (
    (5, 48, 97), (33, 102, 172), (67, 147, 195), (146, 197, 222), (209, 229, 240), (247, 247, 247),
    (253, 219, 199), (244, 165, 130), (214, 96, 77), (178, 24, 43), (103, 0, 31),
)  # fmt: skip
VIRIDIS = (
    (68, 1, 84), (72, 36, 117), (65, 68, 135), (53, 95, 141), (42, 120, 142), (33, 145, 140), (34, 168, 132),
    (68, 191, 112), (122, 209, 81), (189, 223, 38), (253, 231, 37),
)  # fmt: skip


def palette(name: str) -> NDArray[np.uint8]:
    """Return the (256, 3) palette `name`: "signed" (128 is zero, 1 and 255 the limits), "magnitude" or "gray"."""
    if name == "gray":
        return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    places = np.arange(256.0)
    if name == "signed":
        return _between(BLUE_WHITE_RED, np.clip((places - 1) / 254, 0, 1))
    if name == "magnitude":
        return _between(VIRIDIS, places / 255)
    raise ValueError(f"expected signed, magnitude or gray, got {name!r}")


def _between(stops: tuple[tuple[int, int, int], ...], at: NDArray[np.float64]) -> NDArray[np.uint8]:
    colours = np.array(stops, dtype=np.float64)
    place = at * (len(stops) - 1)
    low = np.minimum(np.floor(place).astype(int), len(stops) - 2)
    part = (place - low)[:, None]
    mixed = colours[low] + part * (colours[low + 1] - colours[low])
    return np.floor(mixed + 0.5).astype(np.uint8)
