"""The maps of every layer of a network, and how any one element of them came about."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cnn.models.running import prepared
from cnn.networks.layer_terms import layer_terms

__all__ = ["batched", "feature_maps", "layer_terms"]


def batched(image: Tensor) -> Tensor:
    """An image (C, H, W) as a batch of one; a batch (N, C, H, W) as it is.

    Raises:
        ValueError: for other shapes.
    """
    if image.ndim not in {3, 4}:
        raise ValueError(f"wanted an image (C, H, W) or (N, C, H, W), got {tuple(image.shape)}")
    return image if image.ndim == 4 else image[None]


def feature_maps(model: nn.Module, image: Tensor, layers: Iterable[str] | None = None) -> dict[str, Tensor]:
    """The outputs of layers, each as the layer made it: no in-place layer behind it has changed it.

    Args:
        model: used in the mode it is in.
        image: (C, H, W) or (N, C, H, W), as the network expects it.
        layers: names as in :func:`cnn.models.tracing.trace`, functions ("layer1.0.add") included; the path
        of a
            block ("layer4") stands for its last layer. None takes every layer that makes a tensor. The run
            stops
            after the last one wanted.

    Returns:
        by the names asked for, in the order the layers run.

    Raises:
        KeyError: no such layer, or one that makes no tensor.
    """
    images = batched(image)
    runner = prepared(model, images)
    network = runner.network
    wanted = None if layers is None else {name: network.resolve(name) for name in layers}
    asked: dict[object, list[str]] = {}
    for name, node in (wanted or {}).items():
        asked.setdefault(node, []).append(name)
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        for node, value in runner.values(images, last=runner.latest(asked) if asked else None):
            if wanted is None:
                if isinstance(value, Tensor) and node.op not in {"placeholder", "get_attr", "output"}:
                    found[network.names[node]] = value
            elif node in asked:
                if not isinstance(value, Tensor):
                    raise KeyError(f"{asked[node][0]} makes no tensor but {type(value).__name__}")
                found |= dict.fromkeys(asked[node], value)
    return found
