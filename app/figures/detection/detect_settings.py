"""What the detection screen's controls say, read from the address bar or the browser: junk becomes the default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SOURCES = ("picture", "camera", "video")
MOST_HIDDEN = 91


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """`score`: boxes above it stay. `iou`: of the suppression, 0 for the detector's own. `hide`: labels left out.
    `tags`: categories on the boxes; `lost`: suppressed boxes are shown; `many`: every picture is gone through."""

    source: str = "picture"
    score: float = 0.4
    iou: float = 0.0
    hide: tuple[int, ...] = ()
    tags: bool = True
    lost: bool = False
    many: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> DetectSettings:
        """Read `values`, from the address bar or as the browser sends them."""
        hide = values.get("hide")
        if isinstance(hide, str):
            hide = [int(part) for part in hide.split(".") if part.isdecimal()]
        labels = (
            [h for h in hide if isinstance(h, int) and 0 <= h < 1000]
            if isinstance(hide, list | tuple)
            else []
        )
        flags = {name: bool(values.get(name, name == "tags")) for name in ("tags", "lost", "many")}
        return cls(
            source=values["source"] if values.get("source") in SOURCES else "picture",
            score=_share(values.get("score"), 0.05, 0.4),
            iou=_share(values.get("iou"), 0.0, 0.0),
            hide=tuple(sorted(set(labels)))[:MOST_HIDDEN],
            **flags,
        )

    def to_browser(self) -> dict[str, Any]:
        """Return what the component works with."""
        return {
            "source": self.source, "score": self.score, "iou": self.iou, "hide": list(self.hide), "tags": self.tags,
            "lost": self.lost, "many": self.many,
        }  # fmt: skip

    def to_address(self) -> dict[str, Any]:
        """Return what `app.state.write_address` takes."""
        return {**self.to_browser(), "hide": ".".join(map(str, self.hide))}


def _share(value: Any, low: float, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return min(max(float(value), low), 0.95)
