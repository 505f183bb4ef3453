"""Convolution as deep learning means it (cross-correlation), exact on whole numbers, quick on whole
photographs.

Source: torch.nn.Conv2d's documentation for shapes and groups; curriculum C2–C9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnn.checks import ShapeError, expect_choice, expect_image, expect_integer, pair
from cnn.convolution.correlation import correlation, padded_image
from cnn.convolution.rows import warm_up
from cnn.padding import (
    PADDING_MODES,
    Padding,
    expect_fitting,
    padding_fill,
    padding_sides,
)
from cnn.terms import PixelTerms, conv_terms

__all__ = [
    "PADDING_MODES",
    "Convolution",
    "PixelTerms",
    "convolve",
    "output_size",
    "pixel_terms",
    "warm_up",
]

MAX_OUTPUT = 1 << 28
"""Elements of the output: 1 GB of float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution and all that it was made of.

    image: (C, H, W) as given. weight: (K, C/groups, kh, kw) as applied (already mirrored where flip is set).
    bias: (K,) or None. output: (K, H', W'). stride, dilation: (h, w). padding: (top, bottom, left, right).
    fill: (C,), the value that "zeros" or "mean" padding shows.
    """

    image: Tensor
    weight: Tensor
    bias: Tensor | None
    output: Tensor
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    groups: int
    padding_mode: str
    flip: bool
    fill: Tensor

    @property
    def padded(self) -> Tensor:
        """The picture with its border, (C, H + top + bottom, W + left + right), made when asked for."""
        return padded_image(self.image, self.padding, self.padding_mode, self.fill)

    @property
    def kernel_size(self) -> tuple[int, int]:
        """(kh, kw)."""
        return self.weight.shape[2], self.weight.shape[3]


def output_size(
    size: int, kernel_size: int, *, stride: int = 1, padding: int | Sequence[int] = 0, dilation: int = 1
) -> int:
    """⌊(n + 2p − d·(f−1) − 1) / s⌋ + 1 along one axis; `padding` is p for both ends, or (before, after).

    Raises: ShapeError where the filter is larger than the padded input; TypeError, ValueError for other
    values.
    """
    before, after = pair(padding, "padding", minimum=0)
    for name, value in (
        ("size", size),
        ("kernel_size", kernel_size),
        ("stride", stride),
        ("dilation", dilation),
    ):
        expect_integer(value, name, minimum=1)
    expect_fitting(size, kernel_size, before, after, dilation, "length")
    return (size + before + after - dilation * (kernel_size - 1) - 1) // stride + 1


def convolve(
    image: Tensor,
    weight: Tensor,
    bias: Tensor | float | None = None,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    padding_mode: str = "zeros",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    flip: bool = False,
) -> Convolution:
    """Slide `weight` over `image`.

    image: (C, H, W) or (H, W), any real type, also uint8 as decoded. weight: (K, C/groups, kh, kw); or (kh,
    kw), one filter repeated over the channels and summed (with groups=C: one map per channel); or, for an
    image of one channel, (K, kh, kw), K filters. bias: a number or (K,). padding: see
    cnn.padding.padding_sides. flip mirrors the filters on both axes: convolution as mathematics means it.

    Whole numbers with whole numbers give int64, exactly. Any float64 gives float64. All else gives float32,
    equal to F.conv2d up to the rounding of float32 sums.

    Raises: ShapeError where sizes do not fit; TypeError, ValueError for other values.
    """
    image = expect_image(image)
    groups = expect_integer(groups, "groups", minimum=1)
    kernel = _full_weight(weight, image.shape[0], groups)
    strides, dilations = pair(stride, "stride"), pair(dilation, "dilation")
    kernel_size = (kernel.shape[2], kernel.shape[3])
    sides = padding_sides(padding, kernel_size, dilations)
    expect_choice(padding_mode, PADDING_MODES, "padding_mode")
    height, width = (
        _axis_output(
            image.shape[1 + a], kernel_size[a], strides[a], sides[2 * a : 2 * a + 2], dilations[a], name
        )
        for a, name in enumerate(("height", "width"))
    )
    if kernel.shape[0] * height * width > MAX_OUTPUT:
        raise ShapeError(
            f"expected at most {MAX_OUTPUT:,} output elements, got {kernel.shape[0]} × {height} × {width}",
            "output_too_large",
            limit=MAX_OUTPUT,
            shape=(kernel.shape[0], height, width),
        )
    kernel = kernel.flip(2, 3) if flip else kernel
    offset = _full_bias(bias, kernel)
    fill = padding_fill(image, padding_mode if any(sides) else "zeros")
    geometry: dict[str, Any] = {"stride": strides, "padding": sides, "dilation": dilations, "groups": groups}
    geometry["padding_mode"] = padding_mode
    output = correlation(image, kernel, offset, (height, width), fill=fill, **geometry)
    return Convolution(
        image=image, weight=kernel, bias=offset, output=output, flip=flip, fill=fill, **geometry
    )


def pixel_terms(convolution: Convolution, channel: int, row: int, column: int) -> PixelTerms:
    """The terms of convolution.output[channel, row, column]. Raises: IndexError outside the output."""
    return conv_terms(
        convolution.image,
        convolution.weight,
        convolution.bias,
        convolution.output,
        channel,
        row,
        column,
        stride=convolution.stride,
        padding=convolution.padding,
        dilation=convolution.dilation,
        groups=convolution.groups,
        padding_mode=convolution.padding_mode,
        fill=convolution.fill,
    )


def _axis_output(
    size: int, kernel_size: int, stride: int, sides: Sequence[int], dilation: int, axis: str
) -> int:
    expect_fitting(size, kernel_size, sides[0], sides[1], dilation, axis)
    return output_size(size, kernel_size, stride=stride, padding=tuple(sides), dilation=dilation)


def _full_weight(weight: Any, channels: int, groups: int) -> Tensor:
    """`weight` as (K, C/groups, kh, kw)."""
    if not isinstance(weight, Tensor) or weight.is_complex() or weight.layout != torch.strided:
        raise TypeError(f"expected weight to be a dense real tensor, got {type(weight).__name__}")
    if channels % groups:
        raise ShapeError(
            f"expected groups to divide the image's {channels} channels, got {groups}",
            "groups",
            channels=channels,
        )
    wanted = channels // groups
    if weight.ndim == 2:
        full = weight.expand(groups, wanted, *weight.shape)
    elif weight.ndim == 3 and channels == 1:
        full = weight[:, None]
    elif weight.ndim == 4:
        full = weight
    else:
        raise ShapeError(
            f"expected weight of shape (kh, kw) or (K, {wanted}, kh, kw)"
            f"{' or (K, kh, kw)' if channels == 1 else ''}, got {tuple(weight.shape)}",
            "weight_shape",
            shape=tuple(weight.shape),
        )
    if full.numel() == 0 or full.shape[1] != wanted:
        raise ShapeError(
            f"expected weights for {wanted} channels each, got shape {tuple(weight.shape)}",
            "channels",
            wanted=wanted,
            got=full.shape[1],
        )
    if full.shape[0] % groups:
        raise ShapeError(
            f"expected a multiple of {groups} filters for {groups} groups, got {full.shape[0]}", "groups"
        )
    return full


def _full_bias(bias: Any, weight: Tensor) -> Tensor | None:
    if bias is None:
        return None
    offset = bias if isinstance(bias, Tensor) else torch.as_tensor(bias, device=weight.device)
    if not offset.is_floating_point() and weight.is_floating_point():
        offset = offset.to(weight.dtype)
    if offset.is_floating_point() and not isinstance(bias, Tensor) and weight.is_floating_point():
        offset = offset.to(weight.dtype)
    if offset.ndim == 0:
        offset = offset.expand(weight.shape[0])
    if offset.shape != (weight.shape[0],):
        raise ShapeError(
            f"expected a number or {weight.shape[0]} of them as bias, got shape {tuple(offset.shape)}",
            "bias_shape",
        )
    return offset
