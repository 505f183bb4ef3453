"""What layers and blocks cost: parameters and multiply-adds, as the lectures count them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class Cost:
    """Parameters and multiply-adds (one multiplication and one addition count as one), and their sums."""

    parameters: int
    multiply_adds: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.parameters + other.parameters, self.multiply_adds + other.multiply_adds)


def conv_cost(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    output_size: tuple[int, int],
    *,
    groups: int = 1,
    bias: bool = False,
) -> Cost:
    """A convolution f×f: f²·(n_C/groups)·n_C' weights, each used once at every output position.

    Raises:
        ValueError: channels that the groups do not divide.
    """
    if in_channels % groups or out_channels % groups:
        raise ValueError(
            f"wanted channels divisible by {groups} groups, got {in_channels} and {out_channels}"
        )
    weights = kernel_size**2 * (in_channels // groups) * out_channels
    return Cost(weights + out_channels * bias, weights * output_size[0] * output_size[1])


def separable_cost(
    in_channels: int, out_channels: int, kernel_size: int, output_size: tuple[int, int], *, bias: bool = False
) -> Cost:
    """A depthwise f×f convolution and a pointwise 1×1 convolution behind it."""
    depthwise = conv_cost(in_channels, in_channels, kernel_size, output_size, groups=in_channels, bias=bias)
    return depthwise + conv_cost(in_channels, out_channels, 1, output_size, bias=bias)


def separable_ratio(out_channels: int, kernel_size: int) -> float:
    """Cost of a separable convolution over that of the full one: 1/n_C' + 1/f² (strides alike, no bias)."""
    return 1 / out_channels + 1 / kernel_size**2


def bottleneck_cost(
    in_channels: int, between: int, out_channels: int, kernel_size: int, output_size: tuple[int, int]
) -> Cost:
    """A 1×1 convolution down to ``between`` channels, then the f×f convolution (the Inception bottleneck)."""
    down = conv_cost(in_channels, between, 1, output_size)
    return down + conv_cost(between, out_channels, kernel_size, output_size)


def inverted_residual_cost(
    in_channels: int, out_channels: int, expansion: int, kernel_size: int, output_size: tuple[int, int]
) -> Cost:
    """MobileNetV2's block at stride 1: 1×1 expansion, depthwise f×f, 1×1 projection."""
    wide = in_channels * expansion
    expanded = conv_cost(in_channels, wide, 1, output_size)
    return expanded + separable_cost(wide, out_channels, kernel_size, output_size)


def fully_connected_weights(inputs: int, outputs: int) -> int:
    """Weights of a fully connected layer without bias."""
    return inputs * outputs


def layer_multiply_adds(module: nn.Module, output_shape: Sequence[int], input_shape: Sequence[int]) -> int:
    """Multiply-adds of one layer for one picture; 0 for layers that only compare, add or copy.

    Args:
        module: the layer.
        output_shape, input_shape: with the batch in front.
    """
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        return math.prod(input_shape[2:]) * module.weight.numel()
    if isinstance(module, nn.modules.conv._ConvNd):
        return math.prod(output_shape[2:]) * module.weight.numel()
    if isinstance(module, nn.Linear):
        return math.prod(output_shape[1:-1]) * module.weight.numel()
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return math.prod(output_shape[1:])
    if isinstance(module, nn.MultiheadAttention):
        length, width = input_shape[1], module.embed_dim
        return 4 * length * width**2 + 2 * length**2 * width
    return 0
