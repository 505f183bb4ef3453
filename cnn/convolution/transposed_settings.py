"""Everything a person can set on the transposed-convolution screen: a table of bounds, and a record that is always valid.

No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cnn.convolution.settings import Field

VIEWS = ("matrix", "steps", "photo")
FILTERS_OFFERED = ("numbered", "sobel_x", "laplacian", "gaussian", "box", "random")
VALUES = ("numbers", "picture")
MOST_STEPS = 300

FIELDS: tuple[Field, ...] = (
    Field("view", "choice", "matrix", options=VIEWS),
    Field("filter", "choice", "numbered", options=FILTERS_OFFERED),
    Field("kernel", "integer", 3, 1, 5),
    Field("size", "integer", 4, 2, 7),
    Field("stride", "integer", 1, 1, 3),
    Field("padding", "integer", 0, 0, 2),
    Field("transposed", "flag", False),
    Field("small", "integer", 2, 1, 4),
    Field("up_stride", "integer", 2, 1, 4),
    Field("up_padding", "integer", 1, 0, 2),
    Field("extra", "integer", 0, 0, 3),
    Field("values", "choice", "numbers", options=VALUES),
    Field("step", "integer", 0, 0, 16),
    Field("factor", "choice", "2", options=("2", "3", "4")),
    Field("learned", "integer", MOST_STEPS, 0, MOST_STEPS),
    Field("seed", "integer", 0, 0, 9999),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class TransposedSettings:
    """What the transposed-convolution screen shows. Attributes are named and bounded as in `FIELDS`.

    The matrix is of a convolution with `kernel`, `stride` and `padding` on `size` × `size` pixels, or its transpose
    (`transposed`). Step by step, `small` × `small` values go through a transposed convolution with the same filter,
    `up_stride`, `up_padding` and output padding `extra`; `step` of them are added. On the photo, `factor`, and the
    `learned` steps that are shown.
    """

    view: str = "matrix"
    filter: str = "numbered"
    kernel: int = 3
    size: int = 4
    stride: int = 1
    padding: int = 0
    transposed: bool = False
    small: int = 2
    up_stride: int = 2
    up_padding: int = 1
    extra: int = 0
    values: str = "numbers"
    step: int = 0
    factor: str = "2"
    learned: int = MOST_STEPS
    seed: int = 0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TransposedSettings:
        """Return the valid settings nearest to `values`; what does not fit together is made to."""
        found = {field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        own = cls(**found)
        kernel, stride = own.kernel, own.up_stride
        extra = min(own.extra, stride - 1)
        full = (own.small - 1) * stride + kernel + extra
        return cls(
            **{
                **asdict(own),
                "size": max(own.size, kernel),
                "extra": extra,
                "up_padding": min(own.up_padding, (full - 1) // 2, kernel - 1),
                "step": min(own.step, own.small**2),
            }
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)
