"""A classifier whose fully connected layers have become convolutions: it reads pictures of any size
(curriculum O3)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from cnn.models.tracing import TraceError, trace

__all__ = ["Conversion", "ConversionError", "Convolutional", "as_convolutional", "conversions"]

_POINTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Dropout, nn.Identity, nn.GELU, nn.SiLU, nn.Hardswish, nn.ELU)


class ConversionError(ValueError):
    """A network that is no chain of convolutions, a flattening and fully connected layers."""


class Convolutional(nn.Module):
    """The converted network: (N, C, H, W) → (N, K, R, S), one vector of scores for each window.

    Attributes:
        network: the convolutions. window: (height, width) of the classifier's input.
        stride: pixels between neighbouring windows.
        padded: whether a convolution pads. Then a window sees its neighbours where a crop saw zeros, and
        scores
            differ near the window's border; without padding they are the same.
    """

    def __init__(
        self, network: nn.Module, window: tuple[int, int], stride: tuple[int, int], padded: bool
    ) -> None:
        super().__init__()
        self.network = network
        self.window = window
        self.stride = stride
        self.padded = padded

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def as_convolutional(model: nn.Module, input_shape: tuple[int, int, int]) -> Convolutional:
    """The same classifier with convolutions in place of fully connected layers, in evaluation mode.

    The first fully connected layer behind the flattening of (C, h, w) maps becomes an h×w convolution, the
    later ones
    1×1; a global pool becomes a pool of the h×w maps it saw. The weights are shared with the model.

    Args:
        model: a chain: convolutions and pools, flattening, fully connected layers.
        input_shape: (C, H, W) it was trained on.

    Raises:
        ConversionError: it is something else; the message names the layer.
    Source: Sermanet et al. 2013, "OverFeat".
    """
    single = copy.deepcopy(model).eval().requires_grad_(False)
    try:
        graph = fx.GraphModule(single, trace(single).graph)
        from torch.fx.passes.shape_prop import ShapeProp  # loads slowly

        with torch.inference_mode():
            ShapeProp(graph).propagate(torch.zeros(1, *input_shape))
    except (TraceError, RuntimeError, TypeError, AttributeError) as error:
        raise ConversionError(
            f"wanted a plain classifier for {input_shape}, got {type(model).__name__}: {error}"
        ) from error
    _convert(graph)
    graph.recompile()
    stride = _stride(graph)
    padded = any(_pads(module) for module in graph.modules())
    return Convolutional(graph.eval(), (input_shape[1], input_shape[2]), stride, padded)


@dataclass(frozen=True, slots=True)
class Conversion:
    """One layer that became another: its `name`, what it `was` and what it `became`, as PyTorch prints them."""

    name: str
    was: str
    became: str


def conversions(model: nn.Module, converted: Convolutional) -> tuple[Conversion, ...]:
    """The layers of a classifier that `as_convolutional` replaced, in their order."""
    found = []
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear | nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
            continue
        other = converted.network.get_submodule(name)
        if type(other) is not type(module):
            found.append(Conversion(name, str(module), str(other)))
    return tuple(found)


def _convert(graph: fx.GraphModule) -> None:
    flattened: tuple[int, ...] | None = None
    for node in list(graph.graph.nodes):
        if _is_flatten(graph, node):
            source = node.all_input_nodes[0]
            flattened = _shape(source)
            if len(flattened) != 4:
                raise ConversionError(f"wanted maps to flatten, got {flattened} at {node.name}")
            node.replace_all_uses_with(source)
            graph.graph.erase_node(node)
        elif node.op == "call_module":
            module = graph.get_submodule(str(node.target))
            swap = _replacement(module, _shape(node.all_input_nodes[0]), flattened, str(node.target))
            if swap is not module:
                _set(graph, str(node.target), swap)
            if isinstance(module, nn.Linear):
                flattened = (1, module.out_features, 1, 1)
        elif flattened is not None and node.op in ("call_function", "call_method") and not _harmless(node):
            raise ConversionError(f"wanted fully connected layers after the flattening, got {node.name}")
    if flattened is None:
        raise ConversionError("wanted a network that flattens its maps, got none that does")


def _replacement(
    module: nn.Module, shape: tuple[int, ...], flattened: tuple[int, ...] | None, name: str
) -> nn.Module:
    if isinstance(module, nn.Linear):
        if flattened is None:
            raise ConversionError(f"wanted a flattening before the fully connected {name}, got none")
        return _linear_as_convolution(module, flattened, name)
    if flattened is not None and not isinstance(module, _POINTWISE):
        raise ConversionError(f"wanted fully connected layers after the flattening, got {name}: {module}")
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        return _fixed_pool(module, (shape[2], shape[3]), name)
    return module


def _linear_as_convolution(layer: nn.Linear, flattened: tuple[int, ...], name: str) -> nn.Conv2d:
    _, channels, height, width = flattened
    if channels * height * width != layer.in_features:
        raise ConversionError(f"wanted {layer.in_features} values before {name}, got {flattened[1:]}")
    conv = nn.Conv2d(channels, layer.out_features, (height, width), bias=layer.bias is not None)
    conv.weight = nn.Parameter(layer.weight.view(conv.weight.shape), requires_grad=False)
    conv.bias = layer.bias
    return conv


def _fixed_pool(pool: Any, size: tuple[int, int], name: str) -> nn.Module:
    """An adaptive pool as the pool it is on maps of that size, moving one place at a time."""
    wanted = pool.output_size if isinstance(pool.output_size, tuple) else (pool.output_size,) * 2
    target = tuple(w or s for w, s in zip(wanted, size, strict=True))
    if target == size:
        return nn.Identity()
    if target != (1, 1):
        raise ConversionError(f"wanted {name} to pool {size} maps to one value or leave them, got {target}")
    if isinstance(pool, nn.AdaptiveAvgPool2d):
        return nn.AvgPool2d(size, stride=1)
    return nn.MaxPool2d(size, stride=1)


def _stride(graph: fx.GraphModule) -> tuple[int, int]:
    """Pixels between neighbouring outputs; where branches join they have the same stride."""
    jumps: dict[fx.Node, tuple[int, int]] = {}
    for node in graph.graph.nodes:
        down, across = max((jumps[source] for source in node.all_input_nodes), default=(1, 1))
        if node.op == "call_module":
            step = getattr(graph.get_submodule(str(node.target)), "stride", 1)
            height, width = step if isinstance(step, tuple) else (step, step)
            down, across = down * height, across * width
        jumps[node] = (down, across)
    return max(jumps.values())


def _is_flatten(graph: fx.GraphModule, node: fx.Node) -> bool:
    if node.op == "call_module":
        return isinstance(graph.get_submodule(str(node.target)), nn.Flatten)
    if node.op == "call_function":
        return node.target is torch.flatten
    return node.op == "call_method" and node.target in ("flatten", "view", "reshape")


def _harmless(node: fx.Node) -> bool:
    name = str(getattr(node.target, "__name__", node.target))
    return name in ("relu", "dropout", "tanh", "sigmoid", "contiguous", "size", "getattr", "gelu")


def _pads(module: nn.Module) -> bool:
    padding = getattr(module, "padding", 0)
    return isinstance(module, nn.Conv2d) and padding not in (0, (0, 0), "valid")


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["tensor_meta"].shape)


def _set(graph: fx.GraphModule, target: str, module: nn.Module) -> None:
    owner, _, name = target.rpartition(".")
    setattr(graph.get_submodule(owner) if owner else graph, name, module)
