"""The graph of a network as it is drawn: every layer with its shape, its cost and its state on one
picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from cnn.models.running import prepared
from cnn.networks.costs import layer_multiply_adds

_RECTIFIERS = {"relu", "relu6", "leaky_relu", "hardswish", "silu", "elu", "gelu", "hardtanh", "mish"}
_BOUNDED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "hardsigmoid": (0.0, 1.0), "relu6": (None, 6.0)}
_NEAR = 0.01


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One layer, or a block of layers drawn as one.

    Attributes:
        name: as in feature maps; a block's is its path.
        kind: "Conv2d", "add", ...; "block" for a collapsed block, "input" for the picture.
        scope: the path of the module it belongs to, by which blocks collapse.
        shape: of its output, with the batch.
        parameters: of the layer, counted at its first use only.
        multiply_adds: for one picture.
        memory: bytes of its output for one picture.
        inputs: the names it reads.
        dead: share of channels that are zero everywhere on this picture; 0 where that means nothing.
        saturated: share of elements within 1 % of the bounds of a sigmoid, tanh or ReLU6.
        layers: how many layers it stands for.
    """

    name: str
    kind: str
    scope: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    memory: int
    inputs: tuple[str, ...]
    dead: float = 0.0
    saturated: float = 0.0
    layers: int = 1


