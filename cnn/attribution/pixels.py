"""Attribution to pixels by captum: saliency, integrated gradients, guided back-propagation, and occlusion
with progress."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from captum import attr
from torch import Tensor, fx, nn
from torch.nn import functional as F

from cnn.hooks import evaluating, locked
from cnn.models.running import plain_layer
from cnn.models.tracing import trace

METHODS = ("saliency", "input_x_gradient", "integrated_gradients", "guided_backprop", "smooth_grad")


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each pixel does to the score of a class.

    Attributes:
        method: of ``METHODS`` or "occlusion".
        target: the class.
        values: (C, H, W) as the method gives them.
        heat: (H, W): the sum over channels where `signed`, else the sum of absolute values.
        signed: whether negative numbers mean evidence against the class.
        warning: "" | "zero" | "not_finite".
        gap: for integrated gradients how much the values' sum misses of the score's change; else 0.
    """

    method: str
    target: int
    values: Tensor
    heat: Tensor
    signed: bool
    warning: str
    gap: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class OcclusionStep:
    """Windows done so far; `result` on the last step."""

    done: int
    total: int
    heat: Tensor
    result: Attribution | None


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


def _prediction(model: nn.Module, images: Tensor, target: int | None) -> int:
    with torch.no_grad():
        scores = model(images)
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        raise ValueError("wanted a network with class scores (N, K)")
    if target is None:
        return int(scores[0].argmax())
    if not 0 <= target < scores.shape[1]:
        raise IndexError(f"wanted a class in 0..{scores.shape[1] - 1}, got {target}")
    return target


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
    images = (image if image.ndim == 4 else image[None]).detach().clone()
    with locked(model), evaluating(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chosen = _prediction(model, images, target)
        gap = 0.0
        if method == "integrated_gradients":
            nothing = torch.zeros_like(images) if baseline is None else baseline.reshape(images.shape)
            values, delta = attr.IntegratedGradients(model).attribute(
                images,
                nothing,
                target=chosen,
                n_steps=steps,
                internal_batch_size=8,
                return_convergence_delta=True,
            )
            gap = float(delta.abs().max())
        elif method == "guided_backprop":
            values = attr.GuidedBackprop(twin_with_own_relus(model)).attribute(images, target=chosen)
        elif method == "input_x_gradient":
            values = attr.InputXGradient(model).attribute(images, target=chosen)
        elif method == "smooth_grad":
            values = _smooth(model, images, chosen, steps, seed)
        else:
            values = attr.Saliency(model).attribute(images, target=chosen, abs=False)
    signed = method in {"integrated_gradients", "input_x_gradient"}
    return _result(method, chosen, values.detach()[0], signed, gap)


def _smooth(model: nn.Module, images: Tensor, target: int, samples: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    spread = 0.15 * float(images.max() - images.min())
    saliency = attr.Saliency(model)
    total = torch.zeros_like(images)
    for _ in range(samples):
        noise = torch.randn(images.shape, generator=generator).to(images) * spread
        total += saliency.attribute(images + noise, target=target, abs=True)
    return total / samples


def _result(method: str, target: int, values: Tensor, signed: bool, gap: float = 0.0) -> Attribution:
    warning = "" if bool(torch.isfinite(values).all()) else "not_finite"
    clean = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    heat = clean.sum(dim=0) if signed else clean.abs().sum(dim=0)
    if not warning and not bool(heat.any()):
        warning = "zero"
    return Attribution(method, target, values, heat, signed, warning, gap)


def occlusion_steps(
    model: nn.Module,
    image: Tensor,
    target: int | None = None,
    *,
    window: int = 32,
    stride: int = 16,
    fill: float = 0.0,
    batch_size: int = 8,
) -> Iterator[OcclusionStep]:
    """How much the score of a class falls when a square of the picture is covered, square by square.

    Each pixel's value is the mean fall over the squares that cover it.

    Args:
        model: with outputs (N, K).
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        target: the class; None takes the most probable one.
        window, stride: side of the square and its step, in pixels.
        fill: what covers, in the network's units (0 is the mean colour).
        batch_size: squares in one run.

    Raises:
        ValueError: a window or stride below 1. IndexError: no such class.
    Source: Zeiler, Fergus 2014, "Visualizing and understanding convolutional networks".
    """
    if min(window, stride, batch_size) < 1:
        raise ValueError(
            f"wanted a window, stride and batch of at least 1, got {window}, {stride}, {batch_size}"
        )
    images = (image if image.ndim == 4 else image[None]).detach()
    height, width = images.shape[-2:]
    with locked(model), evaluating(model), torch.no_grad():
        chosen = _prediction(model, images, target)
        whole = model(images)[0, chosen]
    corners = [
        (top, left) for top in _starts(height, window, stride) for left in _starts(width, window, stride)
    ]
    total, count = torch.zeros(height, width), torch.zeros(height, width)
    for begin in range(0, len(corners), batch_size):
        group = corners[begin : begin + batch_size]
        covered = images.repeat(len(group), 1, 1, 1)
        for place, (top, left) in enumerate(group):
            covered[place, :, top : top + window, left : left + window] = fill
        with locked(model), evaluating(model), torch.no_grad():
            falls = (whole - model(covered)[:, chosen]).cpu()
        for (top, left), fall in zip(group, falls, strict=True):
            total[top : top + window, left : left + window] += fall
            count[top : top + window, left : left + window] += 1
        heat = total / count.clamp(min=1)
        done = begin + len(group)
        last = done == len(corners)
        result = _result("occlusion", chosen, heat[None], True) if last else None
        yield OcclusionStep(done, len(corners), heat, result)


def _starts(length: int, window: int, stride: int) -> list[int]:
    """Where the squares begin, so that the last one reaches the edge."""
    starts = list(range(0, max(length - window, 0) + 1, stride))
    return starts if starts[-1] + window >= length else [*starts, starts[-1] + stride]


def smoothed(heat: Tensor, size: int) -> Tensor:
    """A heat map averaged over size×size pixels, for the eye."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"wanted an odd size of at least 1, got {size}")
    return F.avg_pool2d(heat[None, None], size, 1, size // 2, count_include_pad=False)[0, 0]
