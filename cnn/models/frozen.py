"""Layers as a traced network runs them: free of in-place changes, their weights shared and fixed, quick to differentiate.

Only the gradient by the maps is ever asked for here, never that by the weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def frozen(module: nn.Module) -> Callable[..., Any]:
    """A plain twin of a layer that shares its weights' memory and asks for no gradient of them."""
    twin = plain_layer(module)
    if module._modules or not module._parameters:
        return twin
    twin = copy.copy(twin)
    detached: dict[str, Any] = {n: None if p is None else p.detach() for n, p in module._parameters.items()}
    twin._parameters = detached
    if (
        isinstance(twin, nn.modules.batchnorm._BatchNorm)
        and not twin.training
        and twin.running_var is not None
    ):
        return _FixedNorm(twin)
    if isinstance(twin, nn.Conv2d) and _LaidOut.pays(twin):
        return _LaidOut(twin)
    return twin


def plain_layer(module: nn.Module) -> nn.Module:
    """The layer itself, or for an in-place layer a twin that shares its parameters and is not."""
    if not getattr(module, "inplace", False):
        return module
    twin = copy.copy(module)
    twin.inplace = False  # type: ignore[assignment]
    return twin


class _FixedNorm:
    """A batch norm in evaluation mode: its own values, and a gradient that is one multiplication."""

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm) -> None:
        self._norm = norm

    def __call__(self, x: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and x.requires_grad):
            return self._norm(x)
        return _FixedNormGradient.apply(x, self._norm)


class _FixedNormGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: nn.modules.batchnorm._BatchNorm) -> Tensor:
        assert norm.running_var is not None
        scale = (norm.running_var + norm.eps).rsqrt()
        if norm.weight is not None:
            scale = scale * norm.weight
        ctx.save_for_backward(scale.view(1, -1, *(1,) * (x.ndim - 2)))
        return norm(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (scale,) = ctx.saved_tensors
        return gradients[0] * scale, None


class _LaidOut:
    """A convolution with large kernels whose gradient is taken by kernels laid out for the processor once.

    The gradient by the input of a convolution of stride 1 is a convolution with the kernels turned around and
    in- and outputs exchanged. PyTorch lays the kernels out at each call, which for 512 × 512 kernels on 7 × 7
    maps is half of the time; here it is done at the first gradient. The forward pass is the layer's own.
    """

    __slots__ = ("_conv", "_padding", "_turned", "_version")

    def __init__(self, conv: nn.Conv2d) -> None:
        self._conv = conv
        assert not isinstance(conv.padding, str)
        self._padding = [k - 1 - p for k, p in zip(conv.kernel_size, conv.padding, strict=True)]
        self._turned: Tensor | None = None
        self._version = -1

    @staticmethod
    def pays(conv: nn.Conv2d) -> bool:
        """Whether it is such a convolution, on a processor that can."""
        return (
            conv.weight.numel() >= 2_000_000
            and conv.weight.dtype is torch.float32
            and conv.weight.device.type == "cpu"
            and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
            and (conv.groups, *conv.stride, *conv.dilation, conv.padding_mode) == (1, 1, 1, 1, 1, "zeros")
            and not isinstance(conv.padding, str)
            and all(p < k for k, p in zip(conv.kernel_size, conv.padding, strict=True))
        )

    def __call__(self, x: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and x.requires_grad):
            return self._conv(x)
        return _LaidOutGradient.apply(x, self)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's own values."""
        return self._conv(x)

    def backward(self, gradient: Tensor) -> Tensor:
        """The gradient by the input."""
        if self._turned is None or self._version != self._conv.weight._version:
            self._version = self._conv.weight._version
            turned = self._conv.weight.flip(2, 3).transpose(0, 1).contiguous()
            self._turned = torch._C._nn.mkldnn_reorder_conv2d_weight(  # type: ignore[call-arg]
                turned.to_mkldnn(), self._padding, [1, 1], [1, 1], 1, list(gradient.shape)
            )
        return torch.ops.mkldnn._convolution_pointwise(
            gradient.contiguous(), self._turned, None, self._padding, [1, 1], [1, 1], 1, "none", [], ""
        )


class _LaidOutGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: _LaidOut) -> Tensor:
        ctx.layer = layer
        return layer.forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.layer.backward(gradients[0]), None
