"""Receptive fields as tables: for every row and column of a map what it sees, so that any box is two look-ups.

And the field as measured by gradients, with how much of it lies where.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx, nn

from cnn.convolution.field_propagation import FieldTimeout
from cnn.convolution.field_spans import Span
from cnn.convolution.receptive_field import (
    ReceptiveField,
    ReceptiveFields,
    effective_receptive_field,
    receptive_fields,
)
from cnn.hooks import evaluating, locked
from cnn.models.tracing import NetworkTrace, trace

Table = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class LayerField:
    """One layer of a network with the field of each of its units.

    Attributes:
        name, kind: of the layer; the kind is the module's class or the function's name.
        inputs: places of the layers it reads, in the same list.
        field: its receptive field.
        rows, columns: (h, 2), (w, 2) int32: unit (r, c) sees the picture's rows ``rows[r, 0]:rows[r, 1]`` and columns
            ``columns[c, 0]:columns[c, 1]``; parts in the padding lie off the picture.
        padding_share: of the fields' area, the part off the picture, averaged over all units; 0..1.
        changes: its units see something else than those of each of its inputs.
    """

    name: str
    kind: str
    inputs: tuple[int, ...]
    field: ReceptiveField
    rows: Table
    columns: Table
    padding_share: float
    changes: bool


def field_tables(field: ReceptiveField) -> tuple[Table, Table] | None:
    """Return (rows, columns) of a layer's boxes, or None where rows and columns do not come apart.

    ``field.box(r, c)`` is ``(columns[c, 0], rows[r, 0], columns[c, 1], rows[r, 1])`` for every unit that sees something;
    a row or column whose units all lie in the padding is (0, 0).
    """
    flat = len(field.shape) == 4
    if flat and not (_apart(field.rows, 2) and _apart(field.columns, 3)):
        return None
    height, width = field.grid
    rows = _table(field.rows, flat, 2, height, field.image_size[0])
    columns = _table(field.columns, flat, 3, width, field.image_size[1])
    return rows, columns


def _apart(span: Span, axis: int) -> bool:
    """Say whether what is seen along one axis depends on that index only, units that see nothing left out."""
    other = 5 - axis
    if span.low.shape[other] == 1 and span.high.shape[other] == 1:
        return True
    low, high = span.low.min(axis=(0, 1), keepdims=True), span.high.max(axis=(0, 1), keepdims=True)
    seen = low <= high
    same = (low == low.min(axis=other, keepdims=True)) & (high == high.max(axis=other, keepdims=True))
    return bool((same | ~seen).all())


def _table(span: Span, flat: bool, axis: int, units: int, length: int) -> Table:
    if flat:
        others = tuple(dim for dim in range(4) if dim != axis)
        low, high = span.low.min(axis=others), span.high.max(axis=others)
    else:
        low, high = span.low.min().reshape(1), span.high.max().reshape(1)
    low, stop = np.broadcast_to(low, units).copy(), np.broadcast_to(high, units) + 1
    nothing = low >= stop
    if span.line is not None:
        first = span.line.start + span.line.jump * np.arange(units)
        low = np.where(low == 0, np.minimum(low, np.floor(first)), low)
        stop = np.where(stop == length, np.maximum(stop, np.ceil(first + span.line.size)), stop)
    table = np.stack([low, stop], axis=1)
    table[nothing] = 0
    return table.astype(np.int32)


def padding_share(rows: Table, columns: Table, image_size: tuple[int, int]) -> float:
    """Return which part of the units' fields lies off the picture, averaged over all units; 0..1."""
    inside = 1.0
    for table, length in ((rows, image_size[0]), (columns, image_size[1])):
        whole = int((table[:, 1] - table[:, 0]).sum())
        seen = int((np.minimum(table[:, 1], length) - np.maximum(table[:, 0], 0)).clip(0).sum())
        inside *= seen / whole if whole else 1.0
    return 1.0 - inside


