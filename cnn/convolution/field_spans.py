"""Which rows and columns of the picture each element of a tensor sees, as arrays that broadcast over its
shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

Integers = npt.NDArray[np.int64]

NOTHING_LOW = 1 << 40
NOTHING_HIGH = -(1 << 40)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The field of index i without borders: ``size`` pixels from ``start + jump * i``."""

    start: float
    size: float
    jump: float


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """First and last pixel seen along one axis of the picture.

    Attributes:
        low, high: integers that broadcast to the tensor's shape; low > high where nothing is seen.
        line: the same by formula, with the part in the padding; None where no formula holds.
    """

    low: Integers
    high: Integers
    line: Line | None


EXACT, UPPER_BOUND, DATA_DEPENDENT = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """What the elements of a tensor see of the picture.

    Attributes:
        shape: of the tensor.
        rows, columns: what is seen along each axis of the picture.
        certainty: EXACT, UPPER_BOUND or DATA_DEPENDENT.
        gathered: True once an operation has drawn the whole map together.
        cause: the layer that made it gathered or uncertain, "" when neither.
    """

    shape: tuple[int, ...]
    rows: Span
    columns: Span
    certainty: int = EXACT
    gathered: bool = False
    cause: str = ""

    def mapped(self, shape: tuple[int, ...], rows: Span, columns: Span) -> Reach:
        return Reach(shape, rows, columns, self.certainty, self.gathered, self.cause)


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """The input indices that each output index reads along one axis.

    Attributes:
        index: (k, outputs) with 0 for a tap that falls outside.
        inside: (k, outputs), or None when every tap is inside.
        reached: False when some output reads nothing.
        scale, shift, spread: the formula of the first and last tap, ``scale * o + shift`` and ``spread``
        further.
    """

    index: Integers
    inside: npt.NDArray[np.bool_] | None
    reached: bool
    scale: float
    shift: float
    spread: float

    @property
    def outputs(self) -> int:
        return int(self.index.shape[1])


def _taps(raw: Integers, length: int, scale: float, shift: float, spread: float) -> Taps:
    inside = (raw >= 0) & (raw < length)
    everywhere = bool(inside.all())
    return Taps(
        np.where(inside, raw, 0),
        None if everywhere else inside,
        everywhere or bool(inside.any(axis=0).all()),
        scale,
        shift,
        spread,
    )


