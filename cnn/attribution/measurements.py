"""The slow part of attribution as one job: integrated gradients, SmoothGrad, occlusion, and curves of faithfulness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn.attribution.faithfulness import faithfulness_steps

SLOW_METHODS = ("integrated_gradients", "smooth_grad", "occlusion")


@dataclass(frozen=True, slots=True)
class HeatTask:
    """Make the heat map of one of ``SLOW_METHODS``. `window` and `stride` are occlusion's, `samples` the others'."""

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


@dataclass(frozen=True, slots=True, eq=False)
class TaskResult:
    """What a task has found so far; `heat` for a heat task, `curve` of (fraction, deletion, insertion) for a curve task.

    Attributes:
        done, total: windows, points or 1.
        gap: what integrated gradients' sum misses of the score's change.
        areas: under the deletion and the insertion curve.
        warning: "" | "zero" | "not_finite".
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

    @property
    def finished(self) -> bool:
        """Whether the task is done."""
        return self.done == self.total


@dataclass(frozen=True, slots=True, eq=False)
class MeasurementStep:
    """All results so far, by task name; `step` of `steps` counts the tasks' parts."""

    step: int
    steps: int
    results: dict[str, TaskResult]


def measurement_steps(
    *, model: nn.Module, image: Tensor, target: int, tasks: Sequence[HeatTask | CurveTask]
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
    for place, task in enumerate(tasks):
        for result in _results(model, image, target, task):
            results = {**results, task.name: result}
            done = 100 * place + round(100 * result.done / max(result.total, 1))
            yield MeasurementStep(done, 100 * len(tasks), results)


def _results(
    model: nn.Module, image: Tensor, target: int, task: HeatTask | CurveTask
) -> Iterator[TaskResult]:
    if isinstance(task, CurveTask):
        yield from _curve(model, image, target, task)
        return
    if task.name not in SLOW_METHODS:
        raise ValueError(f"wanted one of {', '.join(SLOW_METHODS)}, got {task.name!r}")
    from cnn.attribution.pixels import attribution, occlusion_steps  # captum takes a second to load

    if task.name == "occlusion":
        for step in occlusion_steps(model, image, target, window=task.window, stride=task.stride):
            warning = step.result.warning if step.result else ""
            heat = torch.nan_to_num(step.heat, nan=0.0, posinf=0.0, neginf=0.0).clone()
            yield TaskResult(task.name, step.done, step.total, heat, True, warning)
        return
    yield TaskResult(task.name, 0, 1)
    found = attribution(task.name, model, image, target, steps=task.samples)
    yield TaskResult(task.name, 1, 1, found.heat, found.signed, found.warning, found.gap)


def _curve(model: nn.Module, image: Tensor, target: int, task: CurveTask) -> Iterator[TaskResult]:
    points: list[tuple[float, float, float]] = []
    for step in faithfulness_steps(model, image, task.heat, target, steps=task.steps):
        points.append((step.fraction, step.deletion, step.insertion))
        areas = step.deletion_area, step.insertion_area
        yield TaskResult(task.name, len(points), task.steps + 1, curve=tuple(points), areas=areas)
