"""Where an element of a layer that only passes on or bends its input comes from: a ReLU, a concatenation, a dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from cnn.models.running import prepared


@dataclass(frozen=True, slots=True)
class ElementSource:
    """One element and what stands at its place in the layers it reads.

    Attributes:
        value: the element.
        inputs: (layer, channel, value): for a concatenation the one input it was taken from, else each input of the
            same shape at the same place.
        joined: it is a concatenation.
    """

    value: float
    inputs: tuple[tuple[str, int, float], ...]
    joined: bool


def element_source(
    model: nn.Module, image: Tensor, layer: str, channel: int, row: int = 0, column: int = 0
) -> ElementSource:
    """Look up one element and its sources.

    Raises:
        KeyError: no such layer. IndexError: no such element.
    """
    images = image if image.ndim == 4 else image[None]
    runner = prepared(model, images)
    node = runner.network.resolve(layer)
    held: dict[fx.Node, Any] = {}
    with torch.no_grad():
        for found, value in runner.values(images, last=node):
            if found in node.all_input_nodes or found is node:
                held[found] = value
    output, names = held[node], runner.network.names
    value = _at(output, channel, row, column)
    reads = [read for read in node.all_input_nodes if isinstance(held.get(read), Tensor)]
    joined = _is_concatenation(node, output, [held[read] for read in reads])
    if joined:
        for read in reads:
            if channel < held[read].shape[1]:
                source = (names[read], channel, _at(held[read], channel, row, column))
                return ElementSource(value, (source,), True)
            channel -= held[read].shape[1]
    alike = [read for read in reads if held[read].shape == output.shape]
    return ElementSource(
        value, tuple((names[r], channel, _at(held[r], channel, row, column)) for r in alike), False
    )


def _is_concatenation(node: fx.Node, output: Tensor, inputs: list[Tensor]) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return (
        name in {"cat", "concat", "concatenate"}
        and output.ndim >= 2
        and sum(value.shape[1] for value in inputs if value.ndim >= 2) == output.shape[1]
    )


def _at(value: Tensor, channel: int, row: int, column: int) -> float:
    if value.ndim == 4:
        return float(value[0, channel, row, column])
    if value.ndim == 3:
        return float(value[0, channel, column])
    return float(value[0, channel])