@lru_cache(maxsize=4096)
def window_taps(
    length: int,
    kernel: int,
    stride: int,
    before: int,
    after: int,
    dilation: int,
    mode: str = "zeros",
    ceil: bool = False,
) -> Taps:
    """Taps of a convolution or pooling; modes other than "zeros" fill the padding with real pixels."""
    free = length + before + after - dilation * (kernel - 1) - 1
    outputs = (-(-free // stride) if ceil else free // stride) + 1
    if ceil and (outputs - 1) * stride >= length + before:
        outputs -= 1
    if outputs < 1:
        raise ValueError(
            f"kernel of {dilation * (kernel - 1) + 1} does not fit {length} pixels padded to "
            f"{length + before + after}"
        )
    raw = np.arange(outputs) * stride - before + dilation * np.arange(kernel)[:, None]
    if mode == "reflect":
        raw = np.abs(raw)
        raw = np.where(raw >= length, 2 * (length - 1) - raw, raw)
    elif mode == "replicate":
        raw = np.clip(raw, 0, length - 1)
    elif mode == "circular":
        raw = raw % length
    return _taps(raw, length, stride, -before, dilation * (kernel - 1))


@lru_cache(maxsize=1024)
def transposed_taps(
    length: int, kernel: int, stride: int, padding: int, output_padding: int, dilation: int
) -> Taps:
    """Taps of a transposed convolution: output o reads input i where ``o = i * stride - padding + dilation *
    k``."""
    outputs = (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    numerator = np.arange(outputs) + padding - dilation * np.arange(kernel)[:, None]
    raw = np.where(numerator % stride == 0, numerator // stride, -1)
    first = -((dilation * (kernel - 1) - padding) // stride)
    return _taps(raw, length, 1 / stride, first, -(-(dilation * (kernel - 1) + 1) // stride) - 1)


@lru_cache(maxsize=1024)
def adaptive_taps(length: int, outputs: int) -> Taps:
    """Taps of adaptive pooling."""
    first = np.arange(outputs) * length // outputs
    stop = -(-(np.arange(outputs) + 1) * length // outputs)
    raw = first + np.arange(int((stop - first).max()))[:, None]
    raw = np.where(raw < stop, raw, -1)
    whole = length % outputs == 0
    return _taps(
        raw, length, length / outputs, 0, length // outputs - 1 if whole else int((stop - first).max()) - 1
    )


@lru_cache(maxsize=256)
def interpolation_taps(
    length: int, outputs: int, scale: float | None, mode: str, corners: bool | None, antialias: bool
) -> Taps:
    """Taps of an up-sampling, read off torch's own operation on the identity."""
    # A scale factor is passed on as such, because torch samples by it and not by outputs / length.
    options: dict[str, Any] = {"size": (outputs, 1)} if scale is None else {"scale_factor": (scale, 1.0)}
    weights = F.interpolate(
        torch.eye(length).view(1, length, length, 1),
        mode=mode,
        align_corners=corners,
        antialias=antialias,
        **options,
    )
    used = weights[0, :, :, 0].abs().gt(1e-7).numpy()
    most = int(used.sum(axis=0).max())
    raw = np.full((most, outputs), -1, dtype=np.int64)
    for output in range(outputs):
        found = np.flatnonzero(used[:, output])
        raw[: len(found), output] = found
    first = float(raw[0, outputs // 2]) - (outputs // 2) * length / outputs
    return _taps(raw, length, length / outputs, first, most - 1)


def first_span(length: int, rank: int, dim: int) -> Span:
    """The picture itself along one axis: every pixel sees itself."""
    shape = [1] * rank
    shape[dim] = length
    index = np.arange(length, dtype=np.int64).reshape(shape)
    return Span(index, index, Line(0, 1, 1))


def no_span(rank: int) -> Span:
    """Of a constant: sees nothing."""
    shape = (1,) * rank
    return Span(np.full(shape, NOTHING_LOW), np.full(shape, NOTHING_HIGH), None)


def _through(values: Integers, dim: int, taps: Taps, nothing: int, reduce: Any) -> Integers:
    picked = values.take(taps.index.ravel(), axis=dim)
    shape = values.shape[:dim] + taps.index.shape + values.shape[dim + 1 :]
    picked = picked.reshape(shape)
    if taps.inside is not None:
        mask = taps.inside.reshape((1,) * dim + taps.inside.shape + (1,) * (values.ndim - dim - 1))
        picked = np.where(mask, picked, nothing)
    return reduce(picked, axis=dim)


def windowed(span: Span, dim: int, taps: Taps, length: int) -> Span:
    """The span after reading by taps along one dimension of the tensor."""
    low, high = span.low, span.high
    if low.shape[dim] == 1 and high.shape[dim] == 1 and length > 1:
        return span  # the other axis' span says where nothing is read along this one
    line = span.line
    if line is not None:
        line = Line(
            line.start + taps.shift * line.jump, line.size + taps.spread * line.jump, line.jump * taps.scale
        )
    return Span(
        _through(low, dim, taps, NOTHING_LOW, np.minimum.reduce),
        _through(high, dim, taps, NOTHING_HIGH, np.maximum.reduce),
        line,
    )


def gathered(span: Span, dims: tuple[int, ...]) -> Span:
    """The union along dimensions, kept as size one."""
    if all(span.low.shape[dim] == 1 for dim in dims):
        return span
    return Span(span.low.min(axis=dims, keepdims=True), span.high.max(axis=dims, keepdims=True), None)


def _joined_line(a: Span, b: Span) -> Line | None:
    if a.line is None or b.line is None:
        # A constant sees nothing, so the other's formula stands.
        if a.line is None and a.low.size == 1 and a.low.flat[0] == NOTHING_LOW:
            return b.line
        if b.line is None and b.low.size == 1 and b.low.flat[0] == NOTHING_LOW:
            return a.line
        return None
    if a.line.jump != b.line.jump:
        return None
    start = min(a.line.start, b.line.start)
    return Line(start, max(a.line.start + a.line.size, b.line.start + b.line.size) - start, a.line.jump)


def joined(a: Span, b: Span) -> Span:
    """The union of two spans of one rank, broadcast like the tensors."""
    if a is b:
        return a
    return Span(np.minimum(a.low, b.low), np.maximum(a.high, b.high), _joined_line(a, b))


def raised(span: Span, rank: int) -> Span:
    """The same span for a tensor with leading dimensions of size one added, up to the rank."""
    missing = rank - span.low.ndim
    if missing <= 0:
        return span
    lead = (1,) * missing
    return Span(span.low.reshape(lead + span.low.shape), span.high.reshape(lead + span.high.shape), span.line)


def reshaped(span: Span, before: tuple[int, ...], after: tuple[int, ...]) -> Span:
    """The span after the tensor's shape is changed, element by element."""

    def change(values: Integers) -> Integers:
        if values.size == 1:
            return values.reshape((1,) * len(after))
        grouped = _regrouped(values.shape, before, after)
        if grouped is None:
            return np.broadcast_to(values, before).reshape(after)
        return np.broadcast_to(values, grouped[0]).reshape(grouped[1])

    return Span(change(span.low), change(span.high), _kept_line(span, before, after))


def _regrouped(
    sizes: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The smallest shapes to broadcast to and to reshape to: groups of dimensions that do not vary stay
    one."""
    broadcast: list[int] = []
    target: list[int] = []
    i = j = 0
    while i < len(before) or j < len(after):
        i0, j0 = i, j
        left, i = (before[i], i + 1) if i < len(before) else (1, i)
        right, j = (after[j], j + 1) if j < len(after) else (1, j)
        while left != right:
            if left < right and i < len(before):
                left, i = left * before[i], i + 1
            elif right < left and j < len(after):
                right, j = right * after[j], j + 1
            else:
                return None
        varies = any(size > 1 for size in sizes[i0:i])
        broadcast += before[i0:i] if varies else (1,) * (i - i0)
        target += after[j0:j] if varies else (1,) * (j - j0)
    return tuple(broadcast), tuple(target)


def _kept_line(span: Span, before: tuple[int, ...], after: tuple[int, ...]) -> Line | None:
    varying = [size for size, n in zip(before, span.low.shape, strict=True) if n > 1]
    return span.line if len(varying) == 1 and varying[0] in after else None
