"""Everything a person can set on the YOLO grid screen: one table of bounds, and a record that is always valid.

No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cnn.detection.box_settings import DRAWN_PATTERN, MODELS, PHOTOS, DrawnBox, boxes_at
from cnn.settings import Field

VIEWS = ("output", "target", "landmarks")
CATEGORIES = ("pedestrian", "car", "motorcycle")
MOST_ANCHORS = 5
_SHAPES = ((0.22, 0.55), (0.6, 0.28), (0.35, 0.35), (0.12, 0.12), (0.8, 0.8))
_OBJECTS = (
    (0.41, 0.28, 0.55, 0.82, 1.0, 0),
    (0.26, 0.42, 0.70, 0.70, 1.0, 1),
    (0.70, 0.08, 0.92, 0.32, 1.0, 2),
)

FIELDS: tuple[Field, ...] = (
    Field("view", "choice", "output", options=VIEWS),
    Field("model", "choice", "auto", options=MODELS),
    Field("photo", "choice", "auto", options=PHOTOS),
    Field("channel", "integer", -1, -1, 199),
    Field("row", "integer", -1, -1, 99),
    Field("column", "integer", -1, -1, 99),
    Field("rows", "integer", 3, 1, 19),
    Field("columns", "integer", 3, 1, 19),
    Field("anchors", "integer", 2, 0, MOST_ANCHORS),
    Field("anchor", "integer", 0, 0, MOST_ANCHORS - 1),
    Field("objects", "text", "", pattern=DRAWN_PATTERN),
    Field("guess", "number", 0.5, 0.0, 1.0),
    Field("answer", "text", "", pattern=r"[-0-9.,]{0,120}"),
    Field("face", "flag", True),
    Field("points", "text", "", pattern=r"[0-9.,;]{0,1600}"),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class GridSettings:
    """What the YOLO grid screen shows. Attributes are named and bounded as in `FIELDS`.

    `view`: the network's output tensor, the target of objects that the person places, or the points of a face.
    `row`, `column`: the cell that is pinned (−1: the screen's choice); `channel`: the output map drawn over the picture
    (−1: the best score). `anchors`: how many shapes a cell has (0: none); `anchor`: the one whose vector is compared.
    `guess`: the p_c that the imagined network answers everywhere; `answer`: its numbers in the pinned cell, if set.
    """

    view: str = "output"
    model: str = "auto"
    photo: str = "auto"
    channel: int = -1
    row: int = -1
    column: int = -1
    rows: int = 3
    columns: int = 3
    anchors: int = 2
    anchor: int = 0
    objects: str = ""
    guess: float = 0.5
    answer: str = ""
    face: bool = True
    points: str = ""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> GridSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        return cls(
            **{field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)


def anchor_shapes(count: int, size: tuple[int, int]) -> tuple[tuple[float, float], ...]:
    """Return (width, height) in pixels of the first `count` anchors for a picture of (height, width): tall, wide, square,
    small, large."""
    side = min(size)
    return tuple((width * side, height * side) for width, height in _SHAPES[:count])


def example_objects(size: tuple[int, int]) -> tuple[DrawnBox, ...]:
    """Objects to begin with: a pedestrian and a car with the same centre, and a motorcycle elsewhere."""
    return boxes_at(_OBJECTS, size)


def answer_numbers(text: str, count: int) -> tuple[float, ...]:
    """Read the imagined network's numbers, each cut to −9…9; () where there are not exactly `count`."""
    try:
        numbers = tuple(min(max(float(part), -9.0), 9.0) for part in text.split(","))
    except ValueError:
        return ()
    return numbers if len(numbers) == count else ()


def guessed(guess: float, num_classes: int) -> tuple[float, ...]:
    """Return what the imagined network answers everywhere: p_c, the same for every class, a box in the middle, a cell large."""
    return (guess, *(1 / num_classes,) * num_classes, 0.5, 0.5, 1.0, 1.0)
