"""Runs the graph of a network node by node, free of in-place layers, so that every value stays what it
was."""

from __future__ import annotations

import inspect
import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn

from cnn.models.frozen import frozen
from cnn.models.tracing import NetworkTrace, trace

_OPERATORS = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}

Step = Callable[..., Any]


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
        parts += [None if t is None else (id(t), t.data_ptr()) for t in own["_parameters"].values()]
        parts += [None if t is None else (id(t), t.data_ptr()) for t in own["_buffers"].values()]
    return hash(tuple(parts))


class Runner:
    """The steps of a traced network, prepared once and run as often as wanted."""

    def __init__(self, network: NetworkTrace) -> None:
        self.network = network
        spent: dict[fx.Node, list[fx.Node]] = {}
        seen: set[fx.Node] = set()
        for node in reversed(network.graph.nodes):
            for user in node.all_input_nodes:
                if user not in seen:
                    seen.add(user)
                    spent.setdefault(node, []).append(user)
        # Each node with its function, its only argument where it has but one, and the values last read here.
        self._steps = [
            (node, _step(network, node), _only_argument(node), tuple(spent.get(node, ())))
            for node in network.graph.nodes
        ]

    def latest(self, nodes: Iterable[Any]) -> fx.Node:
        """The node of these that runs last."""
        wanted = set(nodes)
        return next(node for node, *_ in reversed(self._steps) if node in wanted)

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
        for node, step, only, spent in self._steps:
            if step is None:
                value = _given(node, image, held)
            elif only is not None and read is None:
                value = step(held[only])
            else:
                args, kwargs = _arguments(node, held)
                value = step(*(args if read is None else read(node, args)), **kwargs)
            if change is not None:
                value = change(node, value)
            held[node] = value
            yield node, value
            if node is last:
                return
            for known in spent:
                del held[known]

    def resumed(self, held: Mapping[fx.Node, Any], node: fx.Node, value: Tensor) -> dict[fx.Node, Any]:
        """All values after one node's was replaced by a batch; only what depends on it is run again.

        Args:
            held: the values of a whole run on one picture.
            node: whose value is replaced.
            value: the batch, (N, ...).
        """
        batch = value.shape[0]
        again = {node: value}
        for other, step, *_ in self._steps:
            if other is node or not any(read in again for read in other.all_input_nodes):
                continue
            near = {
                read: again[read] if read in again else _repeated(held[read], batch, read.op)
                for read in other.all_input_nodes
            }
            if step is None:
                again[other] = _given(other, value, near)
            else:
                args, kwargs = _arguments(other, near)
                again[other] = step(*args, **kwargs)
        return {**held, **again}

    def output_of(self, values: Mapping[fx.Node, Any]) -> Tensor:
        """The network's output among the values of a run."""
        return next(value for node, value in values.items() if node.op == "output")


def _repeated(value: Any, batch: int, op: str) -> Any:
    """A value of one picture for each of a batch; parameters as they are."""
    if isinstance(value, Tensor) and op != "get_attr" and value.ndim > 0 and value.shape[0] == 1:
        return value.expand(batch, *value.shape[1:])
    return value


def _only_argument(node: fx.Node) -> fx.Node | None:
    alone = len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], fx.Node)
    return node.args[0] if alone else None  # type: ignore[return-value]


def _arguments(node: fx.Node, held: dict[fx.Node, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (
        fx.node.map_arg(node.args, held.__getitem__),
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
        return lambda: value
    if node.op == "call_module":
        return frozen(network.module(node))
    function = _plain_function(node)
    if not any(a is True for a in (*node.args, *node.kwargs.values())):
        return function

    def step(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = _not_in_place(function, args, kwargs)
        return function(*args, **kwargs)

    return step


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
