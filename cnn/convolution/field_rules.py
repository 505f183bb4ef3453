"""How each operation changes what is seen: one rule per kind of layer and function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnn.convolution.field_spans import (
    DATA_DEPENDENT,
    NOTHING_HIGH,
    NOTHING_LOW,
    UPPER_BOUND,
    Line,
    Reach,
    Span,
    Taps,
    adaptive_taps,
    gathered,
    interpolation_taps,
    joined,
    no_span,
    raised,
    reshaped,
    transposed_taps,
    window_taps,
    windowed,
)


def as_reach(value: Any) -> Reach:
    """A constant as a tensor that sees nothing."""
    return without_picture(tuple(value.shape) if isinstance(value, Tensor) else ())


def without_picture(shape: tuple[int, ...]) -> Reach:
    """A tensor of that shape in which nothing comes from the picture."""
    return Reach(shape, no_span(len(shape)), no_span(len(shape)))


def pairs(value: int | Sequence[int], count: int = 2) -> tuple[int, ...]:
    values = (value,) * count if isinstance(value, int) else tuple(value)
    return values * count if len(values) == 1 else values


def tapped(x: Reach, taps: Sequence[Taps], channels: int | None = None) -> Reach:
    """Reads along the last dimensions, one set of taps each; every channel of the output sees the same."""
    rows, columns = x.rows, x.columns
    shape = list(x.shape)
    for offset, along in enumerate(taps):
        dim = len(shape) - len(taps) + offset
        rows = windowed(rows, dim, along, x.shape[dim])
        columns = windowed(columns, dim, along, x.shape[dim])
        shape[dim] = along.outputs
    if channels is not None:
        shape[-len(taps) - 1] = channels
    return x.mapped(tuple(shape), rows, columns)


def _over_channels(x: Reach, count: int, groups: int) -> Reach:
    """The union over the channels, where they see different pixels (after a pixel unshuffle)."""
    dim = len(x.shape) - count - 1
    if not _varies(x, (dim,)) or groups == x.shape[dim]:
        return x
    return x.mapped(x.shape, gathered(x.rows, (dim,)), gathered(x.columns, (dim,)))


def convolved(
    x: Reach,
    weight: Sequence[int],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    mode: str = "zeros",
    groups: int = 1,
) -> Reach:
    """A convolution with a weight of that shape (out, in / groups, k...)."""
    kernel = tuple(weight[2:])
    count = len(kernel)
    x = _over_channels(x, count, groups)
    strides, dilations = pairs(stride, count), pairs(dilation, count)
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
        padded = [(t // 2, t - t // 2) for t in total]
    else:
        padded = [(p, p) for p in pairs(0 if padding == "valid" else padding, count)]
    taps = [
        window_taps(length, k, s, *p, d, mode)
        for length, k, s, p, d in zip(x.shape[-count:], kernel, strides, padded, dilations, strict=True)
    ]
    return tapped(x, taps, weight[0])


def transposed(
    x: Reach,
    weight: Sequence[int],
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Reach:
    """A transposed convolution with a weight of that shape (in, out / groups, k...)."""
    kernel = tuple(weight[2:])
    x = _over_channels(x, len(kernel), groups)
    options = (pairs(o, len(kernel)) for o in (stride, padding, output_padding, dilation))
    taps = [
        transposed_taps(*values) for values in zip(x.shape[-len(kernel) :], kernel, *options, strict=True)
    ]
    return tapped(x, taps, weight[1] * groups)


def pooled(
    x: Reach,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
    count: int = 2,
) -> Reach:
    sizes = pairs(kernel, count)
    strides = sizes if stride is None or stride == [] else pairs(stride, count)
    taps = [
        window_taps(length, k, s, p, p, d, "zeros", ceil)
        for length, k, s, p, d in zip(
            x.shape[-count:], sizes, strides, pairs(padding, count), pairs(dilation, count), strict=True
        )
    ]
    return tapped(x, taps)


def adaptive(x: Reach, size: Any, layer: str, count: int = 2) -> Reach:
    sizes = (size,) * count if size is None or isinstance(size, int) else tuple(size)
    wanted = [x.shape[i - count] if s is None else s for i, s in enumerate(sizes)]
    if all(s == 1 for s in wanted):
        return averaged(x, tuple(range(-count, 0)), True, layer)
    return tapped(x, [adaptive_taps(n, s) for n, s in zip(x.shape[-count:], wanted, strict=True)])


def interpolated(
    x: Reach,
    size: Any = None,
    scale: Any = None,
    mode: str = "nearest",
    corners: bool | None = None,
    antialias: bool = False,
) -> Reach:
    count = len(x.shape) - 2
    lengths = x.shape[2:]
    scales: tuple[float | None, ...] = (None,) * count
    if size is not None:
        sizes = pairs(size, count)
    else:
        scales = (scale,) * count if isinstance(scale, (int, float)) else tuple(scale)
        sizes = tuple(math.floor(n * float(s or 1)) for n, s in zip(lengths, scales, strict=True))
    return tapped(
        x,
        [
            interpolation_taps(n, s, None if f is None else float(f), mode, corners, antialias)
            for n, s, f in zip(lengths, sizes, scales, strict=True)
        ],
    )


def marked(x: Reach, layer: str, *, whole: bool = False, certainty: int = 0) -> Reach:
    """Notes the layer that gathered the map or made it uncertain; the first one stays."""
    if (not whole or x.gathered) and certainty <= x.certainty:
        return x
    return replace(
        x, gathered=x.gathered or whole, certainty=max(x.certainty, certainty), cause=x.cause or layer
    )


def _normal(dims: Any, rank: int) -> tuple[int, ...]:
    if dims is None or dims == () or dims == []:
        return tuple(range(rank))
    return tuple(sorted({d % rank for d in ((dims,) if isinstance(dims, int) else dims)}))


def _varies(x: Reach, dims: Sequence[int]) -> bool:
    return any(span.low.shape[d] > 1 or span.high.shape[d] > 1 for span in (x.rows, x.columns) for d in dims)


def averaged(x: Reach, dims: Any, keep: bool, layer: str) -> Reach:
    """A reduction (mean, sum, max, norm) along dimensions."""
    found = _normal(dims, len(x.shape))
    whole = _varies(x, found)
    rows, columns = gathered(x.rows, found), gathered(x.columns, found)
    shape = tuple(1 if d in found else n for d, n in enumerate(x.shape))
    if not keep:
        kept = tuple(n for d, n in enumerate(x.shape) if d not in found)
        rows, columns = reshaped(rows, shape, kept), reshaped(columns, shape, kept)
        shape = kept
    return marked(x.mapped(shape, rows, columns), layer, whole=whole)


def mixed(x: Reach, dims: Any, layer: str) -> Reach:
    """Every element along the dimensions depends on all of them (softmax, layer norm); the shape stays."""
    found = _normal(dims, len(x.shape))
    if not _varies(x, found):
        return x
    changed = x.mapped(x.shape, gathered(x.rows, found), gathered(x.columns, found))
    return marked(changed, layer, whole=True)


def _side(x: Reach, side: str) -> Span:
    return x.rows if side == "rows" else x.columns


def everything(
    inputs: Sequence[Reach], shape: tuple[int, ...], layer: str, certainty: int = UPPER_BOUND
) -> Reach:
    """Every element may depend on every element of every input."""
    spans = []
    for side in ("rows", "columns"):
        low = min((int(_side(r, side).low.min()) for r in inputs), default=NOTHING_LOW)
        high = max((int(_side(r, side).high.max()) for r in inputs), default=NOTHING_HIGH)
        ones = (1,) * len(shape)
        spans.append(Span(np.full(ones, low), np.full(ones, high), None))
    cause = next((r.cause for r in inputs if r.cause), "") or layer
    return Reach(shape, spans[0], spans[1], max([certainty, *(r.certainty for r in inputs)]), True, cause)


def united(inputs: Sequence[Reach]) -> Reach:
    """Element by element of tensors that broadcast: the union of the boxes."""
    if len(inputs) == 1:
        return inputs[0]
    shape = tuple(np.broadcast_shapes(*(r.shape for r in inputs)))
    result = inputs[0]
    rows, columns = raised(result.rows, len(shape)), raised(result.columns, len(shape))
    for other in inputs[1:]:
        rows = joined(rows, raised(other.rows, len(shape)))
        columns = joined(columns, raised(other.columns, len(shape)))
    return Reach(
        shape,
        rows,
        columns,
        max(r.certainty for r in inputs),
        any(r.gathered for r in inputs),
        next((r.cause for r in inputs if r.cause), ""),
    )


def concatenated(inputs: Sequence[Reach], dim: int) -> Reach:
    """Along channels the union of the boxes; along a dimension that carries positions one after the other."""
    dim %= len(inputs[0].shape)
    shape = list(inputs[0].shape)
    shape[dim] = sum(r.shape[dim] for r in inputs)
    if not any(_varies(r, (dim,)) for r in inputs):
        slices = [r.mapped((*r.shape[:dim], 1, *r.shape[dim + 1 :]), r.rows, r.columns) for r in inputs]
        return replace(united(slices), shape=tuple(shape))
    spans = []
    for side in ("rows", "columns"):
        ends = []
        for name in ("low", "high"):
            parts = [getattr(_side(r, side), name) for r in inputs]
            common = np.broadcast_shapes(*((*p.shape[:dim], 1, *p.shape[dim + 1 :]) for p in parts))
            sizes = [(*common[:dim], r.shape[dim], *common[dim + 1 :]) for r in inputs]
            ends.append(
                np.concatenate([np.broadcast_to(p, s) for p, s in zip(parts, sizes, strict=True)], dim)
            )
        spans.append(Span(ends[0], ends[1], None))
    return Reach(
        tuple(shape),
        spans[0],
        spans[1],
        max(r.certainty for r in inputs),
        any(r.gathered for r in inputs),
        next((r.cause for r in inputs if r.cause), ""),
    )


def viewed(x: Reach, shape: Sequence[int]) -> Reach:
    total = math.prod(x.shape)
    known = math.prod(n for n in shape if n != -1)
    after = tuple(total // known if n == -1 else int(n) for n in shape)
    return x.mapped(after, reshaped(x.rows, x.shape, after), reshaped(x.columns, x.shape, after))


def flattened(x: Reach, start: int = 0, end: int = -1) -> Reach:
    start, end = start % len(x.shape), end % len(x.shape)
    return viewed(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


def _each(x: Reach, change: Callable[[Any], Any], shape: tuple[int, ...], lines: bool = True) -> Reach:
    spans = [Span(change(s.low), change(s.high), s.line if lines else None) for s in (x.rows, x.columns)]
    return x.mapped(shape, spans[0], spans[1])


def permuted(x: Reach, dims: Sequence[int]) -> Reach:
    order = [d % len(x.shape) for d in dims]
    return _each(x, lambda a: a.transpose(order), tuple(x.shape[d] for d in order))


def swapped(x: Reach, a: int, b: int) -> Reach:
    order = list(range(len(x.shape)))
    order[a], order[b] = order[b], order[a]
    return permuted(x, order)


def expanded(x: Reach, shape: Sequence[int]) -> Reach:
    lead = len(shape) - len(x.shape)
    full = tuple(x.shape[i - lead] if n == -1 else n for i, n in enumerate(shape))
    return x.mapped(full, raised(x.rows, len(full)), raised(x.columns, len(full)))


def indexed(x: Reach, index: Any) -> Reach | None:
    """Basic indexing with integers, slices, None and Ellipsis; None for anything else."""
    items = list(index) if isinstance(index, tuple) else [index]
    if any(not (i is None or i is Ellipsis or isinstance(i, (int, slice))) for i in items):
        return None
    if Ellipsis not in items:
        items.append(Ellipsis)
    place = items.index(Ellipsis)
    named = sum(1 for i in items if i is not None and i is not Ellipsis)
    items[place : place + 1] = [slice(None)] * (len(x.shape) - named)
    shape = torch.empty(x.shape, device="meta")[tuple(items)].shape
    spans = []
    for span in (x.rows, x.columns):
        low, high, line = span.low, span.high, span.line
        picks: list[Any] = []
        dim = 0
        for item in items:
            if item is None:
                picks.append(None)
                continue
            varies = low.shape[dim] > 1
            if isinstance(item, slice) and varies:
                begin, _, step = item.indices(x.shape[dim])
                line = (
                    None
                    if line is None
                    else Line(line.start + begin * line.jump, line.size, line.jump * step)
                )
            if varies:
                picks.append(item)
            else:
                picks.append(0 if isinstance(item, int) else slice(None))
            dim += 1
        spans.append(Span(low[tuple(picks)], high[tuple(picks)], line))
    return x.mapped(tuple(shape), spans[0], spans[1])


def split(x: Reach, sizes: Sequence[int], dim: int) -> tuple[Reach, ...]:
    dim %= len(x.shape)
    parts, begin = [], 0
    for size in sizes:
        item = (slice(None),) * dim + (slice(begin, begin + size),)
        found = indexed(x, item)
        assert found is not None
        parts.append(found)
        begin += size
    return tuple(parts)


def rolled(x: Reach, shifts: Any, dims: Any) -> Reach:
    def change(values: Any) -> Any:
        for shift, dim in zip(pairs(shifts, 1), pairs(dims, 1), strict=True):
            values = np.roll(values, shift, dim)
        return values

    return _each(x, change, x.shape, lines=False)


def padded(x: Reach, amounts: Sequence[int], mode: str = "constant") -> Reach:
    """Padding of the last dimensions, last one first as in F.pad; negative amounts cut."""
    mode = {"constant": "zeros"}.get(mode, mode)
    rows, columns, shape = x.rows, x.columns, list(x.shape)
    for position in range(len(amounts) // 2):
        dim = len(shape) - 1 - position
        before, after = amounts[2 * position], amounts[2 * position + 1]
        if before == after == 0:
            continue
        taps = window_taps(shape[dim], 1, 1, before, after, 1, mode)
        rows, columns = windowed(rows, dim, taps, shape[dim]), windowed(columns, dim, taps, shape[dim])
        shape[dim] = taps.outputs
    return x.mapped(tuple(shape), rows, columns)


def multiplied(a: Reach, b: Reach, layer: str) -> Reach:
    """A matrix product: rows of the first with columns of the second."""
    if len(a.shape) == 1 or len(b.shape) == 1:
        return everything(
            [a, b],
            tuple((torch.empty(a.shape, device="meta") @ torch.empty(b.shape, device="meta")).shape),
            layer,
        )
    left, right = averaged(a, -1, True, layer), averaged(b, -2, True, layer)
    return united([left, right])


def projected(x: Reach, features: int, layer: str) -> Reach:
    """A linear layer over the last dimension."""
    return replace(mixed(x, -1, layer), shape=(*x.shape[:-1], features))


def shuffled(x: Reach, factor: int, *, up: bool) -> Reach:
    """Pixel shuffle: channels to positions, or back."""
    n, c, h, w = x.shape
    if up:
        split_ = viewed(x, (n, c // factor**2, factor, factor, h, w))
        return viewed(permuted(split_, (0, 1, 4, 2, 5, 3)), (n, c // factor**2, h * factor, w * factor))
    split_ = viewed(x, (n, c, h // factor, factor, w // factor, factor))
    return viewed(permuted(split_, (0, 1, 3, 5, 2, 4)), (n, c * factor**2, h // factor, w // factor))


def unknown(
    inputs: Sequence[Reach], shape: tuple[int, ...], layer: str, data_dependent: bool = False
) -> Reach:
    """An operation without a rule: anything may depend on anything."""
    return everything(inputs, shape, layer, DATA_DEPENDENT if data_dependent else UPPER_BOUND)