@dataclass(frozen=True, slots=True)
class NetworkGraph:
    """Layers in the order they run; `edges` are (from, to) names."""

    nodes: tuple[GraphNode, ...]
    output: str

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        return tuple((source, node.name) for node in self.nodes for source in node.inputs)

    @property
    def parameters(self) -> int:
        return sum(node.parameters for node in self.nodes)

    @property
    def multiply_adds(self) -> int:
        return sum(node.multiply_adds for node in self.nodes)

    def node(self, name: str) -> GraphNode:
        """The node of that name.

        Raises:
            KeyError: when there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(f"wanted a layer of the graph, got {name!r}")


def network_graph(model: nn.Module, image: Tensor) -> NetworkGraph:
    """Runs a network once and describes every layer that makes a tensor.

    Args:
        model: used in the mode it is in.
        image: (C, H, W) or (N, C, H, W), as the network expects it.
    """
    images = image if image.ndim == 4 else image[None]
    runner = prepared(model, images)
    names = runner.network.names
    shown: dict[fx.Node, tuple[str, ...]] = {}
    shapes: dict[fx.Node, tuple[int, ...]] = {}
    nodes: list[GraphNode] = []
    counted: set[int] = set()
    # What layers that are not drawn cost (those that make no single tensor) is owed to the next one that is.
    owed: dict[fx.Node, tuple[int, int]] = {}
    output = ""
    with torch.no_grad():
        for node, value in runner.values(images):
            sources = tuple(dict.fromkeys(s for read in node.all_input_nodes for s in shown.get(read, ())))
            if node.op == "output":
                output = sources[0] if sources else ""
            debts = [owed.pop(read, (0, 0)) for read in node.all_input_nodes]
            own = _cost(model, node, value, shapes, counted)
            cost = (own[0] + sum(d[0] for d in debts), own[1] + sum(d[1] for d in debts))
            drawn = isinstance(value, Tensor) and (bool(sources) or node.op == "placeholder")
            if not drawn or node.op in {"get_attr", "output"}:
                shown[node], owed[node] = sources, cost
                continue
            shown[node] = (names[node],)
            shapes[node] = tuple(value.shape)
            nodes.append(
                _described(model, node, value, sources, names[node], runner.network.scopes[node], cost)
            )
    return NetworkGraph(tuple(nodes), output)


def _cost(
    model: nn.Module,
    node: fx.Node,
    value: Any,
    shapes: Mapping[fx.Node, tuple[int, ...]],
    counted: set[int],
) -> tuple[int, int]:
    """Parameters not yet counted, and multiply-adds."""
    if node.op == "get_attr":
        return _attribute_parameters(model, str(node.target), counted), 0
    if node.op != "call_module":
        return 0, 0
    module = model.get_submodule(str(node.target))
    own = [p for p in module.parameters() if id(p) not in counted]
    counted.update(map(id, own))
    output = next(
        (v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, Tensor)), None
    )
    shape = () if output is None else tuple(output.shape)
    read = next((shapes[n] for n in node.all_input_nodes if n in shapes), shape)
    return sum(p.numel() for p in own), layer_multiply_adds(module, shape, read)


def _described(
    model: nn.Module,
    node: fx.Node,
    value: Tensor,
    sources: tuple[str, ...],
    name: str,
    scope: str,
    cost: tuple[int, int],
) -> GraphNode:
    if node.op == "call_module":
        kind = type(model.get_submodule(str(node.target))).__name__
    else:
        kind = "input" if node.op == "placeholder" else function_name(node)
    dead, saturated = _state(kind, value)
    return GraphNode(
        name=name,
        kind=kind,
        scope=scope,
        shape=tuple(value.shape),
        parameters=cost[0],
        multiply_adds=cost[1],
        memory=math.prod(value.shape[1:]) * value.element_size(),
        inputs=sources,
        dead=dead,
        saturated=saturated,
    )


def function_name(node: fx.Node) -> str:
    """What a function node is called on screen: "add", "cat", "relu"."""
    target: Any = node.target
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    return {"iadd": "add", "imul": "mul", "boolean_dispatch": "max_pool2d"}.get(name, name.strip("_"))


def _attribute_parameters(model: nn.Module, target: str, counted: set[int]) -> int:
    owner, _, name = target.rpartition(".")
    found = dict(model.named_modules()).get(owner, model)._parameters.get(name)
    if found is None or id(found) in counted:
        return 0
    counted.add(id(found))
    return found.numel()


def _state(kind: str, value: Tensor) -> tuple[float, float]:
    plain = kind.lower()
    dead = saturated = 0.0
    if value.is_meta:
        return dead, saturated
    if plain in _RECTIFIERS and value.ndim == 4:
        dead = float((value == 0).all(dim=(0, 2, 3)).float().mean())
    if plain in _BOUNDED and value.numel():
        low, high = _BOUNDED[plain]
        width = high - (low or 0.0)
        near = value >= high - _NEAR * width
        if low is not None:
            near = near | (value <= low + _NEAR * width)
        saturated = float(near.float().mean())
    return dead, saturated


def collapsed(graph: NetworkGraph, blocks: Mapping[str, bool] | set[str]) -> NetworkGraph:
    """The graph with blocks drawn as one node each.

    Args:
        graph: of a network.
        blocks: paths of the modules to collapse ("layer1", "layer1.0"); the outermost wins.

    Returns:
        blocks with their layers' sums, the last layer's shape, and inputs from outside only.
    """
    chosen = {path for path in blocks if path}
    owner = {node.name: _block(node, chosen) for node in graph.nodes}
    members: dict[str, list[GraphNode]] = {}
    for node in graph.nodes:
        members.setdefault(owner[node.name] or node.name, []).append(node)
    nodes = []
    for name, group in members.items():
        inputs = dict.fromkeys(owner[s] or s for node in group for s in node.inputs)
        inside = tuple(source for source in inputs if source != name)
        if not owner[group[0].name]:
            nodes.append(replace(group[0], inputs=inside))
            continue
        nodes.append(
            GraphNode(
                name=name,
                kind="block",
                scope=name.rpartition(".")[0],
                shape=group[-1].shape,
                parameters=sum(node.parameters for node in group),
                multiply_adds=sum(node.multiply_adds for node in group),
                memory=sum(node.memory for node in group),
                inputs=inside,
                dead=max(node.dead for node in group),
                saturated=max(node.saturated for node in group),
                layers=len(group),
            )
        )
    return NetworkGraph(tuple(nodes), owner.get(graph.output) or graph.output)


def _block(node: GraphNode, chosen: set[str]) -> str:
    parts = node.scope.split(".")
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        if path in chosen:
            return path
    return ""
