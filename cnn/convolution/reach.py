"""Which input pixels a convolution uses, how often, and what it costs (curriculum C6, C7, C11)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnn.checks import pair
from cnn.convolution.convolution import output_size
from cnn.padding import Padding, padding_sides

__all__ = ["multiply_adds", "parameter_count", "reached", "usage_counts"]


def _axis_counts(
    size_hw: Sequence[int],
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
) -> tuple[Tensor, Tensor]:
    """How many positions of the filter touch each input row, (H,), and each input column, (W,)."""
    sizes, kernels = pair(size_hw, "size"), pair(kernel_size, "kernel_size")
    strides, dilations = pair(stride, "stride"), pair(dilation, "dilation")
    sides = padding_sides(padding, kernels, dilations)
    counts = []
    for axis in (0, 1):
        before, after = sides[2 * axis], sides[2 * axis + 1]
        outputs = output_size(
            sizes[axis],
            kernels[axis],
            stride=strides[axis],
            padding=(before, after),
            dilation=dilations[axis],
        )
        starts = torch.arange(outputs) * strides[axis] - before
        touched = (starts[:, None] + torch.arange(kernels[axis]) * dilations[axis]).flatten()
        inside = touched[(touched >= 0) & (touched < sizes[axis])]
        counts.append(torch.bincount(inside, minlength=sizes[axis]))
    return counts[0], counts[1]


def usage_counts(
    size_hw: Sequence[int],
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """How many outputs use each input pixel: (H, W) int64. Copies in the padding are not counted.

    Raises: ShapeError where the filter does not fit.
    """
    rows, columns = _axis_counts(size_hw, kernel_size, stride, padding, dilation)
    return rows[:, None] * columns[None, :]


def reached(
    size_hw: Sequence[int],
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> tuple[Tensor, Tensor]:
    """The rows, (H,) bool, and columns, (W,) bool, that some output uses; a pixel is used where both are.

    Raises: ShapeError where the filter does not fit.
    """
    rows, columns = _axis_counts(size_hw, kernel_size, stride, padding, dilation)
    return rows > 0, columns > 0


def parameter_count(weight_shape: Sequence[int], bias: bool = True) -> int:
    """Learned numbers of a layer with weights (K, C/groups, kh, kw): f²·n_C for each filter, and a bias
    each.
    """
    weights = 1
    for length in weight_shape:
        weights *= int(length)
    return weights + (int(weight_shape[0]) if bias else 0)


def multiply_adds(weight_shape: Sequence[int], output_hw: Sequence[int]) -> int:
    """Multiply-adds of a layer with weights (K, C/groups, kh, kw) and maps (H', W')."""
    return parameter_count(weight_shape, bias=False) * int(output_hw[0]) * int(output_hw[1])
