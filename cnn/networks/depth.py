"""How signals and gradients fare on their way through a network: plain against residual."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from cnn.models.running import prepared


@dataclass(frozen=True, slots=True)
class LayerSignal:
    """One layer's map and the gradient that reaches it.

    Attributes:
        layer: its name.
        depth: how many convolutions and linear layers lie on the longest way to it, itself included.
        signal: root mean square of the map.
        gradient: root mean square of the loss's gradient with respect to it.
    """

    layer: str
    depth: int
    signal: float
    gradient: float


def layer_signals(model: nn.Module, image: Tensor, target: int = 0) -> tuple[LayerSignal, ...]:
    """Signal and gradient of every convolution and linear layer, for the cross-entropy loss of one class.

    Args:
        model: with outputs (N, K), used in the mode it is in; its parameters gather no gradient.
        image: (C, H, W) or (N, C, H, W), as the network expects it.
        target: the class of the loss.

    Source: He et al. 2015, "Deep residual learning"; Balduzzi et al. 2017, "The shattered gradients problem".
    """
    images = image if image.ndim == 4 else image[None]
    runner = prepared(model, images)
    names: list[tuple[str, int]] = []
    values: list[Tensor] = []
    depths: dict[fx.Node, int] = {}
    output = None
    with torch.enable_grad():
        for node, value in runner.values(images.detach().clone().requires_grad_()):
            depths[node] = max((depths[read] for read in node.all_input_nodes), default=0)
            output = value
            if node.op != "call_module":
                continue
            module = model.get_submodule(str(node.target))
            if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
                depths[node] += 1
                names.append((runner.network.names[node], depths[node]))
                values.append(value)
        if not isinstance(output, Tensor) or output.ndim != 2:
            raise ValueError("wanted a network with class scores (N, K)")
        classes = torch.full((output.shape[0],), target, device=output.device)
        loss = nn.functional.cross_entropy(output, classes)
        gradients = torch.autograd.grad(loss, values, allow_unused=True)
    return tuple(
        LayerSignal(name, depth, _size(value), 0.0 if gradient is None else _size(gradient))
        for (name, depth), value, gradient in zip(names, values, gradients, strict=True)
    )


def _size(values: Tensor) -> float:
    return float(values.detach().double().square().mean().sqrt())
