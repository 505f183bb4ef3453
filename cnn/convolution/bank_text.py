"""A bank of filters as short text for a link: `sobel_x;edge~a23~pscharr;custom~w1,0,-1,1,0,-1,1,0,-1~b2~otr`.

Parts of a filter: `a` angle in degrees, `p` pair of an any-angle edge, `s` seed of random weights, `w` weights (commas) or
`W` weights (base64 of float32), `b` bias, `o` operations in order: t transpose, r quarter turn clockwise, n normalise,
`x` how many filters alike with one seed after the other (`random~x64`).
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

BANK_PATTERN = r"[a-zA-Z0-9_~;,.\-+=/]{1,5500}"
PRESETS = (
    "identity", "vertical", "horizontal", "sobel_x", "sobel_y", "scharr_x", "scharr_y", "prewitt_x", "prewitt_y", "edge",
    "laplacian", "laplacian_8", "log", "gaussian", "box", "sharpen", "emboss", "gabor", "line_vertical",
    "line_horizontal", "random",
)  # fmt: skip
CUSTOM = "custom"
PAIRS = ("vertical", "sobel", "scharr", "prewitt")
WEIGHT_LIMIT = 1e6
_LONG = 25


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """How one filter of the bank is made.

    `weights` (row by row, k·k numbers, or 3·k·k: one grid for each of R, G, B) only with name "custom".
    """

    name: str = "sobel_x"
    angle: float = 0.0
    pair: str = "sobel"
    seed: int = 0
    weights: tuple[float, ...] = ()
    bias: float = 0.0
    operations: str = ""


def parse_bank(text: str, kernel_size: int, *, max_filters: int, max_weights: int) -> tuple[FilterSpec, ...]:
    """Return the filters that `text` names; what cannot be read is left out, and at least one filter comes back."""
    specs: list[FilterSpec] = []
    weights = 0
    for item in text.split(";"):
        for spec in _parse_filters(item, kernel_size, max_filters - len(specs)):
            if weights + len(spec.weights) <= max_weights:
                weights += len(spec.weights)
                specs.append(spec)
    return tuple(specs) or (FilterSpec(),)


def format_bank(bank: Sequence[FilterSpec]) -> str:
    """Return `bank` as text that `parse_bank` reads back the same."""
    runs: list[tuple[FilterSpec, int]] = []
    for spec in bank:
        first, count = runs[-1] if runs else (spec, 0)
        if (
            count
            and spec.name == "random"
            and _without_seed(spec) == _without_seed(first)
            and spec.seed == first.seed + count
        ):
            runs[-1] = (first, count + 1)
        else:
            runs.append((spec, 1))
    return ";".join(_format_filter(spec) + (f"~x{count}" if count > 1 else "") for spec, count in runs)


def _without_seed(spec: FilterSpec) -> tuple[object, ...]:
    return (spec.name, spec.angle, spec.pair, spec.weights, spec.bias, spec.operations)


def reduced(operations: str) -> str:
    """Return the shortest text for the same operations: four turns, or two transpositions, are none."""
    kept = "".join(letter for letter in operations[:64] if letter in "trn")
    before = ""
    while kept != before:
        before = kept
        kept = kept.replace("tt", "").replace("rrrr", "").replace("nn", "n")
    return kept[:16]


def _parse_filters(item: str, kernel_size: int, most: int) -> list[FilterSpec]:
    name, *parts = item.split("~")
    if name not in PRESETS and name != CUSTOM:
        return []
    found: dict[str, str] = {part[0]: part[1:] for part in parts if part}
    weights = _weights(found, kernel_size) if name == CUSTOM else ()
    if name == CUSTOM and not weights:
        return []
    spec = FilterSpec(
        name=name,
        angle=_number(found.get("a", ""), -360, 360),
        pair=found.get("p", "sobel") if found.get("p") in PAIRS else "sobel",
        seed=int(_number(found.get("s", ""), 0, 9999)),
        weights=weights,
        bias=_number(found.get("b", ""), -WEIGHT_LIMIT, WEIGHT_LIMIT),
        operations=reduced(found.get("o", "")),
    )
    count = min(max(int(_number(found.get("x", ""), 0, 10_000)), 1), most)
    if count == 1:
        return [spec]
    return [replace(spec, seed=min(spec.seed + step, 9999)) for step in range(count)]


def _weights(found: dict[str, str], kernel_size: int) -> tuple[float, ...]:
    if "W" in found:
        try:
            data = base64.b64decode(found["W"].replace("-", "+").replace("_", "/"), validate=True)
            numbers = struct.unpack(f"<{len(data) // 4}f", data)
        except (binascii.Error, struct.error, ValueError):
            return ()
    else:
        numbers = tuple(_number(part, -WEIGHT_LIMIT, WEIGHT_LIMIT) for part in found.get("w", "").split(","))
    if len(numbers) not in (kernel_size**2, 3 * kernel_size**2):
        return ()
    limited = (
        min(max(number, -WEIGHT_LIMIT), WEIGHT_LIMIT) if math.isfinite(number) else 0.0 for number in numbers
    )
    return tuple(limited)


def _number(text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return min(max(number, low), high) if math.isfinite(number) else 0.0


def _format_filter(spec: FilterSpec) -> str:
    parts = [spec.name]
    if spec.angle:
        parts.append(f"a{spec.angle:g}")
    if spec.name == "edge":
        parts.append(f"p{spec.pair}")
    if spec.seed:
        parts.append(f"s{spec.seed}")
    if spec.weights:
        parts.append(_weight_text(spec.weights))
    if spec.bias:
        parts.append(f"b{_shortest(spec.bias)}")
    if spec.operations:
        parts.append(f"o{spec.operations}")
    return "~".join(parts)


def _weight_text(weights: tuple[float, ...]) -> str:
    written = ",".join(_shortest(weight) for weight in weights)
    if len(weights) <= _LONG or len(written) <= 4 * len(weights):
        return "w" + written
    return "W" + base64.urlsafe_b64encode(struct.pack(f"<{len(weights)}f", *weights)).decode()


def _shortest(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)
