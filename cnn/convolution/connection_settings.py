"""Everything a person can set on the connections screen: a table of bounds, and a record that is always valid.

No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cnn.convolution.settings import Field

VIEWS = ("weights", "shift", "stacks", "sound", "video")
SHIFT_FILTERS = ("sobel_x", "sobel_y", "laplacian", "gaussian")
COMPARISONS = ("seven", "factorised", "bottleneck")
MOST_SHIFT = 8

FIELDS: tuple[Field, ...] = (
    Field("view", "choice", "weights", options=VIEWS),
    Field("n", "integer", 8, 3, 20),
    Field("k", "integer", 3, 1, 7),
    Field("height", "integer", 1000, 1, 4096),
    Field("width", "integer", 1000, 1, 4096),
    Field("channels", "integer", 1, 1, 1024),
    Field("hidden", "integer", 10_000, 1, 1_000_000),
    Field("f", "integer", 3, 1, 31),
    Field("filters", "integer", 1, 1, 1024),
    Field("filter", "choice", "sobel_x", options=SHIFT_FILTERS),
    Field("right", "integer", 1, -MOST_SHIFT, MOST_SHIFT),
    Field("down", "integer", 0, -MOST_SHIFT, MOST_SHIFT),
    Field("pool", "integer", 2, 2, 8),
    Field("relu", "flag", True),
    Field("compare", "choice", "seven", options=COMPARISONS),
    Field("c", "integer", 64, 4, 1024),
    Field("taps", "integer", 9, 3, 63),
    Field("sound_filter", "integer", 0, 0, 3),
    Field("sample", "integer", 3514, 0, 400_000),
    Field("video_filter", "integer", 0, 0, 3),
    Field("frame", "integer", 12, 0, 200),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What the connections screen shows. Attributes are named and bounded as in `FIELDS`.

    The drawing has `n` inputs and a kernel of `k`; the counts are of a `height` × `width` × `channels` input with
    `hidden` units or `filters` of f × f. The picture is shifted by `right`, `down`, filtered, put through ReLU (`relu`) and
    pooled by `pool`. `compare` is one of COMPARISONS with `c` channels. Sound: `taps`, the filter and the sample that is
    shown; video: the filter and the frame.
    """

    view: str = "weights"
    n: int = 8
    k: int = 3
    height: int = 1000
    width: int = 1000
    channels: int = 1
    hidden: int = 10_000
    f: int = 3
    filters: int = 1
    filter: str = "sobel_x"
    right: int = 1
    down: int = 0
    pool: int = 2
    relu: bool = True
    compare: str = "seven"
    c: int = 64
    taps: int = 9
    sound_filter: int = 0
    sample: int = 3514
    video_filter: int = 0
    frame: int = 12

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ConnectionSettings:
        """Return the valid settings nearest to `values`; a kernel larger than what it slides over is made smaller."""
        own = cls(
            **{field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        )
        return cls(
            **{
                **asdict(own),
                "k": min(own.k, own.n),
                "f": min(own.f, own.height, own.width),
                "taps": own.taps // 2 * 2 + 1,
            }
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)
