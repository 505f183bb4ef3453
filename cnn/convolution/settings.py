"""Everything a person can set in the convolution lab: one table of bounds, and a frozen record that is always valid.

`FIELDS` is the table (the address bar and the browser's controls read it). `LabSettings.from_mapping` is total: whatever
comes from an address or a socket becomes the nearest valid settings. No torch here, so that reading the table is cheap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from cnn.convolution.bank_text import BANK_PATTERN, FilterSpec, format_bank, parse_bank
from cnn.settings import Field as Field

MAX_MAPS = 64
MAX_SHIFT = 3
SIZES = ("256", "512", "1024", "2000")
PADDINGS = ("valid", "same", "custom")
PADDING_MODES = ("zeros", "mean", "reflect", "replicate", "circular")
ACTIVATIONS = ("none", "relu", "sigmoid", "tanh")
POOLINGS = ("none", "max", "average", "l2", "all")
VIEWS = ("auto", "signed", "absolute", "magnitude", "direction")
CHANNEL_WEIGHTS_PATTERN = r"-?\d{1,4}(\.\d{1,4})?(,-?\d{1,4}(\.\d{1,4})?){0,2}"
MAX_WEIGHTS = 800
"""Hand-made weights of a whole bank: more would not fit into a link."""


def _choice(name: str, options: tuple[str, ...], default: str) -> Field:
    return Field(name, "choice", default, options=options)


def _integer(name: str, low: int, high: int, default: int) -> Field:
    return Field(name, "integer", default, low, high)


FIELDS: tuple[Field, ...] = (
    _choice("size", SIZES, "512"),
    _choice("colour", ("gray", "rgb"), "gray"),
    Field("bank", "text", "sobel_x", pattern=BANK_PATTERN),
    _integer("kernel_size", 1, 15, 3),
    _choice("mode", ("sum", "each"), "sum"),
    Field("channel_weights", "text", "1,1,1", pattern=CHANNEL_WEIGHTS_PATTERN),
    Field("flip", "flag", False),
    _integer("index", 0, MAX_MAPS * 3 - 1, 0),
    _choice("padding", PADDINGS, "valid"),
    _integer("top", 0, 64, 1),
    _integer("bottom", 0, 64, 1),
    _integer("left", 0, 64, 1),
    _integer("right", 0, 64, 1),
    _choice("padding_mode", PADDING_MODES, "zeros"),
    _integer("stride_h", 1, 8, 1),
    _integer("stride_w", 1, 8, 1),
    _integer("dilation_h", 1, 8, 1),
    _integer("dilation_w", 1, 8, 1),
    _choice("activation", ACTIVATIONS, "none"),
    _choice("pooling", POOLINGS, "none"),
    _integer("pool_size", 1, 15, 2),
    _integer("pool_stride", 1, 15, 2),
    _integer("pool_padding", 0, 7, 0),
    _integer("shift_x", 0, MAX_SHIFT, 0),
    _integer("shift_y", 0, MAX_SHIFT, 0),
    _integer("row", -1, 4000, -1),
    _integer("column", -1, 4000, -1),
    _choice("view", VIEWS, "auto"),
    _choice("scope", ("map", "layer", "fixed"), "map"),
    Field("limit", "number", 255.0, 0.001, 1e7),
    _choice("overlay", ("none", "usage"), "none"),
    _choice("plane", ("all", "0", "1", "2"), "all"),
)
"""Every setting of one lane of the lab, in the order of the address bar."""

_BY_NAME = {field.name: field for field in FIELDS}


@dataclass(frozen=True, slots=True)
class LabSettings:
    """One lane of the lab. Attributes are named and bounded as in `FIELDS`, but for these two.

    `bank` is a tuple of `FilterSpec`; `channel_weights` a tuple of three numbers (R, G, B).
    `padding` "custom" uses top, bottom, left and right. `index` is the map that is looked at; `row`, `column` the
    output cell pinned in the microscope (−1: the browser picks one). Sizes are in pixels.
    """

    size: str = "512"
    colour: str = "gray"
    bank: tuple[FilterSpec, ...] = (FilterSpec("sobel_x"),)
    kernel_size: int = 3
    mode: str = "sum"
    channel_weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    flip: bool = False
    index: int = 0
    padding: str = "valid"
    top: int = 1
    bottom: int = 1
    left: int = 1
    right: int = 1
    padding_mode: str = "zeros"
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    activation: str = "none"
    pooling: str = "none"
    pool_size: int = 2
    pool_stride: int = 2
    pool_padding: int = 0
    shift_x: int = 0
    shift_y: int = 0
    row: int = -1
    column: int = -1
    view: str = "auto"
    scope: str = "map"
    limit: float = 255.0
    overlay: str = "none"
    plane: str = "all"

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> LabSettings:
        """Return the valid settings nearest to `values`; what is missing or unreadable takes its default."""
        found = {field.name: field.nearest(values[field.name]) for field in FIELDS if field.name in values}
        size = found.get("kernel_size", cls().kernel_size)
        if "bank" in found:
            found["bank"] = parse_bank(found["bank"], size, max_filters=MAX_MAPS, max_weights=MAX_WEIGHTS)
        if "channel_weights" in found:
            found["channel_weights"] = _channel_weights(found["channel_weights"])
        settings = cls(**found)
        return replace(settings, pool_padding=min(settings.pool_padding, settings.pool_size // 2))

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser; `from_mapping` reads them back the same."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["bank"] = format_bank(self.bank)
        values["channel_weights"] = ",".join(f"{weight:g}" for weight in self.channel_weights)
        return values

    def encoded_difference(self, other: LabSettings) -> str:
        """Return `other` as text: only what differs from these settings, `name:value` parted by `|`."""
        mine, theirs = self.to_mapping(), other.to_mapping()
        changed = [name for name in theirs if theirs[name] != mine[name]]
        return "|".join(f"{name}:{_text(theirs[name])}" for name in changed) or "same"

    def with_difference(self, text: str) -> LabSettings:
        """Return the settings that `encoded_difference` wrote; what cannot be read stays as it is here."""
        values = self.to_mapping()
        for part in text.split("|"):
            name, _, written = part.partition(":")
            if name in _BY_NAME:
                values[name] = _value(_BY_NAME[name], written, values[name])
        return LabSettings.from_mapping(values)


DIFFERENCE_PATTERN = r"[a-z_0-9:|~;,.\-+=/A-Z]{0,3000}"


def _channel_weights(text: str) -> tuple[float, float, float]:
    weights = []
    for part in text.split(","):
        try:
            number = float(part)
        except ValueError:
            number = 1.0
        weights.append(min(max(number, -1000.0), 1000.0) if math.isfinite(number) else 1.0)
    first, second, third = (*weights, 1.0, 1.0, 1.0)[:3]
    return first, second, third


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(field: Field, text: str, fallback: Any) -> Any:
    if field.kind in ("choice", "text"):
        return text
    try:
        number = float(text)
    except ValueError:
        return fallback
    return bool(number) if field.kind == "flag" else number
