"""What torch's layers see: the table from their classes to the rules of
:mod:`cnn.convolution.field_rules`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from cnn.convolution import field_rules as rule
from cnn.convolution.field_spans import Reach

_ELEMENTWISE_LAYERS = (
    nn.Identity,
    nn.modules.batchnorm._BatchNorm,
    nn.LocalResponseNorm,
    nn.modules.dropout._DropoutNd,
    *(
        getattr(nn, name)
        for name in """ReLU ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh
        Sigmoid Tanh
        LogSigmoid Softplus Softsign Tanhshrink Softshrink Hardshrink Threshold RReLU PReLU
        """.split()  # noqa: SIM905
    ),
)


def layer_reach(module: nn.Module, x: Reach, layer: str) -> Reach | None:
    """What the output of a torch layer sees; None for a layer without a rule."""
    kind = type(module).__name__
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        return rule.transposed(
            x,
            module.weight.shape,
            module.stride,
            module.padding,
            module.output_padding,
            module.groups,
            module.dilation,
        )
    if isinstance(module, nn.modules.conv._ConvNd):
        return rule.convolved(
            x,
            module.weight.shape,
            module.stride,
            module.padding,
            module.dilation,
            module.padding_mode,
            module.groups,
        )
    if isinstance(module, _ELEMENTWISE_LAYERS):
        return x
    if kind in _LAYERS:
        return _LAYERS[kind](module, x, layer)
    return None


def _pool_layer(module: Any, x: Reach, layer: str) -> Reach:
    count = int(type(module).__name__[-2])
    return rule.pooled(
        x,
        module.kernel_size,
        module.stride,
        getattr(module, "padding", 0),
        getattr(module, "dilation", 1),
        module.ceil_mode,
        count,
    )


def _adaptive_layer(module: Any, x: Reach, layer: str) -> Reach:
    return rule.adaptive(x, module.output_size, layer, int(type(module).__name__[-2]))


def _upsample_layer(module: Any, x: Reach, layer: str) -> Reach:
    return rule.interpolated(x, module.size, module.scale_factor, module.mode, module.align_corners)


def _norm_over_map(module: Any, x: Reach, layer: str) -> Reach:
    return rule.mixed(x, tuple(range(1, len(x.shape))), layer)


def _padding_layer(mode: str) -> Callable[[Any, Reach, str], Reach]:
    return lambda module, x, layer: rule.padded(x, module.padding, mode)


_LAYERS: dict[str, Callable[[Any, Reach, str], Reach]] = {
    **{f"{kind}Pool{n}d": _pool_layer for kind in ("Max", "Avg", "LP") for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pool{n}d": _adaptive_layer for kind in ("Max", "Avg") for n in (1, 2, 3)},
    **dict.fromkeys(("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"), _upsample_layer),
    **{
        f"{kind}Pad2d": _padding_layer(mode)
        for kind, mode in (
            ("Zero", "zeros"),
            ("Constant", "zeros"),
            ("Reflection", "reflect"),
            ("Replication", "replicate"),
            ("Circular", "circular"),
        )
    },
    **dict.fromkeys(("GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"), _norm_over_map),
    "LayerNorm": lambda m, x, layer: rule.mixed(x, tuple(range(-len(m.normalized_shape), 0)), layer),
    "RMSNorm": lambda m, x, layer: rule.mixed(x, tuple(range(-len(m.normalized_shape), 0)), layer),
    "Linear": lambda m, x, layer: rule.projected(x, m.out_features, layer),
    "Flatten": lambda m, x, layer: rule.flattened(x, m.start_dim, m.end_dim),
    "Unflatten": lambda m, x, layer: rule.viewed(
        x, (*x.shape[: m.dim % len(x.shape)], *m.unflattened_size, *x.shape[m.dim % len(x.shape) + 1 :])
    ),
    "Softmax": lambda m, x, layer: rule.mixed(x, 1 if m.dim is None else m.dim, layer),
    "LogSoftmax": lambda m, x, layer: rule.mixed(x, 1 if m.dim is None else m.dim, layer),
    "Softmax2d": lambda m, x, layer: rule.mixed(x, -3, layer),
    "PixelShuffle": lambda m, x, layer: rule.shuffled(x, m.upscale_factor, up=True),
    "PixelUnshuffle": lambda m, x, layer: rule.shuffled(x, m.downscale_factor, up=False),
    "ChannelShuffle": lambda m, x, layer: x,
    "GLU": lambda m, x, layer: rule.united(rule.split(x, [x.shape[m.dim] // 2] * 2, m.dim)),
}
