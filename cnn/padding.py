"""What lies outside a picture: one rule for a whole padded picture, a strip of its border or a single
patch.

A position is an input coordinate: 0 is the first row (column), negative ones and those from `size` on lie
in the padding. Every function works on any set of positions, so nothing larger than what is asked for is
ever built.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnn.checks import ShapeError, expect_choice, expect_integer, pair

__all__ = ["PADDING_MODES", "Padding", "padded_region", "padding_fill", "padding_sides", "source_positions"]

PADDING_MODES = ("zeros", "mean", "reflect", "replicate", "circular")

Padding = int | str | Sequence[int]


def padding_sides(
    padding: Padding, kernel_size: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int, int, int]:
    """`padding` as (top, bottom, left, right).

    One integer pads all sides, (h, w) pads rows and columns, four give each side. "valid" is none. "same"
    adds d·(f−1) in all, so that stride 1 keeps the size; where that is odd (even f) the extra row goes to
    the bottom and the extra column to the right, as in PyTorch. With a stride s the same border gives ⌈n/s⌉
    outputs.

    Raises: TypeError, ValueError.
    """
    if isinstance(padding, str):
        expect_choice(padding, ("valid", "same"), "padding")
        if padding == "valid":
            return 0, 0, 0, 0
        vertical, horizontal = (d * (f - 1) for d, f in zip(dilation, kernel_size, strict=True))
        return vertical // 2, vertical - vertical // 2, horizontal // 2, horizontal - horizontal // 2
    if isinstance(padding, Sequence) and len(padding) == 4:
        top, bottom, left, right = (expect_integer(side, "padding", minimum=0) for side in padding)
        return top, bottom, left, right
    if isinstance(padding, Sequence) and len(padding) != 2:
        raise ValueError(
            'expected padding as p, (h, w), (top, bottom, left, right), "valid" or "same", got '
            f"{tuple(padding)!r}"
        )
    vertical, horizontal = pair(padding, "padding", minimum=0)
    return vertical, vertical, horizontal, horizontal


def source_positions(positions: Tensor, size: int, mode: str) -> Tensor:
    """For each position (int64, any shape) the input coordinate whose value it shows, or −1 for the fill
    value.

    Reflection does not repeat the edge; reflection and wrapping go on for as long as needed (as numpy.pad).
    """
    if mode in ("zeros", "mean"):
        inside = (positions >= 0) & (positions < size)
        return torch.where(inside, positions, -1)
    if mode == "replicate":
        return positions.clamp(0, size - 1)
    if mode == "circular":
        return positions.remainder(size)
    if size == 1:
        return torch.zeros_like(positions)
    turned = positions.remainder(2 * (size - 1))
    return torch.minimum(turned, 2 * (size - 1) - turned)


def padding_fill(image: Tensor, mode: str) -> Tensor:
    """The fill value of each channel of `image` (C, H, W), as (C,) of its dtype; 0 for every mode but "mean".

    An integer picture is padded with its mean rounded to a whole number, so that it stays an integer picture.
    """
    if mode != "mean":
        return image.new_zeros(image.shape[0])
    mean = image.double().mean(dim=(1, 2)) if image.numel() < 1 << 16 else _large_mean(image)
    return mean.to(image.dtype) if image.is_floating_point() else mean.round().to(image.dtype)


def _large_mean(image: Tensor) -> Tensor:
    """The mean without a float64 copy of the picture; whole numbers are summed exactly."""
    total = image.sum(dim=(1, 2), dtype=torch.float64 if image.is_floating_point() else torch.int64)
    return total.double() / (image.shape[1] * image.shape[2])


def padded_region(
    image: Tensor, rows: Tensor, columns: Tensor, mode: str, fill: Tensor | None = None
) -> Tensor:
    """The values of the padded picture at `rows` × `columns` (positions, 1-D), as (C, len(rows),
    len(columns)).

    image: (C, H, W). fill: (C,), what `padding_fill` gave, to spare computing it again.
    """
    channels, height, width = image.shape
    row_sources = source_positions(rows, height, mode)
    column_sources = source_positions(columns, width, mode)
    axes = [(1, row_sources.clamp(min=0)), (2, column_sources.clamp(min=0))]
    if len(columns) * height < len(rows) * width:  # the narrower cut first: a strip never copies the picture
        axes.reverse()
    region = image
    for axis, sources in axes:
        region = region.index_select(axis, sources)
    if mode in ("zeros", "mean"):
        outside = (row_sources < 0)[:, None] | (column_sources < 0)[None, :]
        if bool(outside.any()):
            fill = padding_fill(image, mode) if fill is None else fill
            region = torch.where(outside, fill.reshape(channels, 1, 1), region)
    return region


def expect_fitting(size: int, kernel_size: int, before: int, after: int, dilation: int, axis: str) -> None:
    """Raises ShapeError where a filter of `kernel_size` (dilated) is larger than the padded input."""
    padded, reach = size + before + after, dilation * (kernel_size - 1) + 1
    if reach > padded:
        dilated = f" ({kernel_size} with dilation {dilation})" if dilation > 1 else ""
        around = f" ({size} + {before} + {after} padding)" if before or after else ""
        raise ShapeError(
            f"expected a filter no larger than the padded input, got {axis} {reach}{dilated} "
            f"on {padded}{around}",
            "kernel_too_large",
            axis=axis,
            reach=reach,
            padded=padded,
            kernel_size=kernel_size,
            dilation=dilation,
            size=size,
        )
