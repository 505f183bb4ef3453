"""A network as the lectures' tables show it: each layer with its settings, its map, its cost, and what it made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cnn.models.running import prepared
from cnn.networks.graph import GraphNode, NetworkGraph, collapsed, network_graph

_PLAIN_CONTAINERS = (nn.Sequential, nn.ModuleList)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One layer, or a block of layers in one row.

    Attributes:
        name: as in the network. kind: "Conv2d", "add", "input" or the class of a block.
        kernel_size, stride, padding, dilation, groups: of layers that slide, and of blocks with one convolution; else 0.
        shape: of its output without the batch.
        parameters, multiply_adds: of its convolutions, linear and normalising layers; multiply-adds without batch norm.
        inputs: the rows it reads. layers: how many layers the row stands for.
    """

    name: str
    kind: str
    kernel_size: int
    stride: int
    padding: int
    dilation: int
    groups: int
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    inputs: tuple[str, ...]
    layers: int


def layer_table(model: nn.Module, image: Tensor, *, blocks: bool = True) -> tuple[TableRow, ...]:
    """The rows of a network in the order its layers run.

    Args:
        model: used in the mode it is in; a skeleton on the meta device will do, with an image there.
        image: (C, H, W) or (N, C, H, W), as the network expects it.
        blocks: whether layers that belong to one block (any module with layers inside that is more than a list of
            them) share a row.

    Source: LeCun et al. 1998 and Krizhevsky et al. 2012, whose networks the lectures print this way.
    """
    graph = _without_norms(network_graph(model, image))
    if blocks:
        graph = collapsed(graph, set(block_paths(model)))
    return tuple(_row(model, node) for node in graph.nodes)


def block_paths(model: nn.Module) -> Iterable[str]:
    """The outermost modules inside a network that hold layers and do more than list them."""
    found: list[str] = []
    for path, module in model.named_modules():
        inside = any(path.startswith(f"{outer}.") for outer in found)
        if (
            path
            and not inside
            and type(module) not in _PLAIN_CONTAINERS
            and any(True for _ in module.children())
        ):
            found.append(path)
    return found


def _without_norms(graph: NetworkGraph) -> NetworkGraph:
    """Batch norm's multiply-adds count for nothing, as in the published figures: it is folded into the convolution."""
    nodes = (replace(n, multiply_adds=0) if n.kind.startswith("BatchNorm") else n for n in graph.nodes)
    return NetworkGraph(tuple(nodes), graph.output)


def _row(model: nn.Module, node: GraphNode) -> TableRow:
    module = _module(model, node.name)
    kind = type(module).__name__ if node.kind == "block" and module is not None else node.kind
    plain = _only_convolution(module) if node.kind == "block" else module
    kernel, stride, padding, dilation = (
        _first(getattr(plain, name, 0)) for name in ("kernel_size", "stride", "padding", "dilation")
    )
    return TableRow(
        node.name,
        kind,
        kernel,
        stride,
        padding,
        dilation,
        _first(getattr(plain, "groups", 0)),
        node.shape[1:],
        node.parameters,
        node.multiply_adds,
        node.inputs,
        node.layers,
    )


def _only_convolution(block: nn.Module | None) -> nn.Module | None:
    """The convolution of a block that has one, with what comes right behind it."""
    found = [] if block is None else [m for m in block.modules() if isinstance(m, nn.modules.conv._ConvNd)]
    return found[0] if len(found) == 1 else None


def _module(model: nn.Module, name: str) -> nn.Module | None:
    try:
        return model.get_submodule(name)
    except AttributeError:
        return None


def _first(value: object) -> int:
    if isinstance(value, tuple):
        value = value[0] if value else 0
    return value if isinstance(value, int) else 0


def visible_rows(rows: Iterable[TableRow], hidden: tuple[str, ...]) -> tuple[TableRow, ...]:
    """The rows without those whose names begin with one of `hidden`; what read them reads what they read.

    A hidden row's parameters and multiply-adds are counted at the next row that reads it.
    """
    sources: dict[str, tuple[str, ...]] = {}
    owed: dict[str, tuple[int, int]] = {}
    shown: list[TableRow] = []
    for row in rows:
        inputs = tuple(dict.fromkeys(s for name in row.inputs for s in sources.get(name, (name,))))
        debts = [owed.pop(name, (0, 0)) for name in row.inputs]
        parameters = row.parameters + sum(debt[0] for debt in debts)
        multiply_adds = row.multiply_adds + sum(debt[1] for debt in debts)
        if hidden and row.name.startswith(hidden):
            sources[row.name], owed[row.name] = inputs, (parameters, multiply_adds)
        else:
            shown.append(replace(row, inputs=inputs, parameters=parameters, multiply_adds=multiply_adds))
    return tuple(shown)


def row_values(model: nn.Module, image: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
    """What layers made of a picture, by name, without the batch; those behind a layer without weights are left out.

    Args:
        model: with the weights of its first layers at least; the run stops before the first layer on the meta device.
        image: (C, H, W), as the network expects it.
        names: rows of `layer_table`; a block's is its last layer's.
    """
    runner = prepared(model, image[None])
    network = runner.network
    wanted: dict[object, list[str]] = {}
    for name in names:
        wanted.setdefault(network.resolve(name), []).append(name)
    last = None
    for node in network.graph.nodes:
        if node.op == "call_module" and any(
            p.is_meta for p in model.get_submodule(str(node.target)).parameters()
        ):
            break
        last = node
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        for node, value in runner.values(image[None], last=last):
            for name in wanted.get(node, ()):
                if isinstance(value, Tensor):
                    found[name] = value[0]
    return found


def drawn_convolutions(model: nn.Module, *, seed: int = 0) -> nn.Module:
    """A skeleton whose convolutions and norms get memory and random weights, in place; linear layers stay without.

    For networks whose fully connected layers would take hundreds of megabytes, such as VGG-16.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to_empty(device=torch.device("cpu"))
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, 0.0, (2.0 / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model.eval().requires_grad_(False)
