"""Runs the graph of a network node by node, free of in-place layers, so that every value stays what it
was."""

from __future__ import annotations

import copy
import inspect
import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn

from cnn.models.tracing import NetworkTrace, trace

_OPERATORS = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}

Step = Callable[[tuple[Any, ...], dict[str, Any]], Any]


def node_values(
    network: NetworkTrace, image: Tensor, *, last: fx.Node | None = None
) -> Iterator[tuple[fx.Node, Any]]:
    """Each node with its value, in order; values no longer needed are let go.

    No in-place operation changes a value that was handed out: in-place layers run as their plain twins.

    Args:
        network: the traced network.
        image: (N, C, H, W).
        last: the node to stop after; all nodes when None.
    """
    yield from Runner(network).values(image, last=last)


def value_of(network: NetworkTrace, image: Tensor, node: fx.Node) -> Tensor:
    """The value of one node; what follows it is not run."""
    return next(value for found, value in Runner(network).values(image, last=node) if found is node)


_prepared: WeakKeyDictionary[nn.Module, tuple[int, Runner]] = WeakKeyDictionary()
_preparing = threading.Lock()
_SIMPLE = frozenset((int, float, bool, str, tuple))


def prepared(model: nn.Module, image: Tensor) -> Runner:
    """The steps of a network, traced at first use and again after it was changed (layers, modes, sizes).

    Args:
        model: any network.
        image: (N, C, H, W), for networks that can only be recorded; such a recording is not kept.
    """
    state = _state(model)
    with _preparing:
        known = _prepared.get(model)
    if known is not None and known[0] == state:
        return known[1]
    runner = Runner(trace(model, lambda: image))
    if runner.network.by_fx:
        with _preparing:
            _prepared[model] = (state, runner)
    return runner


def _state(model: nn.Module) -> int:
    """Changes with the modules, their parameters' places and their plain settings."""
    parts: list[Any] = []
    for module in model.modules():
        own = vars(module)
        parts.append(id(module))
        parts += [value for value in own.values() if type(value) in _SIMPLE]
        parts += map(id, own["_parameters"].values())
        parts += map(id, own["_buffers"].values())
    return hash(tuple(parts))


class Runner:
    """The steps of a traced network, prepared once and run as often as wanted."""

    def __init__(self, network: NetworkTrace) -> None:
        self.network = network
        self._steps: list[tuple[fx.Node, Step | None]] = []
        self._done: dict[fx.Node, list[fx.Node]] = {}
        seen: set[fx.Node] = set()
        for node in reversed(network.graph.nodes):
            for user in node.all_input_nodes:
                if user not in seen:
                    seen.add(user)
                    self._done.setdefault(node, []).append(user)
        for node in network.graph.nodes:
            self._steps.append((node, _step(network, node)))

    def latest(self, nodes: Iterable[Any]) -> fx.Node:
        """The node of these that runs last."""
        wanted = set(nodes)
        return next(node for node, _ in reversed(self._steps) if node in wanted)

    def values(
        self,
        image: Tensor,
        *,
        last: fx.Node | None = None,
        change: Callable[[fx.Node, Any], Any] | None = None,
        read: Callable[[fx.Node, Any], Any] | None = None,
    ) -> Iterator[tuple[fx.Node, Any]]:
        """Each node with its value.

        ``change`` may replace a value before the next nodes read it, ``read`` the arguments of one node.
        """
        held: dict[fx.Node, Any] = {}
        for node, step in self._steps:
            if step is None:
                value = _given(node, image, held)
            else:
                args, kwargs = _arguments(node, held)
                value = step(args if read is None else read(node, args), kwargs)
            if change is not None:
                value = change(node, value)
            held[node] = value
            yield node, value
            if node is last:
                return
            for spent in self._done.get(node, ()):
                del held[spent]

    def resumed(self, held: Mapping[fx.Node, Any], node: fx.Node, value: Tensor) -> dict[fx.Node, Any]:
        """All values after one node's was replaced by a batch; only what depends on it is run again.

        Args:
            held: the values of a whole run on one picture.
            node: whose value is replaced.
            value: the batch, (N, ...).
        """
        batch = value.shape[0]
        again = {node: value}
        for other, step in self._steps:
            if other is node or not any(read in again for read in other.all_input_nodes):
                continue
            near = {
                read: again[read] if read in again else _repeated(held[read], batch, read.op)
                for read in other.all_input_nodes
            }
            again[other] = _given(other, value, near) if step is None else step(*_arguments(other, near))
        return {**held, **again}

    def output_of(self, values: Mapping[fx.Node, Any]) -> Tensor:
        """The network's output among the values of a run."""
        return next(value for node, value in values.items() if node.op == "output")


def _repeated(value: Any, batch: int, op: str) -> Any:
    """A value of one picture for each of a batch; parameters as they are."""
    if isinstance(value, Tensor) and op != "get_attr" and value.ndim > 0 and value.shape[0] == 1:
        return value.expand(batch, *value.shape[1:])
    return value


def _arguments(node: fx.Node, held: dict[fx.Node, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args = node.args
    if len(args) == 1 and not node.kwargs and isinstance(args[0], fx.Node):
        return (held[args[0]],), {}
    return (
        fx.node.map_arg(args, held.__getitem__),
        fx.node.map_arg(node.kwargs, held.__getitem__) if node.kwargs else {},
    )


def _given(node: fx.Node, image: Tensor, held: dict[fx.Node, Any]) -> Any:
    if node.op == "placeholder":
        if node.prev.op == "root":
            return image
        return node.args[0] if node.args else None
    return fx.node.map_arg(node.args, held.__getitem__)[0]


def _step(network: NetworkTrace, node: fx.Node) -> Step | None:
    if node.op in {"placeholder", "output"}:
        return None
    if node.op == "get_attr":
        value = network.attribute(str(node.target))
        return lambda args, kwargs: value
    if node.op == "call_module":
        module = plain_layer(network.module(node))
        return lambda args, kwargs: module(*args, **kwargs)
    function = _plain_function(node)
    if not any(a is True for a in (*node.args, *node.kwargs.values())):
        return lambda args, kwargs: function(*args, **kwargs)

    def step(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = _not_in_place(function, args, kwargs)
        return function(*args, **kwargs)

    return step


def plain_layer(module: nn.Module) -> nn.Module:
    """The layer itself, or for an in-place layer a twin that shares its parameters and is not."""
    if not getattr(module, "inplace", False):
        return module
    twin = copy.copy(module)
    twin.inplace = False  # type: ignore[assignment]
    return twin


def _plain_function(node: fx.Node) -> Callable[..., Any]:
    target = node.target
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    plain = name[:-1] if name.endswith("_") and not name.endswith("__") else name
    if isinstance(target, str):
        method = plain if hasattr(Tensor, plain) else target
        return _method(method)
    assert callable(target)
    if target in _OPERATORS:
        return _OPERATORS[target]
    if plain != name:
        for owner in (torch.nn.functional, torch, Tensor):
            if hasattr(owner, plain):
                return getattr(owner, plain)
    return target


def _method(name: str) -> Callable[..., Any]:
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(x, name)(*args, **kwargs)

    return call


@lru_cache(maxsize=256)
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _not_in_place(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    signature = _signature(function)
    if signature is None or "inplace" not in signature.parameters:
        return args, kwargs
    bound = signature.bind(*args, **kwargs)
    bound.arguments["inplace"] = False
    return bound.args, bound.kwargs