def layer_fields(
    model: nn.Module, input_shape: tuple[int, ...], *, seconds: float = math.inf
) -> tuple[LayerField, ...]:
    """Return every layer whose units can be pointed at, in the order they run, with its tables.

    Args:
        model: a network, or its skeleton without weights (`cnn.models.registry.model_skeleton`).
        input_shape: (C, H, W) of the picture.
        seconds: that it may take.

    Raises:
        TraceError, FieldTimeout, ValueError: as :func:`cnn.convolution.receptive_field.receptive_fields`.
    """
    network = trace(model, lambda: torch.zeros((1, *input_shape)))
    end = time.monotonic() + seconds
    fields = receptive_fields(model, input_shape, seconds=seconds)
    found: list[LayerField] = []
    places: dict[str, int] = {}
    for name, field in fields.items():
        if time.monotonic() > end:
            raise FieldTimeout(
                f"wanted the tables of {len(fields)} layers in {seconds:g} s, got {len(found)}"
            )
        tables = field_tables(field)
        if tables is None or name not in network.nodes:
            continue
        inputs = _inputs(network, network.nodes[name], places, fields)
        same = any(
            np.array_equal(tables[0], found[i].rows) and np.array_equal(tables[1], found[i].columns)
            for i in inputs
        )
        places[name] = len(found)
        share = padding_share(*tables, field.image_size)
        kind = _kind(network, network.nodes[name])
        found.append(LayerField(name, kind, inputs, field, *tables, share, not same))
    return tuple(found)


def _kind(network: NetworkTrace, node: fx.Node) -> str:
    if node.op == "call_module":
        return type(network.module(node)).__name__
    return (
        str(node.target)
        if isinstance(node.target, str)
        else getattr(node.target, "__name__", str(node.target))
    )


def _inputs(
    network: NetworkTrace, node: fx.Node, places: dict[str, int], fields: ReceptiveFields
) -> tuple[int, ...]:
    found: dict[int, None] = {}
    waiting = list(node.all_input_nodes)
    while waiting:
        read = waiting.pop(0)
        name = network.names.get(read, "")
        if name in places:
            found[places[name]] = None
        elif name in fields:
            waiting += read.all_input_nodes
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveField:
    """The field as measured.

    Attributes:
        heat: (H, W) float32, the size of each pixel's gradient; averaged over `draws` networks, each scaled to sum 1,
            where there are several.
        inside: share of its sum inside the theoretical box, 0..1; None where no pixel moves the unit.
        half, most: pixels that hold 50 % and 95 % of it, the strongest first.
        area: pixels of the box that lie on the picture.
        draws: networks averaged over.
    """

    heat: Tensor
    inside: float | None
    half: int
    most: int
    area: int
    draws: int


def effective_field(
    models: Iterable[nn.Module], image: Tensor, field: ReceptiveField, row: int, column: int
) -> EffectiveField:
    """Measure the field of a unit by gradients, over one network or the average of several.

    Args:
        models: networks of one architecture; each is used under its lock and left as it was.
        image: (C, H, W), as the networks expect it.
        field: of the layer, from :func:`cnn.convolution.receptive_field.receptive_fields`.
        row, column: of the unit.

    Raises:
        ValueError: no model. KeyError, IndexError: no such layer or unit.
    Source: Luo et al. 2016, "Understanding the effective receptive field in deep convolutional neural networks".
    """
    heats = []
    for model in models:
        with locked(model), evaluating(model):
            heats.append(effective_receptive_field(model, image, field.layer, row, column))
    if not heats:
        raise ValueError("wanted at least one network, got none")
    heat = heats[0] if len(heats) == 1 else torch.stack([h / h.sum().clamp_min(1e-30) for h in heats]).mean(0)
    x1, y1, x2, y2 = field.visible_box(row, column)
    total = float(heat.double().sum())
    inside = float(heat[y1:y2, x1:x2].double().sum()) / total if total else None
    running = heat.double().flatten().sort(descending=True).values.cumsum(0)
    half, most = (int(torch.searchsorted(running, total * part)) + 1 if total else 0 for part in (0.5, 0.95))
    return EffectiveField(heat, inside, half, most, (x2 - x1) * (y2 - y1), len(heats))


def random_draws(make: Callable[[int], nn.Module], seed: int, count: int) -> Iterable[nn.Module]:
    """Yield `count` networks one after another, made by `make(seed)`, `make(seed + 1)` …"""
    return (make(seed + place) for place in range(count))


def default_layer_of(layers: tuple[LayerField, ...]) -> int:
    """Return the place of a layer worth looking at first: the widest field that is well within the picture, on a map of
    at least 5 × 5 units; the last layer where there is none."""
    best, widest = len(layers) - 1, 0
    for place, layer in enumerate(layers):
        height, width = layer.field.image_size
        rows, columns = layer.field.size
        within = rows <= 0.7 * height and columns <= 0.7 * width
        if layer.changes and within and min(layer.field.grid) >= 5 and rows * columns > widest:
            best, widest = place, rows * columns
    return best
