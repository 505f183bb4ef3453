"""The kinds of values in the address bar: each is read by `parse`, which turns junk into the nearest valid one."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from cnn.convolution.settings import Field


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options` (ids)."""

    name: str
    options: tuple[str, ...]
    default: str

    def parse(self, text: str) -> str:
        return text if text in self.options else self.default

    def format(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number in `low..high`."""

    name: str
    low: int
    high: int
    default: int

    def parse(self, text: str) -> int:
        number = number_of(text)
        return self.default if number is None else int(min(max(round(number), self.low), self.high))

    def format(self, value: Any) -> str:
        return str(int(value))


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number in `low..high`."""

    name: str
    low: float
    high: float
    default: float

    def parse(self, text: str) -> float:
        number = number_of(text)
        return self.default if number is None else min(max(number, self.low), self.high)

    def format(self, value: Any) -> str:
        return f"{float(value):.6g}"


@dataclass(frozen=True, slots=True)
class Flag:
    """On or off, written 1 or 0."""

    name: str
    default: bool

    def parse(self, text: str) -> bool:
        return {"1": True, "true": True, "0": False, "false": False}.get(text.strip().lower(), self.default)

    def format(self, value: Any) -> str:
        return "1" if value else "0"


@dataclass(frozen=True, slots=True)
class Text:
    """Text that matches `pattern` as a whole, else the default. Never a path, an address or code."""

    name: str
    pattern: str
    default: str = ""

    def parse(self, text: str) -> str:
        return text if re.fullmatch(self.pattern, text) else self.default

    def format(self, value: Any) -> str:
        return str(value)


Parameter = Choice | Integer | Number | Flag | Text


def of_field(field: Field) -> Parameter:
    """Return the parameter that reads a screen's own field."""
    if field.kind == "choice":
        return Choice(field.name, field.options, field.default)
    if field.kind == "flag":
        return Flag(field.name, field.default)
    if field.kind == "text":
        return Text(field.name, field.pattern, field.default)
    if field.kind == "integer":
        return Integer(field.name, int(field.low), int(field.high), field.default)
    return Number(field.name, field.low, field.high, field.default)


def number_of(text: str) -> float | None:
    """Return the finite number that a text says, or None."""
    try:
        number = float(text.strip().replace("−", "-"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


NETWORK_PATTERN = (
    r"[a-z0-9][a-z0-9-]{1,40}|[a-z0-9_]{2,40}/[A-Za-z0-9_]{2,40}|random\.[a-z0-9_]{2,40}\.\d{1,4}"
    r"|s-[A-Za-z0-9_-]{11}|u-[A-Za-z0-9_-]{22}"
)
READING_PATTERN = r"([a-z0-9_]{0,40}\.(own|imagenet|half|unit|signed)\.\d{0,4})?"


def network_parameters(default: str = "imagenette-resnet") -> tuple[Parameter, ...]:
    """Return the parameters that `app/widgets/model_picker.py` keeps: the network, and how a person's own is read."""
    return Text("net", NETWORK_PATTERN, default), Text("net_as", READING_PATTERN)


STYLE_PATTERN = r"([a-z][a-z0-9_]{0,40}|u-[A-Za-z0-9_-]{22})(~\d(\.\d{1,2})?)?"
"""A style picture's key and its share."""

EDIT_PATTERN = (
    r"([A-Za-z0-9_.]{1,120}(@(\d{1,5}|all)=(-?\d{1,4}(\.\d{1,4})?|mean|c\d{1,5})|!\d{1,3})(;|$)){0,24}"
)
"""What `cnn.networks.edit_text.parsed_edits` reads."""
