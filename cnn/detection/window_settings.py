"""Everything a person can set on the sliding-window screen: one table of bounds, and a record that is always valid.

No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cnn.settings import Field

MODELS = ("imagenette-resnet", "flowers-transfer", "tiny-vgg", "fashion-cnn", "lenet5-mnist")

FIELDS: tuple[Field, ...] = (
    Field("model", "choice", "imagenette-resnet", options=MODELS),
    Field("window", "integer", 55, 10, 100),
    Field("stride", "integer", 2, 1, 12),
    Field("label", "integer", -1, -1, 99),
    Field("at", "integer", -1, -1, 19_999),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """What the sliding-window screen shows. Attributes are named and bounded as in `FIELDS`.

    `window`: side of the window in percent of the picture's shorter side. `stride`: in jumps of the network, which are the
    smallest steps that its one pass can take. `label`: the class of the heat map (−1: the one that scores highest
    anywhere). `at`: the window looked at, counted row by row (−1: where that class scores highest).
    """

    model: str = "imagenette-resnet"
    window: int = 55
    stride: int = 2
    label: int = -1
    at: int = -1

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> WindowSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        return cls(
            **{field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)
