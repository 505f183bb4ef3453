"""Attribution to pixels: saliency, input times gradient, integrated gradients, guided back-propagation, SmoothGrad."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from torch import Tensor, fx, nn
from torch.nn import functional as F

from cnn.attribution.estimates import (
    Estimate,
    integrated_gradient_steps,
    occlusion_steps,
    smooth_grad_steps,
)
from cnn.attribution.evidence import (
    Attribution,
    as_batch,
    class_gradients,
    class_of,
    column_of,
    evidence,
)
from cnn.hooks import evaluating, locked
from cnn.models.frozen import plain_layer
from cnn.models.tracing import trace

__all__ = [
    "METHODS",
    "Attribution",
    "attribution",
    "gradient_maps",
    "occlusion_steps",
    "smoothed",
    "twin_with_own_relus",
]

METHODS = ("saliency", "input_x_gradient", "integrated_gradients", "guided_backprop", "smooth_grad")


def twin_with_own_relus(model: nn.Module) -> nn.Module:
    """A copy of the graph that shares the weights and has a ReLU layer of its own at every use of one.

    Hooks put on it touch no layer of the network; functions (``F.relu``) and layers used twice count too.
    """
    network = trace(model)
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    layers: dict[str, Any] = dict(network.constants.items())
    for node in network.graph.nodes:
        made = graph.node_copy(node, lambda read: copies[read])
        copies[node] = made
        target = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
        if node.op == "call_module":
            layer = network.module(node)
            path = str(node.target)
            layers[path] = plain_layer(layer)
            if isinstance(layer, nn.ReLU):
                made.target = path = f"relu_{len(layers)}_of_{node.name}"
                layers[path] = nn.ReLU()
        elif node.op == "get_attr" and target not in layers:
            layers[target] = network.attribute(target)
        elif node.op in {"call_function", "call_method"} and target.strip("_") == "relu":
            made.op, made.target = "call_module", f"relu_{len(layers)}_of_{node.name}"
            made.args, made.kwargs = node.args and (copies[node.args[0]],), {}
            layers[str(made.target)] = nn.ReLU()
    twin = fx.GraphModule(layers, graph)
    return twin.train(False) if not model.training else twin


def attribution(
    method: str,
    model: nn.Module,
    image: Tensor,
    target: int | None = None,
    *,
    baseline: Tensor | None = None,
    steps: int = 32,
    seed: int = 0,
) -> Attribution:
    """What each pixel does to the score of a class.

    Args:
        method: of ``METHODS``.
        model: with outputs (N, K); it is put into evaluation mode for the time of the call.
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        target: the class; None takes the most probable one.
        baseline: (C, H, W), the picture of nothing for integrated gradients; zeros when None.
        steps: points on the way for integrated gradients, samples for smooth_grad.
        seed: of smooth_grad's noise.

    Raises:
        ValueError: no such method. IndexError: no such class.
    Source: captum 0.9; Simonyan 2013 (saliency), Sundararajan 2017 (integrated gradients), Springenberg 2014
        (guided back-propagation), Smilkov 2017 (SmoothGrad).
    """
    if method not in METHODS:
        raise ValueError(f"wanted a method of {', '.join(METHODS)}, got {method!r}")
    if method == "integrated_gradients":
        return _last(integrated_gradient_steps(model, image, target, baseline=baseline, steps=steps))
    if method == "smooth_grad":
        return _last(smooth_grad_steps(model, image, target, samples=steps, seed=seed))
    images = as_batch(image)
    chosen = class_of(model, images, target)
    if method == "guided_backprop":
        return evidence(method, chosen, _guided(model, images, chosen)[0], False)
    return gradient_maps(model, images, chosen)[method]


def gradient_maps(model: nn.Module, image: Tensor, target: int | None = None) -> dict[str, Attribution]:
    """Return "saliency" and "input_x_gradient", which one pass forward and back gives.

    Raises:
        ValueError: the network has no class scores. IndexError: no such class.
    """
    images = as_batch(image)
    chosen = class_of(model, images, target)
    (gradient,) = class_gradients(model, images, chosen)
    return {
        "saliency": evidence("saliency", chosen, gradient, False),
        "input_x_gradient": evidence("input_x_gradient", chosen, gradient * images[0], True),
    }


class _Scores(nn.Module):
    """A network that says so where it has no score for the class."""

    def __init__(self, network: nn.Module, target: int) -> None:
        super().__init__()
        self.network, self.target = network, target

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.network(images)
        column_of(scores, self.target)
        return scores


def _guided(model: nn.Module, images: Tensor, target: int) -> Tensor:
    from captum.attr import GuidedBackprop  # takes a second to load

    with locked(model), evaluating(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = _Scores(twin_with_own_relus(model), target)
        return GuidedBackprop(twin).attribute(images.clone(), target=target).detach()


def _last(estimates: Iterator[Estimate]) -> Attribution:
    *_, last = estimates
    assert last.result is not None
    return last.result


def smoothed(heat: Tensor, size: int) -> Tensor:
    """A heat map averaged over size×size pixels, for the eye."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"wanted an odd size of at least 1, got {size}")
    return F.avg_pool2d(heat[None, None], size, 1, size // 2, count_include_pad=False)[0, 0]
