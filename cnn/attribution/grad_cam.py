"""Grad-CAM and its family: where in a layer's maps the evidence for a class lies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from cnn.models.running import Runner, prepared

CAM_METHODS = ("grad_cam", "grad_cam_pp", "xgrad_cam", "hires_cam", "layer_cam", "eigen_cam")


@dataclass(frozen=True, slots=True, eq=False)
class ClassActivation:
    """One map.

    Attributes:
        layer: whose maps were weighted.
        method: of ``CAM_METHODS``.
        target: the class.
        raw: (h, w) at the layer's own size, before the rectification.
        heat: (H, W) at the picture's size, not negative, the largest 1 (all 0 where nothing speaks for the
        class).
        warning: "" | "zero": nothing in this layer speaks for the class | "not_finite": the network gave NaN.
    """

    layer: str
    method: str
    target: int
    raw: Tensor
    heat: Tensor
    warning: str


def grad_cam(model: nn.Module, image: Tensor, layer: str, target: int | None = None) -> Tensor:
    """The Grad-CAM of one layer at the picture's size.

    Args:
        model: with outputs (1, K); used in the mode it is in, its parameters gather no gradient.
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        layer: a name as in :func:`cnn.models.tracing.trace`; a block ("layer4") stands for its last layer.
        target: the class; None takes the most probable one.

    Returns:
        (H, W) in 0..1, all 0 where nothing speaks for the class.

    Raises:
        KeyError: no such layer. ValueError: a layer without a map, or a network without class scores.
        IndexError: no such class.
    Source: Selvaraju et al. 2017, "Grad-CAM".
    """
    return grad_cams(model, image, [layer], target)[layer].heat


def grad_cams(
    model: nn.Module,
    image: Tensor,
    layers: Sequence[str],
    target: int | None = None,
    *,
    method: str = "grad_cam",
) -> dict[str, ClassActivation]:
    """The maps of several layers in one pass; the gradient is taken from the first of them up, no further.

    Raises:
        As :func:`grad_cam`; ValueError for a method not in ``CAM_METHODS``.
    Source: Grad-CAM++ Chattopadhay 2018; XGrad-CAM Fu 2020; HiResCAM Draelos 2020; LayerCAM Jiang 2021;
        Eigen-CAM Muhammad 2020.
    """
    return {layer: maps[method] for layer, maps in cam_grid(model, image, layers, target, (method,)).items()}


@torch.inference_mode(False)
def cam_grid(
    model: nn.Module,
    image: Tensor,
    layers: Sequence[str],
    target: int | None = None,
    methods: Sequence[str] = CAM_METHODS,
) -> dict[str, dict[str, ClassActivation]]:
    """The maps of several methods for several layers, {layer: {method: map}}, from one pass forward and back.

    Raises:
        As :func:`grad_cam`; ValueError for a method not in ``CAM_METHODS``.
    """
    unknown = [method for method in methods if method not in CAM_METHODS]
    if unknown:
        raise ValueError(f"wanted a method of {', '.join(CAM_METHODS)}, got {unknown[0]!r}")
    images = image if image.ndim == 4 else image[None]
    images = images.clone() if images.is_inference() else images
    runner = prepared(model, images)
    nodes = {layer: runner.network.resolve(layer) for layer in layers}
    maps, scores = _forward(runner, images, set(nodes.values()))
    chosen = _target(scores, target)
    values = [maps[node] for node in nodes.values()]
    for layer, value in zip(nodes, values, strict=True):
        if value.ndim != 4:
            raise ValueError(f"wanted a layer with maps (N, C, H, W), got {layer} with {tuple(value.shape)}")
    with torch.enable_grad():
        gradients = torch.autograd.grad(scores[0, chosen], values, allow_unused=True)
    size = images.shape[-2:]
    found: dict[str, dict[str, ClassActivation]] = {}
    for layer, value, gradient in zip(nodes, values, gradients, strict=True):
        gradient = torch.zeros_like(value) if gradient is None else gradient
        found[layer] = {
            method: _activation(layer, method, chosen, _METHODS[method](value.detach()[0], gradient[0]), size)
            for method in methods
        }
    return found


def _forward(runner: Runner, images: Tensor, wanted: set[fx.Node]) -> tuple[dict[fx.Node, Tensor], Tensor]:
    """The layers' maps and the scores, with a graph that begins at the first of the layers."""
    maps: dict[fx.Node, Tensor] = {}

    def change(node: fx.Node, value: Any) -> Any:
        if node not in wanted:
            return value
        if not isinstance(value, Tensor):
            raise ValueError(f"wanted a layer that makes a tensor, got {node.name}")
        if not maps:
            value = value.detach().requires_grad_()
            torch.set_grad_enabled(True)
        elif not value.requires_grad:
            # It does not depend on the first layer, so it begins a graph of its own.
            value = value.detach().requires_grad_()
        maps[node] = value
        return value

    with torch.no_grad():
        _, output = deque(runner.values(images, change=change), maxlen=1).pop()
    with torch.enable_grad():
        return maps, _scores(output)


