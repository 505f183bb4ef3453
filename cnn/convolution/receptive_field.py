"""The receptive field of every unit of a network: by rule over its graph, and as measured by gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from cnn.convolution.field_propagation import propagated
from cnn.convolution.field_spans import DATA_DEPENDENT, UPPER_BOUND, Integers, Line, Reach, Span
from cnn.models.running import value_of
from cnn.models.tracing import NetworkTrace, trace

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class ReceptiveField:
    """What the units of one layer see of the picture.

    Attributes:
        layer: its name.
        shape: of its output, (N, C, H, W) or what else it is.
        image_size: (H, W) of the picture.
        status: "exact": each box is the support of the unit; "whole image": each unit sees all of it,
        because a
            layer gathers the whole map; "upper bound": the unit sees at most its box; "data-dependent":
            where it
            looks depends on the picture.
        cause: the layer that gathered the map or made the box a bound; "" when none.
    """

    layer: str
    shape: tuple[int, ...]
    image_size: tuple[int, int]
    status: str
    cause: str
    rows: Span
    columns: Span

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) in pixels, the part in the padding included; of the unit that sees most where they
        differ."""
        return _size(self.rows), _size(self.columns)

    @property
    def jump(self) -> tuple[float, float] | float:
        """Pixels between the fields of neighbours; a pair (rows, columns) where they differ."""
        rows, columns = _jump(self.rows), _jump(self.columns)
        return rows if rows == columns else (rows, columns)

    @property
    def start(self) -> tuple[int, int]:
        """(row, column) of the first pixel of unit (0, 0); negative in the padding."""
        x1, y1, _, _ = self.box(0, 0)
        return y1, x1

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of units that can be pointed at; (1, 1) after flattening."""
        return (self.shape[-2], self.shape[-1]) if len(self.shape) == 4 else (1, 1)

    def box(self, row: int, column: int) -> Box:
        """The field of a unit as (x1, y1, x2, y2), x2 and y2 exclusive; parts in the padding lie off the
        picture.

        ``image[y1:y2, x1:x2]`` cut at the picture's edge is what the unit sees, to the pixel.

        Raises:
            IndexError: no such unit.
        """
        y1, y2 = self._range(self.rows, row, column, self.image_size[0], row)
        x1, x2 = self._range(self.columns, row, column, self.image_size[1], column)
        return x1, y1, x2, y2

    def visible_box(self, row: int, column: int) -> Box:
        """The box cut at the picture's edge: the support of the unit's gradient. (0, 0, 0, 0) when it sees
        nothing."""
        x1, y1, x2, y2 = self.box(row, column)
        height, width = self.image_size
        if x1 >= x2 or y1 >= y2:
            return 0, 0, 0, 0
        return max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)

    def units(self, row: int, column: int) -> Box:
        """The reverse: the units that see a pixel of the picture, as (x1, y1, x2, y2) on this layer's map.

        (0, 0, 0, 0) when none does. Where fields have gaps the box holds every unit that sees the pixel.
        """
        height, width = self.grid
        seen = self._sees(self.rows, row) & self._sees(self.columns, column)
        seen = np.broadcast_to(seen, (height, width)) if len(self.shape) == 4 else seen.any(keepdims=True)
        if not seen.any():
            return 0, 0, 0, 0
        rows = np.flatnonzero(seen.any(axis=1)) if seen.ndim == 2 else np.array([0])
        columns = np.flatnonzero(seen.any(axis=0)) if seen.ndim == 2 else np.array([0])
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def _sees(self, span: Span, pixel: int) -> np.ndarray:
        low, high = self._union(span.low, np.min), self._union(span.high, np.max)
        return (low <= pixel) & (pixel <= high)

    def _union(self, values: Integers, reduce: object) -> Integers:
        """Over batch and channels, so that (rows, columns) are left; over everything for other shapes."""
        if len(self.shape) == 4:
            return reduce(values, axis=(0, 1))  # type: ignore[operator]
        return np.atleast_2d(reduce(values))  # type: ignore[operator]

    def _range(self, span: Span, row: int, column: int, length: int, index: int) -> tuple[int, int]:
        height, width = self.grid
        if not (0 <= row < height and 0 <= column < width):
            raise IndexError(f"{self.layer} has {height}×{width} units, got row {row}, column {column}")
        low, high = self._union(span.low, np.min), self._union(span.high, np.max)
        first = int(low[row if low.shape[0] > 1 else 0, column if low.shape[1] > 1 else 0])
        last = int(high[row if high.shape[0] > 1 else 0, column if high.shape[1] > 1 else 0])
        if first > last:
            return 0, 0
        if span.line is None:
            return first, last + 1
        return _with_padding(span.line, index, first, last, length)


def _with_padding(line: Line, index: int, first: int, last: int, length: int) -> tuple[int, int]:
    """Extends a visible range beyond the picture's edge by the formula, where it touches the edge."""
    start = math.floor(line.start + line.jump * index)
    stop = math.ceil(line.start + line.jump * index + line.size)
    return (min(first, start) if first == 0 else first), (
        max(last + 1, stop) if last == length - 1 else last + 1
    )


def _size(span: Span) -> int:
    if span.line is not None:
        return math.ceil(span.line.size)
    return max(int((span.high - span.low).max()) + 1, 0)


