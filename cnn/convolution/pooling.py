"""Max, average and L2 pooling, channel by channel, with the input element that won (curriculum P1–P4).

Source: torch.nn.MaxPool2d, AvgPool2d (count_include_pad=True, their default) and LPPool2d (norm 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnn.checks import ShapeError, expect_choice, expect_image, expect_integer, pair
from cnn.convolution.convolution import output_size

__all__ = ["POOLINGS", "PoolTerms", "Pooling", "pool", "pool_terms", "shifted"]

POOLINGS = ("max", "average", "l2")


@dataclass(frozen=True, slots=True, eq=False)
class Pooling:
    """A pooling and all that it was made of.

    image: (C, H, W). output: (C, H', W'). winners: for "max", (C, H', W') int64, the winner's index row·W +
    column in its channel (the first one in reading order where several are equal); else None. kernel_size,
    stride, padding: (h, w).
    """

    image: Tensor
    output: Tensor
    winners: Tensor | None
    mode: str
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class PoolTerms:
    """One output element of a pooling: values (kh, kw) under the window, 0 where inside (kh, kw) is False.

    rows (kh,) and columns (kw,) are input coordinates; winner is (row, column) for "max"; divisor is what
    the sum is divided by for "average", else None; value is the element of the output itself.
    """

    values: Tensor
    inside: Tensor
    rows: Tensor
    columns: Tensor
    winner: tuple[int, int] | None
    divisor: int | None
    value: float | int


def pool(
    image: Tensor,
    mode: str,
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
) -> Pooling:
    """Pool each channel of `image`, (C, H, W) or (H, W), over windows of `kernel_size`; `stride` defaults
    to it.

    "max" ignores the padding (−∞) and keeps the type. "average" counts padding as zeros: it always divides
    by kh·kw. "l2" is √Σx² (the root of the sum, not of the mean). Whole numbers give float64 averages and
    L2 norms, float ones stay float. As in PyTorch padding is at most half the window, so that every window
    holds at least one pixel.

    Raises: ShapeError where the window does not fit; TypeError, ValueError for other values.
    """
    image = expect_image(image)
    expect_choice(mode, POOLINGS, "mode")
    window = pair(kernel_size, "kernel_size")
    steps = window if stride is None else pair(stride, "stride")
    border = pair(padding, "padding", minimum=0)
    for axis, name in enumerate(("height", "width")):
        if 2 * border[axis] > window[axis]:
            raise ShapeError(
                f"expected padding of at most half the window's {name} {window[axis]}, got {border[axis]}",
                "pool_padding",
                axis=name,
                kernel_size=window[axis],
                padding=border[axis],
            )
        output_size(image.shape[1 + axis], window[axis], stride=steps[axis], padding=border[axis])
    if mode == "max":
        output, winners = _maxima(image, window, steps, border)
    else:
        output, winners = _sums(image, mode, window, steps, border), None
    return Pooling(image, output, winners, mode, window, steps, border)


def _maxima(
    image: Tensor, window: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """max_pool2d of any type; its float32 and float64 kernels know no 64-bit integers, so those take the
    ranks.
    """
    if image.is_floating_point() or image.dtype in (torch.uint8, torch.int8, torch.int16, torch.bool):
        exact = image if image.is_floating_point() else image.to(torch.float32)
    else:
        exact = torch.unique(image, return_inverse=True)[1].to(torch.float64)
    _, winners = F.max_pool2d(exact[None], window, stride, padding, return_indices=True)
    output = image.flatten(1).gather(1, winners[0].flatten(1)).reshape(winners[0].shape)
    return output, winners[0]


def _sums(
    image: Tensor, mode: str, window: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    real = image if image.is_floating_point() else image.to(torch.float64)
    if mode == "average":
        return F.avg_pool2d(real[None], window, stride, padding)[0]
    squares = F.avg_pool2d((real * real)[None], window, stride, padding, divisor_override=1)[0]
    return squares.sqrt()


def pool_terms(pooling: Pooling, channel: int, row: int, column: int) -> PoolTerms:
    """What went into pooling.output[channel, row, column]. Raises: IndexError outside the output."""
    places = zip(("channel", "row", "column"), (channel, row, column), pooling.output.shape, strict=True)
    for name, index, size in places:
        if not 0 <= index < size:
            raise IndexError(f"expected {name} in 0..{size - 1}, got {index}")
    _, height, width = pooling.image.shape
    rows = row * pooling.stride[0] - pooling.padding[0] + torch.arange(pooling.kernel_size[0])
    columns = column * pooling.stride[1] - pooling.padding[1] + torch.arange(pooling.kernel_size[1])
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))[None, :]
    source = pooling.image[channel].detach().cpu()
    values = source[rows.clamp(0, height - 1)][:, columns.clamp(0, width - 1)]
    winner = None
    if pooling.winners is not None:
        winner = divmod(int(pooling.winners[channel, row, column]), width)
    return PoolTerms(
        values=torch.where(inside, values, torch.zeros_like(values)),
        inside=inside,
        rows=rows,
        columns=columns,
        winner=winner,
        divisor=math.prod(pooling.kernel_size) if pooling.mode == "average" else None,
        value=pooling.output[channel, row, column].item(),
    )


def shifted(image: Tensor, dy: int, dx: int, *, fill: float = 0) -> Tensor:
    """`image` (..., H, W) moved down by `dy` and right by `dx` pixels; what comes in is `fill`, what leaves
    is lost.
    """
    expect_integer(dy, "dy")
    expect_integer(dx, "dx")
    height, width = image.shape[-2:]
    moved = torch.full_like(image, fill)
    rows, columns = max(0, height - abs(dy)), max(0, width - abs(dx))
    if rows and columns:
        target = (..., slice(max(dy, 0), max(dy, 0) + rows), slice(max(dx, 0), max(dx, 0) + columns))
        source = (..., slice(max(-dy, 0), max(-dy, 0) + rows), slice(max(-dx, 0), max(-dx, 0) + columns))
        moved[target] = image[source]
    return moved
