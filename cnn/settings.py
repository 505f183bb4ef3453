"""One setting of a screen: its kind, default and bounds, and the valid value nearest to whatever comes. No torch here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """One setting: `kind` is choice, integer, number, flag or text; `low..high` for the numeric ones."""

    name: str
    kind: str
    default: Any
    low: float = 0
    high: float = 0
    options: tuple[str, ...] = ()
    pattern: str = ""

    def nearest(self, value: Any) -> Any:
        """Return the valid value nearest to whatever `value` is."""
        if self.kind == "choice":
            return value if isinstance(value, str) and value in self.options else self.default
        if self.kind == "flag":
            return bool(value) if isinstance(value, bool | int | float) else self.default
        if self.kind == "text":
            return value if isinstance(value, str) else self.default
        if not isinstance(value, int | float) or not math.isfinite(value):
            return self.default
        clamped = min(max(value, self.low), self.high)
        return round(clamped) if self.kind == "integer" else float(clamped)
