"""Sixty-four points of a face, as a network that finds them is asked for (curriculum O2): a drawn face to begin with."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["FACE", "PARTS", "face_points", "points_of", "points_text"]

PARTS: tuple[tuple[str, int, int], ...] = (
    ("jaw", 0, 17),
    ("left_brow", 17, 22),
    ("right_brow", 22, 27),
    ("nose", 27, 36),
    ("left_eye", 36, 42),
    ("right_eye", 42, 48),
    ("mouth", 48, 64),
)
"""(name, first, end) of the points of each part."""


def _arc(
    count: int, centre: tuple[float, float], radii: tuple[float, float], start: float, end: float
) -> list[tuple[float, float]]:
    """Points on an ellipse from angle `start` to `end` in degrees, 0 at the right, 90 at the bottom."""
    angles = [math.radians(start + (end - start) * place / (count - 1)) for place in range(count)]
    return [
        (centre[0] + radii[0] * math.cos(angle), centre[1] + radii[1] * math.sin(angle)) for angle in angles
    ]


def _ring(count: int, centre: tuple[float, float], radii: tuple[float, float]) -> list[tuple[float, float]]:
    return _arc(count + 1, centre, radii, 180, 540)[:count]


def _face() -> tuple[tuple[float, float], ...]:
    points = _arc(17, (0.5, 0.4), (0.48, 0.58), 180, 0)
    for middle in (0.28, 0.72):
        points += _arc(5, (middle, 0.27), (0.14, 0.07), 200, 340)
    points += [(0.5, 0.36 + 0.08 * place) for place in range(4)]
    points += _arc(5, (0.5, 0.62), (0.11, 0.04), 180, 0)
    for middle in (0.29, 0.71):
        points += _ring(6, (middle, 0.38), (0.09, 0.035))
    points += _ring(10, (0.5, 0.78), (0.19, 0.07))
    points += _ring(6, (0.5, 0.78), (0.11, 0.025))
    return tuple((round(x, 4), round(y, 4)) for x, y in points)


FACE: tuple[tuple[float, float], ...] = _face()
"""(x, y) of the 64 points as shares of the box around a face."""


def face_points(box: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return the drawn face's 64 points inside a box (x1, y1, x2, y2), in pixels."""
    x1, y1, x2, y2 = box
    return tuple((x1 + x * (x2 - x1), y1 + y * (y2 - y1)) for x, y in FACE)


def points_of(text: str, size: tuple[int, int]) -> tuple[tuple[float, float], ...]:
    """Read "x,y;…", 64 points in pixels, cut to a picture of (height, width); a face in its middle where they are not 64."""
    height, width = size
    try:
        found = [tuple(float(number) for number in part.split(",")) for part in text.split(";")]
    except ValueError:
        found = []
    if len(found) != len(FACE) or any(len(point) != 2 for point in found):
        side = 0.5 * min(size)
        left, top = (width - 0.8 * side) / 2, (height - side) / 2
        return face_points((left, top, left + 0.8 * side, top + side))
    return tuple((min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in found)


def points_text(points: Sequence[Sequence[float]]) -> str:
    """Write points as `points_of` reads them, to a tenth of a pixel."""
    return ";".join(f"{round(x, 1):g},{round(y, 1):g}" for x, y in points)
