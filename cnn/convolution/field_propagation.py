"""Carries what is seen from the picture through the graph of a network, node by node."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import fx, nn

from cnn.convolution import field_functions
from cnn.convolution import field_rules as rule
from cnn.convolution.field_layers import layer_reach
from cnn.convolution.field_spans import Reach, first_span
from cnn.models.tracing import NetworkTrace, TraceError, trace


def image_reach(shape: tuple[int, ...]) -> Reach:
    """The picture ``(N, C, H, W)``: each pixel sees itself."""
    rank = len(shape)
    return Reach(shape, first_span(shape[-2], rank, rank - 2), first_span(shape[-1], rank, rank - 1))


class FieldTimeout(TimeoutError):
    """Carrying what is seen through a network's graph takes longer than was allowed."""


def propagated(
    network: NetworkTrace, shape: tuple[int, ...], *, seconds: float = math.inf
) -> dict[fx.Node, Any]:
    """The value of every node: a :class:`Reach` for a tensor, Python values for sizes and the like.

    Raises:
        FieldTimeout: not done after `seconds`.
    """
    found: dict[fx.Node, Any] = {}
    end = time.monotonic() + seconds
    for node in network.graph.nodes:
        if time.monotonic() > end:
            raise FieldTimeout(
                f"wanted the fields of {len(network.graph.nodes)} nodes in {seconds:g} s, got {len(found)}"
            )
        args = fx.node.map_arg(node.args, found.__getitem__)
        kwargs = fx.node.map_arg(node.kwargs, found.__getitem__)
        found[node] = _value(network, node, args, kwargs, shape)
    return found


def _value(
    network: NetworkTrace,
    node: fx.Node,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    shape: tuple[int, ...],
) -> Any:
    layer = network.names.get(node, "")
    if node.op == "placeholder":
        # Further inputs of the network take their defaults.
        return image_reach(shape) if node.prev.op == "root" else (args[0] if args else None)
    if node.op == "get_attr":
        return network.attribute(str(node.target))
    if node.op == "output":
        return args[0]
    inputs = _reaches(args) if not kwargs else _reaches((*args, *kwargs.values()))
    if node.op == "call_module":
        return _through_module(network.module(node), args, kwargs, layer, inputs)
    if not inputs:
        function = node.target if callable(node.target) else getattr(type(args[0]), str(node.target))
        return function(*args, **kwargs)
    return _through_function(node, args, kwargs, layer, inputs)


def _reaches(values: Any) -> list[Reach]:
    found: list[Reach] = []
    for value in values:
        if isinstance(value, Reach):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += _reaches(value)
    return found


def _through_module(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str, inputs: list[Reach]
) -> Any:
    if isinstance(module, nn.MultiheadAttention):
        query = inputs[0]
        return rule.everything(inputs, query.shape, layer, certainty=0), None
    if len(inputs) == 1 and args and args[0] is inputs[0]:
        result = layer_reach(module, inputs[0], layer)
        if result is not None:
            return result
    return _inside(module, args, kwargs, layer, inputs)


def _inside(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str, inputs: list[Reach]
) -> Any:
    """A layer without a rule: its own graph when it has one, else everything may depend on everything."""
    if type(module).forward is not nn.Module.forward and not type(module).__module__.startswith("torch.nn"):
        try:
            inner = trace(module)
            return _inner_value(inner, args, kwargs, layer)
        except (TraceError, TypeError, ValueError, RuntimeError, KeyError, AttributeError, IndexError):
            pass  # The bound below holds for any operation.
    shapes = field_functions.meta_shapes(_on_meta(module), args, kwargs)
    return field_functions.unknown_reach(shapes, inputs, layer)


def _inner_value(inner: NetworkTrace, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str) -> Any:
    found: dict[fx.Node, Any] = {}
    given = list(args)
    for node in inner.graph.nodes:
        if node.op == "placeholder":
            found[node] = given.pop(0) if given else kwargs.get(str(node.target), *node.args[:1])
            continue
        values = fx.node.map_arg(node.args, found.__getitem__)
        named = fx.node.map_arg(node.kwargs, found.__getitem__)
        found[node] = _value(inner, node, values, named, ())
        if node.op == "output":
            return found[node]
    return None


def _on_meta(module: nn.Module) -> Any:
    tensors = {name: t.to("meta") for name, t in (*module.named_parameters(), *module.named_buffers())}

    def run(*args: Any, **kwargs: Any) -> Any:
        return torch.func.functional_call(module, tensors, args, kwargs)

    return run


def _through_function(
    node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str, inputs: list[Reach]
) -> Any:
    target = node.target
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    if name == "getattr":
        return _attribute(args[0], args[1])
    result = field_functions.function_reach(name, args, kwargs, layer)
    if result is not NotImplemented:
        return result
    if isinstance(target, str):

        def function(x: Any, *rest: Any, **named: Any) -> Any:
            return getattr(x, target)(*rest, **named)
    else:
        function = target
    return field_functions.unknown_reach(field_functions.meta_shapes(function, args, kwargs), inputs, layer)


def _attribute(value: Any, name: str) -> Any:
    if not isinstance(value, Reach):
        return getattr(value, name)
    if name == "T":
        return rule.permuted(value, tuple(reversed(range(len(value.shape)))))
    return getattr(torch.empty(value.shape, device="meta"), name)
