"""One line of the table, and how times are taken: interleaved, best or quantile of several, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A measured figure. `ratio` is figure / reference where there is one; `budget` reads on the ratio, else the figure."""

    id: str
    what: str
    figure: float
    unit: str
    budget: float
    reference: float | None = None
    at_least: bool = False

    @property
    def compared(self) -> float:
        return self.figure if self.reference is None else self.figure / self.reference

    @property
    def kept(self) -> bool:
        return self.compared >= self.budget if self.at_least else self.compared <= self.budget


def best_of(functions: Sequence[Callable[[], object]], repeats: int = 7) -> list[float]:
    """Return the least seconds of each function, called in turns so that a slow moment of the machine hits all."""
    best = [float("inf")] * len(functions)
    for _ in range(repeats):
        for place, function in enumerate(functions):
            begun = time.perf_counter()
            function()
            best[place] = min(best[place], time.perf_counter() - begun)
    return best


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which `part` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(lines: Sequence[Line]) -> str:
    """Return the lines as aligned text."""
    rows = [("id", "what", "figure", "beside it", "ratio", "budget", "")]
    for line in lines:
        sign = "≥" if line.at_least else "≤"
        beside = "–" if line.reference is None else f"{line.reference:.4g} {line.unit}"
        ratio = "–" if line.reference is None else f"{line.compared:.3g}"
        kept = "kept" if line.kept else "MISSED"
        rows.append(
            (
                line.id,
                line.what,
                f"{line.figure:.4g} {line.unit}",
                beside,
                ratio,
                f"{sign} {line.budget:g}",
                kept,
            )
        )
    widths = [max(len(row[k]) for row in rows) for k in range(7)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
