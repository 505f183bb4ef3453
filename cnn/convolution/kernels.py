"""Compiled inner loops for large pictures: one fused pass, no padded copy, no im2col, no lock on the
interpreter.

Each kernel writes the rows first..last of a region of one output map and touches nothing else, so different
rows may go to different threads. Sums run in float32 in the order channel, row, column with fused multiply-
add: exact for whole numbers below 2^24, else within float32 rounding of any other order. The arguments that
all of them share:

image (C, H, W) uint8 or float32, weight (C, kh, kw) float32, bias float32, out (H', W') float32, all
C-contiguous; output (top, left) is the first that needs no padding and reads from input (0, 0) on (for
`sparse`: from `origin`); columns, first, last: how many columns from `left` on, and which output rows.

LLVM vectorises these loops only as they are written: tap counts are constants of a closure or the
length of a tuple, rows are 1-D
slices (so that no index may wrap around), inner loops run over contiguous memory and read few enough arrays
to be checked for overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
from numba import float32

__all__ = ["DENSE", "edge_magnitude", "sparse"]

OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
BLOCK = (
    1024  # columns done at a time: two output rows and a filter's input rows stay in the first-level cache
)

Kernel = Callable[..., None]


def compiled(function: Kernel) -> Kernel:
    """`function`, compiled at its first call and kept on disk where there is a place to write."""
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # numba found no directory that it may write to
        return numba.njit(**OPTIONS)(function)


def _whole_filter(height: int, width: int) -> Kernel:
    """All taps in one expression: best up to 3×3, where memory is the bound."""

    def whole(
        image: Any, weight: Any, bias: Any, out: Any, top: int, left: int, columns: int, first: int, last: int
    ) -> None:
        for y in range(first, last):
            target = out[y, left : left + columns]
            for c in range(image.shape[0]):
                rows = image[c, y - top : y - top + height]
                taps = weight[c]
                if c == 0:
                    for x in range(columns):
                        total = bias
                        for i in range(height):
                            for j in range(width):
                                total += taps[i, j] * float32(rows[i, x + j])
                        target[x] = total
                else:
                    for x in range(columns):
                        total = target[x]
                        for i in range(height):
                            for j in range(width):
                                total += taps[i, j] * float32(rows[i, x + j])
                        target[x] = total

    return compiled(whole)


@compiled
def _add_one(target: Any, source: Any, taps: Any, columns: int, width: tuple[int, ...]) -> None:
    for x in range(columns):
        total = target[x]
        for j in range(len(width)):
            total += taps[j] * float32(source[x + j])
        target[x] = total


@compiled
def _add_two(
    upper: Any, lower: Any, source: Any, taps: Any, taps_above: Any, columns: int, width: tuple[int, ...]
) -> None:
    for x in range(columns):
        total, total_below = upper[x], lower[x]
        for j in range(len(width)):
            value = float32(source[x + j])
            total += taps[j] * value
            total_below += taps_above[j] * value
        upper[x] = total
        lower[x] = total_below


@compiled
def _row_by_row(
    image: Any, weight: Any, bias: Any, out: Any, top: int, left: int, columns: int, first: int, last: int,
    width: tuple[int, ...],
) -> None:  # fmt: skip
    """One filter row at a time, each input row loaded once for two output rows: best where arithmetic is the
    bound. `width` is a tuple of kw numbers, so that its length is known to the compiler.
    """
    height = weight.shape[1]
    for y in range(first, last, 2):
        for x in range(0, columns, BLOCK):
            count = min(BLOCK, columns - x)
            upper = out[y, left + x : left + x + count]
            upper[:] = bias
            if y + 1 == last:
                for c in range(image.shape[0]):
                    for i in range(height):
                        _add_one(upper, image[c, y - top + i, x:], weight[c, i], count, width)
                continue
            lower = out[y + 1, left + x : left + x + count]
            lower[:] = bias
            for c in range(image.shape[0]):
                _add_one(upper, image[c, y - top, x:], weight[c, 0], count, width)
                for i in range(1, height):
                    source = image[c, y - top + i, x:]
                    _add_two(upper, lower, source, weight[c, i], weight[c, i - 1], count, width)
                _add_one(lower, image[c, y - top + height, x:], weight[c, height - 1], count, width)


DENSE: dict[tuple[int, int], Kernel] = {
    (3, 3): _whole_filter(3, 3),
    (5, 5): partial(_row_by_row, width=(0,) * 5),
    (7, 7): partial(_row_by_row, width=(0,) * 7),
}
"""By filter size: stride 1, no dilation."""


@compiled
def _add_four(target: Any, a: Any, b: Any, c: Any, d: Any, taps: Any, columns: int) -> None:
    for x in range(columns):
        target[x] = (
            target[x]
            + taps[0] * float32(a[x])
            + taps[1] * float32(b[x])
            + taps[2] * float32(c[x])
            + taps[3] * float32(d[x])
        )


@compiled
def _add_single(target: Any, a: Any, tap: Any, columns: int) -> None:
    for x in range(columns):
        target[x] += tap * float32(a[x])


@compiled
def sparse(
    image: Any, weight: Any, bias: Any, out: Any, top: int, left: int, columns: int, first: int, last: int,
    origin: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int],
) -> None:  # fmt: skip
    """Any filter size, stride and dilation; output (top, left) reads from input `origin` on.

    With a column stride s the input row is first sorted into s rows of every s-th pixel, so that each tap
    reads contiguous memory again.
    """
    height, width = weight.shape[1], weight.shape[2]
    step = stride[1]
    length = columns + (dilation[1] * (width - 1)) // step + 1
    phases = np.empty((step, length if step > 1 else 0), image.dtype)
    for y in range(first, last):
        target = out[y, left : left + columns]
        target[:] = bias
        for c in range(image.shape[0]):
            for i in range(height):
                source = image[c, origin[0] + (y - top) * stride[0] + i * dilation[0], origin[1] :]
                taps = weight[c, i]
                if step > 1:
                    for phase in range(step):
                        row = phases[phase]
                        for x in range(min(length, (source.size - phase + step - 1) // step)):
                            row[x] = source[x * step + phase]
                j = 0
                while j < width:
                    together = 4 if j + 4 <= width else 1
                    if step == 1:
                        d = dilation[1]
                        if together == 4:
                            _add_four(
                                target, source[j * d :], source[(j + 1) * d :], source[(j + 2) * d :],
                                source[(j + 3) * d :], taps[j:], columns,
                            )  # fmt: skip
                        else:
                            _add_single(target, source[j * d :], taps[j], columns)
                    else:
                        together = 1
                        at = j * dilation[1]
                        _add_single(target, phases[at % step, at // step :], taps[j], columns)
                    j += together


@compiled
def edge_magnitude(
    image: Any, weight: Any, out: Any, top: int, left: int, columns: int, first: int, last: int
) -> None:
    """√(x² + y²) of two 3×3 filters in one pass. image: (H, W); weight: (2, 3, 3)."""
    across, down = weight[0], weight[1]
    for y in range(first, last):
        target = out[y, left : left + columns]
        rows = image[y - top : y - top + 3]
        for x in range(columns):
            a = float32(0)
            b = float32(0)
            for i in range(3):
                for j in range(3):
                    value = float32(rows[i, x + j])
                    a += across[i, j] * value
                    b += down[i, j] * value
            target[x] = np.sqrt(a * a + b * b)
