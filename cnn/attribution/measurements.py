"""The slow part of attribution as one job: maps of pixels that get better with every run, and curves of faithfulness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn.attribution.estimates import (
    Estimate,
    integrated_gradient_steps,
    occlusion_steps,
    smooth_grad_steps,
)
from cnn.attribution.evidence import Attribution
from cnn.attribution.faithfulness import faithfulness_steps
from cnn.attribution.grad_cam import ClassActivation, cam_grid, suggested_layers
from cnn.attribution.pixels import attribution, gradient_maps
from cnn.attribution.sanity import shuffled_weights
from cnn.hooks import locked

CamGrid = dict[str, dict[str, ClassActivation]]
PASS_METHODS = ("saliency", "input_x_gradient", "guided_backprop")
"""A pass forward and back each; the first two share it."""
SLOW_METHODS = ("integrated_gradients", "smooth_grad", "occlusion")
"""Many passes, with an estimate after each."""


@dataclass(frozen=True, slots=True)
class HeatTask:
    """Make a map of ``PASS_METHODS`` or ``SLOW_METHODS``. `window` and `stride` are occlusion's, `samples` the others'."""

    name: str
    window: int = 32
    stride: int = 16
    samples: int = 32


@dataclass(frozen=True, slots=True, eq=False)
class CurveTask:
    """Measure the deletion and insertion curves of a heat map (H, W)."""

    name: str
    heat: Tensor
    steps: int = 20


@dataclass(frozen=True, slots=True)
class ShuffledTask:
    """Make the map of a method of one pass with shuffled weights; `layer` is a class activation map's."""

    name: str
    method: str
    layer: str = ""


@dataclass(frozen=True, slots=True)
class GridTask:
    """Find the layers worth a map, at most `count`, and make all their class activation maps."""

    name: str = "cams"
    count: int = 4


Task = HeatTask | CurveTask | ShuffledTask | GridTask


@dataclass(frozen=True, slots=True, eq=False)
class TaskResult:
    """What a task has found so far; `curve` of (fraction, deletion, insertion) for a curve task, else `heat`.

    That is (H, W), but (h, w) at the layer's size for a class activation map with shuffled weights.

    Attributes:
        done, total: squares, points or 1.
        gap: what integrated gradients' sum misses of the score's change.
        areas: under the deletion and the insertion curve.
        warning: "" | "zero" | "not_finite".
        shuffled: whether it is of the network with shuffled weights.
        grid: for a grid task.
    """

    name: str
    done: int
    total: int
    heat: Tensor | None = None
    signed: bool = False
    warning: str = ""
    gap: float = 0.0
    curve: tuple[tuple[float, float, float], ...] = ()
    areas: tuple[float, float] = (0.0, 0.0)
    shuffled: bool = False
    grid: CamGrid | None = None

    @property
    def finished(self) -> bool:
        """Whether the task is done."""
        return self.done == self.total


@dataclass(frozen=True, slots=True, eq=False)
class MeasurementStep:
    """All results so far, by task name ("shuffled " before it for shuffled weights); `step` of `steps` counts the tasks' parts."""

    step: int
    steps: int
    results: dict[str, TaskResult]


def measurement_steps(
    *, model: nn.Module, image: Tensor, target: int, tasks: Sequence[Task]
) -> Iterator[MeasurementStep]:
    """Do the tasks one after another; a job function.

    Args:
        model: with outputs (N, K).
        image: (1, C, H, W), as the network expects it.
        target: the class.

    Raises:
        ValueError: a task that is not known. IndexError: no such class.
    """
    results: dict[str, TaskResult] = {}
    passed: dict[str, Attribution] = {}
    for place, task in enumerate(tasks):
        for result in _results(model, image, target, task, passed):
            results = {**results, f"shuffled {task.name}" if result.shuffled else task.name: result}
            done = 100 * place + round(100 * result.done / max(result.total, 1))
            yield MeasurementStep(done, 100 * len(tasks), results)


def _results(
    model: nn.Module, image: Tensor, target: int, task: Task, passed: dict[str, Attribution]
) -> Iterator[TaskResult]:
    if isinstance(task, CurveTask):
        yield from _curve(model, image, target, task)
    elif isinstance(task, GridTask):
        yield TaskResult(task.name, 1, 1, grid=layers_grid(model, image, target, task.count))
    elif isinstance(task, ShuffledTask):
        yield _shuffled(model, image, target, task)
    elif task.name in PASS_METHODS:
        yield _one_pass(model, image, target, task.name, passed)
    else:
        for found in _estimates(model, image, target, task):
            warning, gap = (found.result.warning, found.result.gap) if found.result else ("", 0.0)
            yield TaskResult(task.name, found.done, found.total, found.heat, found.signed, warning, gap)


def layers_grid(model: nn.Module, image: Tensor, target: int, count: int) -> CamGrid:
    """Return every class activation map of at most `count` suggested layers, {layer: {method: map}}, the deepest first.

    Raises:
        As :func:`cnn.attribution.grad_cam.cam_grid`.
    """
    with locked(model):
        layers = suggested_layers(model, image, count=count)[::-1]
        return cam_grid(model, image, layers, target) if layers else {}


def _one_pass(
    model: nn.Module, image: Tensor, target: int, method: str, passed: dict[str, Attribution]
) -> TaskResult:
    if method == "guided_backprop":
        found = attribution(method, model, image, target)
    else:
        if not passed:
            passed.update(gradient_maps(model, image, target))
        found = passed[method]
    return TaskResult(method, 1, 1, found.heat, found.signed, found.warning)


def _shuffled(model: nn.Module, image: Tensor, target: int, task: ShuffledTask) -> TaskResult:
    with locked(model):
        copied = shuffled_weights(model)
    if task.layer:
        found = cam_grid(copied, image, [task.layer], target, [task.method])[task.layer][task.method]
        heat, warning = torch.nan_to_num(found.raw, nan=0.0, posinf=0.0, neginf=0.0), found.warning
    else:
        made = _one_pass(copied, image, target, task.method, {})
        assert made.heat is not None
        heat, warning = made.heat, made.warning
    return TaskResult(task.name, 1, 1, heat, True, warning, shuffled=True)


def _estimates(model: nn.Module, image: Tensor, target: int, task: HeatTask) -> Iterator[Estimate]:
    if task.name == "occlusion":
        return occlusion_steps(model, image, target, window=task.window, stride=task.stride)
    if task.name == "integrated_gradients":
        return integrated_gradient_steps(model, image, target, steps=task.samples)
    if task.name == "smooth_grad":
        return smooth_grad_steps(model, image, target, samples=task.samples)
    raise ValueError(f"wanted one of {', '.join((*PASS_METHODS, *SLOW_METHODS))}, got {task.name!r}")


def _curve(model: nn.Module, image: Tensor, target: int, task: CurveTask) -> Iterator[TaskResult]:
    points: list[tuple[float, float, float]] = []
    for step in faithfulness_steps(model, image, task.heat, target, steps=task.steps):
        points.append((step.fraction, step.deletion, step.insertion))
        areas = step.deletion_area, step.insertion_area
        yield TaskResult(task.name, len(points), task.steps + 1, curve=tuple(points), areas=areas)