def _jump(span: Span) -> float:
    """0 where all units see the same."""
    if span.line is None:
        return 0.0
    return int(span.line.jump) if float(span.line.jump).is_integer() else span.line.jump


class ReceptiveFields(Mapping[str, ReceptiveField]):
    """The receptive field of every layer, by name, in the order they run.

    The path of a block ("layer1.0") gives the field of its output.
    """

    def __init__(
        self, network: NetworkTrace, reaches: Mapping[str, Reach], image_size: tuple[int, int]
    ) -> None:
        self._network = network
        self._reaches = reaches
        self._image_size = image_size

    def __getitem__(self, layer: str) -> ReceptiveField:
        name = layer if layer in self._reaches else self._network.names[self._network.resolve(layer)]
        reach = self._reaches[name]
        return ReceptiveField(
            name, reach.shape, self._image_size, self._status(reach), reach.cause, reach.rows, reach.columns
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._reaches)

    def __len__(self) -> int:
        return len(self._reaches)

    def __contains__(self, layer: object) -> bool:
        try:
            self[str(layer)]
        except KeyError:
            return False
        return True

    def units(self, row: int, column: int) -> dict[str, Box]:
        """The units that see a pixel, as a box on the map of every layer that has one."""
        return {name: field.units(row, column) for name, field in self.items() if len(field.shape) == 4}

    def _status(self, reach: Reach) -> str:
        if reach.certainty == DATA_DEPENDENT:
            return "data-dependent"
        if reach.certainty == UPPER_BOUND:
            return "upper bound"
        return "whole image" if reach.gathered and self._covers(reach) else "exact"

    def _covers(self, reach: Reach) -> bool:
        height, width = self._image_size
        edges = ((reach.rows, height), (reach.columns, width))
        return all(bool((s.low <= 0).all()) and bool((s.high >= n - 1).all()) for s, n in edges)


def receptive_fields(
    model: nn.Module, input_shape: tuple[int, ...], *, seconds: float = math.inf
) -> ReceptiveFields:
    """The receptive field of every layer of a network, without running it.

    Batch norm counts as in evaluation: it mixes nothing. Depthwise and grouped layers see what all their
    channels
    together see; where branches join, the boxes unite.

    Args:
        model: any network torch.fx can trace, or else one that runs on zeros of the input shape.
        input_shape: (C, H, W) or (N, C, H, W) of the picture.
        seconds: that it may take.

    Raises:
        TraceError: when the network's graph cannot be found.
        FieldTimeout: it takes longer.
        ValueError: for an input shape of another length, or a picture smaller than a filter.
    Source: Araujo et al. 2019, "Computing receptive fields of convolutional neural networks", Distill.
    """
    shape = _batched(input_shape)
    network = _traced(model, shape)
    values = propagated(network, shape, seconds=seconds)
    reaches = {
        network.names[node]: value
        for node, value in values.items()
        if isinstance(value, Reach) and node.op not in {"placeholder", "get_attr", "output"}
    }
    return ReceptiveFields(network, reaches, (shape[-2], shape[-1]))


def _batched(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) not in {3, 4} or min(shape) < 1:
        raise ValueError(f"wanted an input shape (C, H, W) or (N, C, H, W), got {tuple(shape)}")
    return tuple(int(n) for n in shape) if len(shape) == 4 else (1, *(int(n) for n in shape))


def _traced(model: nn.Module, shape: tuple[int, ...]) -> NetworkTrace:
    parameter = next(model.parameters(), None)
    device = None if parameter is None else parameter.device
    return trace(model, lambda: torch.zeros(shape, device=device))


def effective_receptive_field(
    model: nn.Module, image: Tensor, layer: str, row: int, column: int, channel: int | None = None
) -> Tensor:
    """How strongly each pixel moves one unit: the absolute gradient, summed over the picture's channels.

    Args:
        model: the network, used as it is; its parameters gather no gradient.
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        layer: a name as in :func:`receptive_fields`.
        row, column: of the unit.
        channel: of the unit; None sums over all.

    Returns:
        (H, W) non-negative float32.

    Raises:
        KeyError: no such layer. IndexError: no such unit.
    Source: Luo et al. 2016, "Understanding the effective receptive field in deep convolutional neural
    networks".
    """
    pixels = (image if image.ndim == 4 else image[None]).detach().clone().requires_grad_()
    network = trace(model, lambda: pixels.detach())
    node = network.resolve(layer)
    with torch.enable_grad():
        output = value_of(network, pixels, node)
    if output.ndim != 4:
        output = output.reshape(output.shape[0], -1, 1, 1)
    if not (0 <= row < output.shape[-2] and 0 <= column < output.shape[-1]):
        raise IndexError(
            f"{layer} has {output.shape[-2]}×{output.shape[-1]} units, got row {row}, column {column}"
        )
    if not output.requires_grad:  # an index or a comparison: no pixel moves it a little
        return torch.zeros_like(pixels[0].detach()).sum(dim=0)
    unit = output[0, :, row, column]
    (gradient,) = torch.autograd.grad(unit.sum() if channel is None else unit[channel], pixels)
    return gradient[0].abs().sum(dim=0)
