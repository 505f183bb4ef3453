"""Everything a person can set on the boxes screen: one table of bounds, a record that is always valid, and drawn boxes as text.

No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cnn.settings import Field

MOST_DRAWN = 40
DRAWN_PATTERN = r"[0-9.,;]{0,2400}"
MODELS = ("auto", "yolo-everyday", "yolo-cells")
SOURCES = ("detector", "mine")
PHOTOS = ("auto", "own", "example")
SOFT = ("none", "gaussian", "linear")

_EXAMPLE = (
    (0.20, 0.20, 0.60, 0.70, 0.9, 0),
    (0.26, 0.28, 0.64, 0.74, 0.8, 0),
    (0.14, 0.26, 0.52, 0.80, 0.7, 0),
    (0.56, 0.40, 0.86, 0.84, 0.75, 1),
)

FIELDS: tuple[Field, ...] = (
    Field("source", "choice", "detector", options=SOURCES),
    Field("model", "choice", "auto", options=MODELS),
    Field("photo", "choice", "auto", options=PHOTOS),
    Field("score", "number", 0.6, 0.0, 1.0),
    Field("iou", "number", 0.5, 0.01, 1.0),
    Field("inclusive", "flag", True),
    Field("per_class", "flag", True),
    Field("soft", "choice", "none", options=SOFT),
    Field("sigma", "number", 0.5, 0.05, 2.0),
    Field("step", "integer", 1, 0, 20_000),
    Field("drawn", "text", "", pattern=DRAWN_PATTERN),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class BoxSettings:
    """What the boxes screen shows. Attributes are named and bounded as in `FIELDS`.

    `source`: the detector's candidates, or boxes that the person draws (`drawn`). `photo`: the current picture ("own"),
    the built-in one ("example"), or "auto", which is the built-in one only where nobody has chosen a picture and the
    detector finds nothing. `step`: 0 every candidate, 1 those above the score threshold, 2 and on one round each.
    `inclusive`: an IoU of exactly the threshold suppresses too, as in the lecture.
    """

    source: str = "detector"
    model: str = "auto"
    photo: str = "auto"
    score: float = 0.6
    iou: float = 0.5
    inclusive: bool = True
    per_class: bool = True
    soft: str = "none"
    sigma: float = 0.5
    step: int = 1
    drawn: str = ""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> BoxSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        return cls(
            **{field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)

    @property
    def exact_threshold(self) -> float:
        """The threshold for code that suppresses above it: where an equal IoU (in float32) suppresses too, just below."""
        if not self.inclusive:
            return self.iou
        return math.nextafter(min(self.iou, struct.unpack("f", struct.pack("f", self.iou))[0]), 0.0)


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box that a person drew: corners in pixels of the picture, its score 0..1 and its class."""

    corners: tuple[float, float, float, float]
    score: float
    label: int


def drawn_boxes(text: str, size: tuple[int, int], num_classes: int) -> tuple[DrawnBox, ...]:
    """Read "x1,y1,x2,y2,score,label;…": those with an area inside a picture of (height, width), cut to it; at most 40."""
    height, width = size
    found = []
    for part in text.split(";")[:MOST_DRAWN]:
        numbers = _numbers(part)
        if len(numbers) != 6:
            continue
        x1, y1, x2, y2 = (
            min(max(value, 0.0), float(limit))
            for value, limit in zip(numbers, (width, height, width, height), strict=False)
        )
        if x1 < x2 and y1 < y2:
            found.append(
                DrawnBox(
                    (x1, y1, x2, y2),
                    min(max(numbers[4], 0.0), 1.0),
                    int(min(max(numbers[5], 0), num_classes - 1)),
                )
            )
    return tuple(found)


def drawn_text(boxes: Sequence[DrawnBox]) -> str:
    """Write boxes as `drawn_boxes` reads them."""
    return ";".join(",".join(f"{value:g}" for value in (*b.corners, b.score, b.label)) for b in boxes)


def example_drawing(size: tuple[int, int]) -> tuple[DrawnBox, ...]:
    """Boxes to begin with, around the middle of a picture of (height, width): three on one object, and one of another class."""
    return boxes_at(_EXAMPLE, size)


def boxes_at(
    parts: Sequence[tuple[float, float, float, float, float, int]], size: tuple[int, int]
) -> tuple[DrawnBox, ...]:
    """Place boxes given as (x1, y1, x2, y2, score, label), corners as shares of a picture of (height, width), on whole
    pixels (eighths in pictures of a few pixels)."""
    height, width = size
    step = 1.0 if max(size) >= 100 else 0.125

    def snapped(part: float, side: int) -> float:
        return min(round(part * side / step) * step, side - step)

    boxes = []
    for x1, y1, x2, y2, score, label in parts:
        left, top = snapped(x1, width), snapped(y1, height)
        right, bottom = (
            max(snapped(end, side), start + step)
            for end, side, start in ((x2, width, left), (y2, height, top))
        )
        boxes.append(DrawnBox((left, top, right, bottom), score, label))
    return tuple(boxes)


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        return []
