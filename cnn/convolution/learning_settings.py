"""Everything a person can set on the learned-filters screen: a table of bounds, and records that are always valid.

No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cnn.convolution.settings import Field

TARGETS = (
    "sobel_x", "sobel_y", "scharr_x", "prewitt_x", "vertical", "horizontal", "laplacian", "laplacian_8",
    "gaussian", "box", "sharpen", "emboss",
)  # fmt: skip
LETTERS = {"m": "momentum", "g": "gradient_descent", "a": "adam"}
MOST_STEPS = 3000
MOST_PHASES = 12
LEAST_RATE, LARGEST_RATE = 0.01, 10.0
PLAN_PATTERN = r"\d{1,4}[mga]\d{1,2}(\.\d{1,3})?n\d{1,3}(_\d{1,4}[mga]\d{1,2}(\.\d{1,3})?n\d{1,3}){0,11}"
_PHASE = re.compile(r"(\d{1,4})([mga])(\d{1,2}(?:\.\d{1,3})?)n(\d{1,3})")

FIELDS: tuple[Field, ...] = (
    Field("target", "choice", "sobel_x", options=TARGETS),
    Field("kernel", "choice", "3", options=("3", "5", "7")),
    Field("seed", "integer", 0, 0, 9999),
    Field("plan", "text", "0m1n0", pattern=PLAN_PATTERN),
    Field("step", "integer", 0, 0, MOST_STEPS),
)
"""Every setting of the screen, in the order of the address bar."""


@dataclass(frozen=True, slots=True)
class Phase:
    """How it is learned from step `start` on, until the next phase: `learner` is of LETTERS' values.

    `rate` in units of a safe rate (of 0.1 for Adam); `noise` in per cent of the target map's spread.
    """

    start: int
    learner: str
    rate: float
    noise: int


def plan_of(text: str) -> tuple[Phase, ...]:
    """Return the phases that `text` tells ("0m1n0_120a0.5n10"), in order, from step 0 on; what is junk is left out."""
    phases: dict[int, Phase] = {}
    for start, letter, rate, noise in _PHASE.findall(text)[:MOST_PHASES]:
        bounded = min(max(float(rate), LEAST_RATE), LARGEST_RATE)
        at = min(int(start), MOST_STEPS) if phases else 0
        phases[at] = Phase(at, LETTERS[letter], bounded, min(int(noise), 100))
    listed = tuple(phases[start] for start in sorted(phases))
    return listed or (Phase(0, "momentum", 1.0, 0),)


def plan_text(phases: tuple[Phase, ...]) -> str:
    """Return the text that `plan_of` reads."""
    letters = {learner: letter for letter, learner in LETTERS.items()}
    return "_".join(f"{p.start}{letters[p.learner]}{p.rate:g}n{p.noise}" for p in phases)


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """What the learned-filters screen shows. Attributes are named and bounded as in `FIELDS`.

    `target` made the wanted map, a filter of side `kernel`; `seed` draws the first weights; `plan` says how they are
    learned (see `plan_of`); `step` is the one that is shown.
    """

    target: str = "sobel_x"
    kernel: str = "3"
    seed: int = 0
    plan: str = "0m1n0"
    step: int = 0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> LearningSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        found = {field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        if "plan" in found:
            found["plan"] = plan_text(plan_of(str(found["plan"])[:400]))
        return cls(**found)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The plan's phases."""
        return plan_of(self.plan)

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        return asdict(self)
