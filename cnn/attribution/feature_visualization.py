"""A picture optimised to excite one channel, one unit or one class of a network, step by step."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from cnn.attribution.picture_parameters import (
    PARAMETRISATIONS,
    PictureParameters,
    moved,
    total_variation,
    turned,
)
from cnn.hooks import evaluating, locked
from cnn.models.running import Runner, prepared

OUTPUT = ""
"""In place of a layer's name: the network's scores, whose channels are the classes."""

_MEMORY = 0.9
_LEAST = 1e-6
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Objective:
    """What is to be excited: the mean of a channel's map, or one of its units.

    Attributes:
        layer: a name as in :func:`cnn.models.tracing.trace`, or ``OUTPUT``.
        channel: of the layer; the class for ``OUTPUT``.
        row, column: of the unit; both −1 for the whole channel.
    """

    layer: str
    channel: int
    row: int = -1
    column: int = -1


@dataclass(frozen=True, slots=True)
class VisualizationSettings:
    """How the picture is optimised.

    Attributes:
        steps: of the optimiser (Adam).
        rate: its learning rate.
        parametrisation: of ``PARAMETRISATIONS``.
        decorrelated: free numbers along the colours of photos instead of red, green and blue.
        jitter: pixels that the picture is shifted by at most before each step.
        turn: degrees that it is turned by at most, and percent it is scaled by.
        total_variation: weight of the difference between neighbouring pixels.
        seed: of the noise it begins with and of the moves.
        every: steps between two records.
    """

    steps: int = 192
    rate: float = 0.05
    parametrisation: str = "fourier"
    decorrelated: bool = True
    jitter: int = 6
    turn: float = 5.0
    total_variation: float = 0.2
    seed: int = 0
    every: int = 4

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: for a value out of its range.
        """
        if self.parametrisation not in PARAMETRISATIONS:
            raise ValueError(f"wanted one of {', '.join(PARAMETRISATIONS)}, got {self.parametrisation!r}")
        numbers = (self.rate, self.turn, self.total_variation)
        if not all(math.isfinite(number) and number >= 0 for number in numbers) or self.rate == 0:
            raise ValueError(f"wanted finite numbers of at least 0 and a rate above it, got {numbers}")
        if min(self.steps, self.every) < 1 or self.jitter < 0:
            raise ValueError(
                f"wanted at least one step and no jitter below 0, got {self.steps}, {self.jitter}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class VisualizationStep:
    """The picture after some steps.

    Attributes:
        step, steps: of the optimiser.
        image: uint8 (C, H, W), the picture itself.
        activation: of the objective for exactly this picture, its pixels rounded to whole numbers.
        history: (step, activation) of the records so far, this one included.
        probability: of the class for exactly this picture; None where no class is excited.
        warning: "" | "silent": the objective does not change with the picture | "not_finite".
    """

    step: int
    steps: int
    image: Tensor
    activation: float
    history: tuple[tuple[int, float], ...]
    probability: float | None
    warning: str


def visualization_steps(
    *,
    model: nn.Module,
    objective: Objective,
    input_shape: tuple[int, int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    settings: VisualizationSettings | None = None,
) -> Generator[VisualizationStep, Mapping[str, Any] | None, None]:
    """Optimise a picture; a job function.

    A message with any of `rate`, `jitter`, `turn`, `total_variation` steers it from the next step on; `stop` ends it
    with the picture so far.

    Args:
        model: any network; put into evaluation mode for each step.
        objective: what to excite.
        input_shape: (C, H, W) that the network reads, C 1 or 3.
        mean, std: per channel, of pixels in 0..1.

    Raises:
        KeyError: no such layer. IndexError: no such channel or unit. ValueError: a layer without channels.
    Source: Erhan 2009; Mahendran, Vedaldi 2015 (jitter, total variation); Yosinski 2015 (blur); Olah, Mordvintsev,
        Schubert 2017, "Feature visualization" (Fourier, decorrelated colours, moves).
    """
    settings = settings or VisualizationSettings()
    climb = _Climb(model, objective, input_shape, (mean, std))
    generator = torch.Generator().manual_seed(settings.seed + 1)
    free, warning = climb.start(settings)
    optimiser = torch.optim.Adam([free.values], lr=settings.rate)
    history: list[tuple[int, float]] = []
    size = 0.0
    for step in range(settings.steps + 1):
        if step:
            size = climb.step(free, optimiser, settings, generator, size)
        if step % settings.every and step < settings.steps:
            continue
        record = climb.record(free, step, settings.steps, history, warning)
        message = yield record
        if record.warning or (message and message.get("stop")):
            return
        if message:
            settings = steered(settings, message)
            optimiser.param_groups[0]["lr"] = settings.rate


def steered(settings: VisualizationSettings, message: Mapping[str, Any]) -> VisualizationSettings:
    """The settings with what a message changes; values that are out of range change nothing."""
    wanted = {
        name: message[name] for name in ("rate", "jitter", "turn", "total_variation") if name in message
    }
    try:
        return replace(settings, **wanted)
    except (TypeError, ValueError):
        return settings


class _Climb:
    """The objective of one network, and how to go up it."""

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        input_shape: tuple[int, int, int],
        normalisation: tuple[tuple[float, ...], tuple[float, ...]],
    ) -> None:
        self.model, self.objective, self.input_shape = model, objective, input_shape
        self.mean, self.std = (torch.tensor(values).view(1, -1, 1, 1) for values in normalisation)

    def excited(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(objective of pictures (1, C, H, W) in 0..1, the layer's whole output)."""
        images = (pictures - self.mean) / self.std
        runner = prepared(self.model, images)
        node = excited_node(runner, self.objective.layer)
        value = next(value for found, value in runner.values(images, last=node) if found is node)
        return objective_value(value, self.objective), value

    def start(self, settings: VisualizationSettings) -> tuple[PictureParameters, str]:
        """Noise that the objective answers to; a channel that is silent on all that was tried says so."""
        for attempt in range(_TRIES):
            free = PictureParameters(
                self.input_shape,
                parametrisation=settings.parametrisation,
                decorrelated=settings.decorrelated,
                seed=settings.seed + 1000 * attempt,
            )
            if attempt:  # noise of more contrast wakes a unit that sleeps behind its ReLU
                with torch.no_grad():
                    free.values.mul_(4.0**attempt)
            with locked(self.model), evaluating(self.model), torch.enable_grad():
                value, _ = self.excited(free.picture())
                if not value.requires_grad:
                    return free, "silent"
                (gradient,) = torch.autograd.grad(value, free.values)
            if bool(gradient.isfinite().all()) and bool(gradient.any()):
                return free, ""
        return free, "silent"

    def step(
        self,
        free: PictureParameters,
        optimiser: torch.optim.Optimizer,
        settings: VisualizationSettings,
        generator: torch.Generator,
        size: float,
    ) -> float:
        """One step of the optimiser; returns the objective's typical size, which the loss is measured in."""
        with locked(self.model), evaluating(self.model), torch.enable_grad():
            picture = free.picture()
            seen = turned(picture, settings.turn, settings.turn / 100, generator)
            value, _ = self.excited(moved(seen, settings.jitter, generator))
            now = abs(float(value.detach()))
            size = _MEMORY * size + (1 - _MEMORY) * now if size else max(now, _LEAST)
            loss = -value / max(size, _LEAST)
            if settings.total_variation:
                loss = loss + settings.total_variation * total_variation(picture) / 0.05
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        if free.values.grad is not None and bool(free.values.grad.isfinite().all()):
            optimiser.step()
            free.after_step()
        return size

    def record(
        self,
        free: PictureParameters,
        step: int,
        steps: int,
        history: list[tuple[int, float]],
        warning: str,
    ) -> VisualizationStep:
        """The picture in whole pixel values, and what it does to the objective."""
        with torch.no_grad():
            image = (free.picture()[0] * 255).round().to(torch.uint8)
            with locked(self.model), evaluating(self.model):
                value, output = self.excited(image[None].float() / 255)
        activation = float(value)
        if not math.isfinite(activation):
            activation, warning = 0.0, "not_finite"
        probability = None
        if self.objective.layer == OUTPUT:
            probability = float(output.flatten(1).softmax(dim=1)[0, self.objective.channel])
        history.append((step, activation))
        return VisualizationStep(step, steps, image, activation, tuple(history), probability, warning)


def excited_node(runner: Runner, layer: str) -> fx.Node:
    """The node whose value a layer's name stands for; that of the network's scores for ``OUTPUT``.

    Raises:
        KeyError: no such layer.
    """
    if layer == OUTPUT:
        return next(node for node in runner.network.graph.nodes if node.op == "output")
    return runner.network.resolve(layer)


def objective_value(value: Any, objective: Objective) -> Tensor:
    """The number to raise in a layer's output (1, C, H, W) or (1, C).

    Raises:
        ValueError: an output without channels. IndexError: no such channel or unit.
    """
    if isinstance(value, (tuple, list)) and value:
        value = value[0]
    if not isinstance(value, Tensor) or value.ndim not in (2, 4):
        raise ValueError(f"wanted a layer with outputs (N, C) or (N, C, H, W), got {type(value).__name__}")
    if not 0 <= objective.channel < value.shape[1]:
        raise IndexError(f"wanted a channel in 0..{value.shape[1] - 1}, got {objective.channel}")
    channel = value[0, objective.channel]
    if objective.row < 0 or value.ndim == 2:
        return channel.mean()
    rows, columns = channel.shape
    if not (objective.row < rows and 0 <= objective.column < columns):
        raise IndexError(f"wanted a unit in {rows}×{columns}, got ({objective.row}, {objective.column})")
    return channel[objective.row, objective.column]
