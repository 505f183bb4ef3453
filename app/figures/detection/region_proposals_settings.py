"""Everything a person can set on the region-proposals screen: one table of bounds, and a record that is always valid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cnn.convolution.settings import Field

MOST_REGIONS = 2000
EVERY_STRATEGY = "012345"
DEFAULT_TARGETS = "40,60,600,830"
NETWORK_LABELS = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": {"en": "MobileNetV3, 320 px", "ko": "MobileNetV3, 320 px"},
    "fasterrcnn_mobilenet_v3_large_fpn": {"en": "MobileNetV3, 800 px", "ko": "MobileNetV3, 800 px"},
    "fasterrcnn_resnet50_fpn": {"en": "ResNet-50, 800 px (slow)", "ko": "ResNet-50, 800 px (느림)"},
}
"""Faster R-CNNs of torchvision, by backbone and the picture's shorter side."""

NETWORKS = tuple(NETWORK_LABELS)
_BOX = r"\d{1,4}(,\d{1,4}){3}"
TARGETS_PATTERN = rf"({_BOX}(;{_BOX}){{0,4}})?"
STRATEGIES_PATTERN = r"0?1?2?3?4?5?"

FIELDS: tuple[Field, ...] = (
    Field("tab", "choice", "regions", options=("regions", "generations")),
    Field("source", "choice", "search", options=("search", "network")),
    Field("net", "choice", NETWORKS[0], options=NETWORKS),
    Field("strategies", "text", EVERY_STRATEGY, pattern=STRATEGIES_PATTERN),
    Field("tree", "integer", 0, 0, 5),
    Field("step", "integer", -1, -1, 20_000),
    Field("n", "integer", 300, 1, MOST_REGIONS),
    Field("targets", "text", DEFAULT_TARGETS, pattern=TARGETS_PATTERN),
    Field("seed", "integer", 0, 0, 99),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class ProposalSettings:
    """What the screen shows. Attributes are named and bounded as in `FIELDS`.

    `strategies` are digits of the groupings that are put together; `tree` the one whose merging is shown up to `step`
    (−1: until about forty regions are left); `n` regions are drawn; `targets` are the person's boxes, x1,y1,x2,y2 in
    thousandths of the picture.
    """

    tab: str = "regions"
    source: str = "search"
    net: str = NETWORKS[0]
    strategies: str = EVERY_STRATEGY
    tree: int = 0
    step: int = -1
    n: int = 300
    targets: str = DEFAULT_TARGETS
    seed: int = 0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ProposalSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        found = cls(**{f.name: f.nearest(values[f.name]) for f in FIELDS if f.name in values})
        if not found.strategies or not re.fullmatch(STRATEGIES_PATTERN, found.strategies):
            found = replace(found, strategies=EVERY_STRATEGY)
        if not re.fullmatch(TARGETS_PATTERN, found.targets):
            found = replace(found, targets=DEFAULT_TARGETS)
        return found

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)

    @property
    def chosen(self) -> tuple[int, ...]:
        """The groupings that are put together."""
        return tuple(int(digit) for digit in self.strategies)

    def boxes(self, height: int, width: int) -> list[tuple[float, float, float, float]]:
        """The person's boxes in pixels; those without area are left out."""
        found = []
        for text in filter(None, self.targets.split(";")):
            x1, y1, x2, y2 = (min(int(part), 1000) / 1000 for part in text.split(","))
            if x2 > x1 and y2 > y1:
                found.append((x1 * width, y1 * height, x2 * width, y2 * height))
        return found
