"""What a run of style transfer can be told, before it starts and while it runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from cnn.style.colour import COLOURS
from cnn.style.errors import StyleError
from cnn.style.features import POOLINGS
from cnn.style.optimisers import OPTIMISERS

__all__ = ["LARGEST_SIDE", "PRECISIONS", "STARTS", "STEERABLE", "StyleSettings", "changed"]

STARTS = ("content", "style", "noise")
PRECISIONS = ("auto", "float32", "bfloat16")
LARGEST_SIDE = 4096
Layers = Sequence[str] | Mapping[str, float] | None

STEERABLE = (
    "alpha",
    "beta",
    "gamma",
    "style_strength",
    "smoothness",
    "content_layers",
    "style_layers",
    "style_shares",
    "learning_rate",
    "optimiser",
)
"""The settings that a message may change while the run goes on."""


@dataclass(frozen=True, slots=True)
class StyleSettings:
    """J = α·J_content + β·J_style + γ·(total variation).

    Attributes:
        network: a name of `cnn.style.features.NETWORKS`, or "auto" for the best one there is.
        content_layers, style_layers: names, or names with their weights; None takes the network's own.
        style_shares: one number per style picture, taken as parts of their sum; None shares equally.
        alpha: α.
        beta: β. With a number here the weights of the layers are used as they are (1/L each unless given).
            None
            balances: β = `style_strength`·J_content(style picture), and the weight of each style layer is
            1/(L·J_style[l](content picture)), times the one given; so a strength means the same for any
            network, layer and size. A step's record shows the numbers that were used.
        gamma: γ; None takes `smoothness`·J_content(style picture)/(total variation of the content picture).
        style_strength, smoothness: for the balanced weights above; at least 0.
        start: "content", "style" or "noise"; `seed` is the noise's.
        colour: "style", or the content's colours kept: on its "luminance" only, or by "histogram" matching.
        optimiser: "lbfgs" or "adam"; `learning_rate` None takes 1 for the one, 0.02 for the other.
        size: longer side of the result in pixels; None takes the content picture's own.
        style_scale: size of the style's strokes: its area is the result's times the square of this.
        levels: sizes from coarse to fine, each twice the one before; None chooses, 1 works at full size only.
        pooling: "max" as trained, or "average" as Gatys et al. recommend.
        precision: of the network: "float32", "bfloat16", or "auto" for the one that is faster on the device.
        device: "cpu", "cuda:0", "mps".
    """

    network: str = "auto"
    content_layers: Layers = None
    style_layers: Layers = None
    style_shares: Sequence[float] | None = None
    alpha: float = 1.0
    beta: float | None = None
    gamma: float | None = None
    style_strength: float = 20.0
    smoothness: float = 0.5
    start: str = "content"
    seed: int = 0
    colour: str = "style"
    optimiser: str = "lbfgs"
    learning_rate: float | None = None
    size: int | None = None
    style_scale: float = 1.0
    levels: int | None = None
    pooling: str = "max"
    precision: str = "auto"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, choices in (
            ("start", STARTS),
            ("colour", COLOURS),
            ("optimiser", OPTIMISERS),
            ("pooling", POOLINGS),
            ("precision", PRECISIONS),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise _wrong(name, " or ".join(choices), value)
        for name in ("alpha", "style_strength", "smoothness"):
            _check_number(name, getattr(self, name))
        for name in ("beta", "gamma"):
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name))
        if self.learning_rate is not None:
            _check_number("learning_rate", self.learning_rate, above=0)
        _check_number("style_scale", self.style_scale, above=0)
        if not 0.1 <= self.style_scale <= 4:
            raise _wrong("style_scale", "0.1 to 4", self.style_scale)
        _check_whole("size", self.size, 1, LARGEST_SIDE)
        _check_whole("levels", self.levels, 1, 8)
        _check_whole("seed", self.seed, 0, 2**63 - 1)
        for name in ("content_layers", "style_layers"):
            _check_layers(name, getattr(self, name))
        for share in self.style_shares or ():
            _check_number("style_shares", share)


def changed(settings: StyleSettings, message: Mapping[str, Any]) -> StyleSettings:
    """The settings with those of a steering message; dictionaries of layers are taken whole.

    Raises:
        StyleError: setting, for a name that is not in `STEERABLE` or a value out of range.
    """
    for name in message:
        if name not in STEERABLE:
            raise _wrong(str(name)[:60], ", ".join(STEERABLE), "a name that cannot be changed while running")
    return replace(settings, **message)


def given(changes: Mapping[str, Any]) -> StyleSettings:
    """Settings from keyword arguments. Raises: StyleError (setting), unknown name or bad value."""
    known = [field.name for field in fields(StyleSettings)]
    for name in changes:
        if name not in known:
            raise _wrong(str(name)[:60], ", ".join(known), "an unknown name")
    return StyleSettings(**changes)


def _wrong(name: str, wanted: str, got: object) -> StyleError:
    return StyleError("setting", name=name, wanted=wanted, got=str(got)[:60])


def _check_number(name: str, value: Any, above: float | None = None) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not 0 <= value <= 1e15 or (above is not None and value <= above):
        raise _wrong(name, "a number above 0" if above is not None else "a number of at least 0", value)


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if value is None and name != "seed":
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(name, f"a whole number {least} to {most}", value)


def _check_layers(name: str, layers: Any) -> None:
    if layers is None:
        return
    if isinstance(layers, str) or not isinstance(layers, Sequence | Mapping):
        raise _wrong(name, "names of layers, or a dictionary of their weights", layers)
    if isinstance(layers, Mapping):
        for weight in layers.values():
            _check_number(name, weight)