def _scores(output: Any) -> Tensor:
    if isinstance(output, (tuple, list)):
        output = output[0]
    if not isinstance(output, Tensor) or output.ndim not in {2, 4}:
        raise ValueError("wanted a network with class scores (N, K) or (N, K, H, W)")
    return output if output.ndim == 2 else output.mean(dim=(2, 3))


def _target(scores: Tensor, target: int | None) -> int:
    count = scores.shape[1]
    if target is None:
        return int(scores[0].argmax())
    if not 0 <= target < count:
        raise IndexError(f"wanted a class in 0..{count - 1}, got {target}")
    return target


def _activation(layer: str, method: str, target: int, raw: Tensor, size: Sequence[int]) -> ClassActivation:
    raw = raw.detach()
    warning = "" if bool(torch.isfinite(raw).all()) else "not_finite"
    clean = torch.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0).relu()
    heat = F.interpolate(clean[None, None], size=tuple(size), mode="bilinear", align_corners=False)[0, 0]
    most = float(heat.max())
    if most > 0:
        heat = heat / most
    elif not warning:
        warning = "zero"
    return ClassActivation(layer, method, target, raw, heat, warning)


def _grad_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.mean(dim=(1, 2))[:, None, None] * maps).sum(dim=0)


def _grad_cam_pp(maps: Tensor, gradient: Tensor) -> Tensor:
    square = gradient.square()
    below = 2 * square + (maps.sum(dim=(1, 2), keepdim=True) * gradient * square)
    alpha = torch.where(below != 0, square / torch.where(below != 0, below, 1), 0)
    return ((alpha * gradient.relu()).sum(dim=(1, 2))[:, None, None] * maps).sum(dim=0)


def _xgrad_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    weights = (gradient * maps).sum(dim=(1, 2)) / (maps.sum(dim=(1, 2)) + 1e-7)
    return (weights[:, None, None] * maps).sum(dim=0)


def _hires_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    return (gradient * maps).sum(dim=0)


def _layer_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.relu() * maps).sum(dim=0)


def _eigen_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    """The first principal component of the maps over positions; it names no class."""
    flat = maps.flatten(1).T
    centred = flat - flat.mean(dim=0)
    direction = torch.linalg.svd(centred, full_matrices=False).Vh[0]
    component = (centred @ direction).view(maps.shape[1:])
    return component if float((component * maps.mean(dim=0)).sum()) >= 0 else -component


_METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad_cam": _grad_cam,
    "grad_cam_pp": _grad_cam_pp,
    "xgrad_cam": _xgrad_cam,
    "hires_cam": _hires_cam,
    "layer_cam": _layer_cam,
    "eigen_cam": _eigen_cam,
}


def suggested_layers(model: nn.Module, image: Tensor, *, count: int = 4) -> tuple[str, ...]:
    """Layers worth a map, the best last: the last map of each size on the way from the picture to the scores.

    Deeper maps mean more, finer ones see better.

    Args:
        image: (C, H, W) or (1, C, H, W).
        count: at most so many.
    """
    images = image if image.ndim == 4 else image[None]
    runner = prepared(model, images)
    between = _between(runner.network.graph)
    last_of_size: dict[tuple[int, int], str] = {}
    with torch.no_grad():
        for node, value in runner.values(images):
            if node not in between or not isinstance(value, Tensor):
                continue
            if value.ndim == 4 and min(value.shape[2:]) > 1 and value.shape[1] > 1 and _like(value, images):
                size = int(value.shape[2]), int(value.shape[3])
                last_of_size.pop(size, None)
                last_of_size[size] = runner.network.names[node]
    return tuple(last_of_size.values())[-count:]


def _like(maps: Tensor, images: Tensor) -> bool:
    """Whether maps have the picture's proportions to two cells: those of a network that keeps its channels last
    (Swin's blocks, (N, H, W, C)) have not.
    """
    height, width = maps.shape[2:]
    rows, columns = images.shape[2:]
    return abs(height * columns - width * rows) <= 2 * max(rows, columns)


def _between(graph: fx.Graph) -> set[fx.Node]:
    """The nodes that depend on the picture and that the scores depend on: no side branches, no parameters."""
    nodes = list(graph.nodes)
    seeing = {nodes[0]}
    for node in nodes[1:]:
        if any(read in seeing for read in node.all_input_nodes):
            seeing.add(node)
    output: Any = nodes[-1].args[0]
    while isinstance(output, (tuple, list, dict)):
        output = next(iter(output.values() if isinstance(output, dict) else output))
    asked, waiting = set(), [output]
    while waiting:
        node = waiting.pop()
        if node not in asked:
            asked.add(node)
            waiting += node.all_input_nodes
    return (seeing & asked) - {nodes[0]}
