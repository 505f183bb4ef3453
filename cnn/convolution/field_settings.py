"""Everything a person can set on the receptive-field screen: one table of bounds, and a record that is always valid.

No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cnn.convolution.settings import Field

OWN_STACK = "stack"
DEFAULT_STACK = "c3-c3-c3"
STACK_PATTERN = r"[a-z0-9-]{0,300}"
NAME_PATTERN = r"[A-Za-z0-9_./-]{0,120}"
KEY_PATTERN = r"[A-Za-z0-9_./-]{1,90}"
READING_PATTERN = r"[a-z0-9_.]{0,60}"
SIZES = ("32", "64", "96", "160", "224")
WEIGHTS = ("trained", "random", "average")

FIELDS: tuple[Field, ...] = (
    Field("net", "text", "imagenette-resnet", pattern=KEY_PATTERN),
    Field("net_as", "text", "", pattern=READING_PATTERN),
    Field("weights", "choice", "trained", options=WEIGHTS),
    Field("seed", "integer", 0, 0, 9999),
    Field("stack", "text", DEFAULT_STACK, pattern=STACK_PATTERN),
    Field("relu", "flag", True),
    Field("size", "choice", "64", options=SIZES),
    Field("layer", "text", "", pattern=NAME_PATTERN),
    Field("row", "integer", -1, -1, 4095),
    Field("column", "integer", -1, -1, 4095),
    Field("px", "integer", -1, -1, 4095),
    Field("py", "integer", -1, -1, 4095),
    Field("heat", "flag", True),
    Field("nested", "flag", True),
    Field("all", "flag", False),
    Field("c", "integer", 64, 1, 1024),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class FieldSettings:
    """What the receptive-field screen shows. Attributes are named and bounded as in `FIELDS`.

    `net` is "stack" for the person's own layers (`stack`, `relu`, `size`: the picture's longer side in pixels), else the
    key of a network, read as `net_as` says. `weights`: "trained" for those that it has, "random" by `seed`, or "average"
    of many random draws. `layer` "" and `row`, `column` −1: the screen's choice. `px`, `py`: a pixel pinned for the reverse question.
    """

    net: str = "imagenette-resnet"
    net_as: str = ""
    weights: str = "trained"
    seed: int = 0
    stack: str = DEFAULT_STACK
    relu: bool = True
    size: str = "64"
    layer: str = ""
    row: int = -1
    column: int = -1
    px: int = -1
    py: int = -1
    heat: bool = True
    nested: bool = True
    all: bool = False
    c: int = 64

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> FieldSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        return cls(
            **{field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)
