"""The loss of a learned filter as what it is, a quadratic in the filter's few weights: exact, and a step costs nothing.

The map is linear in the weights, so the mean squared difference from the wanted map is a quadratic in them. Its matrix is
made from the picture once, in float64; back-propagation's gradient is then a product with it, for any weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cnn.checks import expect_image, expect_integer
from cnn.convolution.learned_filters import MOMENTUM, centred, checked_target
from cnn.convolution.learning_settings import Phase

__all__ = ["LearningProblem", "LearningTrace", "learning_problem", "learning_trace"]

ADAM_RATE, BETAS, EPSILON = 0.1, (0.9, 0.999), 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class LearningProblem:
    """Loss(w) = wᵀ·matrix·w − 2·wᵀ·(right + ν·noise_right) + constant + 2·ν·noise_constant + ν²·noise_power.

    It is the mean squared difference of the maps in units of the wanted map's variance; ν is the noise, in units of the
    wanted map's spread.

    Attributes:
        matrix: float64 ``(k², k²)``, from the picture's patches; `right`, `noise_right` ``(k²,)``.
        pixels: float32 ``(H, W)``, mean 0 and spread 1; `goal` ``(H', W')`` the wanted map, `noise` ``(H', W')`` with the
            wanted map's spread.
        target, start: float32 ``(k, k)``: the filter that made the goal, and the first weights.
        unit: the goal's variance; `safe_rate`: the learning rate that rate 1 stands for.
        steepness: largest over smallest curvature of the loss.
    """

    matrix: Tensor
    right: Tensor
    constant: float
    noise_right: Tensor
    noise_constant: float
    noise_power: float
    pixels: Tensor
    goal: Tensor
    noise: Tensor
    target: Tensor
    start: Tensor
    unit: float
    safe_rate: float
    steepness: float

    def loss(self, weight: Tensor, noise: float = 0.0) -> float:
        """The loss of ``(k, k)`` weights with so much noise (in parts of the goal's spread) on the wanted map."""
        flat = weight.double().flatten()
        linear = self.right + noise * self.noise_right
        constant = self.constant + 2 * noise * self.noise_constant + noise**2 * self.noise_power
        return float(flat @ self.matrix @ flat - 2 * flat @ linear + constant)

    def gradient(self, weight: Tensor, noise: float = 0.0) -> Tensor:
        """The loss's gradient, float64 ``(k, k)``."""
        flat = weight.double().flatten()
        return (2 * (self.matrix @ flat - self.right - noise * self.noise_right)).view(weight.shape)


@dataclass(frozen=True, slots=True, eq=False)
class LearningTrace:
    """The weights ``(steps + 1, k, k)`` float64 before the first and after every step, with `losses` and `errors`.

    A loss that grows beyond all bounds ends the trace; `diverged` says so.
    """

    weights: Tensor
    losses: tuple[float, ...]
    errors: tuple[float, ...]
    diverged: bool


def learning_problem(image: Tensor, target: Tensor, *, seed: int = 0) -> LearningProblem:
    """The problem of finding `target` from its map of `image` alone.

    Args:
        image: ``(H, W)`` or ``(C, H, W)``, the channels' mean is used, put on mean 0 and spread 1; at most a million
            pixels.
        target: ``(k, k)``, k from 2 to 7. seed: draws the first weights (and, from it too, the noise).

    Raises:
        ShapeError: a picture too small, too large or of one gray; another target.
    """
    expect_integer(seed, "seed", minimum=0)
    wanted = checked_target(target)
    size = wanted.shape[-1]
    pixels = centred(expect_image(image), size)
    goal = functional.conv2d(pixels, wanted)
    unit = float(goal.var().clamp(min=1e-12))
    patches = functional.unfold(pixels.double(), size)[0]
    flat = goal.double().flatten()
    drawn = torch.randn(goal.shape, generator=torch.Generator().manual_seed(seed + 1)) * unit**0.5
    noise = drawn.double().flatten()
    count = flat.numel() * unit
    matrix = patches @ patches.T / count
    curvature = torch.linalg.eigvalsh(matrix)
    return LearningProblem(
        matrix=matrix,
        right=patches @ flat / count,
        constant=float(flat @ flat) / count,
        noise_right=patches @ noise / count,
        noise_constant=float(flat @ noise) / count,
        noise_power=float(noise @ noise) / count,
        pixels=pixels[0, 0],
        goal=goal[0, 0],
        noise=drawn[0, 0],
        target=wanted[0, 0],
        start=torch.randn(wanted.shape, generator=torch.Generator().manual_seed(seed))[0, 0],
        unit=unit,
        safe_rate=float(0.5 * unit / (wanted.numel() * pixels.pow(2).mean())),
        steepness=float(curvature[-1] / curvature[0].clamp(min=1e-15)),
    )


def learning_trace(problem: LearningProblem, phases: Sequence[Phase], steps: int) -> LearningTrace:
    """Learn for `steps` steps as the phases say; a phase with another learner begins it afresh.

    The rules are those of `torch.optim.SGD` and `Adam`.

    Raises:
        ValueError: no phases, or the first one does not begin at 0.
    """
    if not phases or phases[0].start != 0:
        raise ValueError(f"expected phases from step 0 on, got {tuple(phases)}")
    weight = problem.start.double()
    weights, losses = [weight], [problem.loss(weight, phases[0].noise / 100)]
    first = second = torch.zeros_like(weight)
    age, phase = 0, phases[0]
    for step in range(steps):
        begun = next((p for p in phases if p.start == step), None)
        if begun is not None:
            age = age if begun.learner == phase.learner else 0
            phase = begun
        gradient, age = problem.gradient(weight, phase.noise / 100), age + 1
        if phase.learner == "adam":
            first = BETAS[0] * first * (age > 1) + (1 - BETAS[0]) * gradient
            second = BETAS[1] * second * (age > 1) + (1 - BETAS[1]) * gradient**2
            size = (second / (1 - BETAS[1] ** age)).sqrt() + EPSILON
            weight = weight - ADAM_RATE * phase.rate * (first / (1 - BETAS[0] ** age)) / size
        else:
            kept = MOMENTUM if phase.learner == "momentum" and age > 1 else 0.0
            first = kept * first + gradient
            weight = weight - problem.safe_rate * phase.rate * first
        weights.append(weight)
        losses.append(problem.loss(weight, phase.noise / 100))
        if not losses[-1] < 1e12:
            break
    every = torch.stack(weights)
    errors = (every - problem.target.double()).abs().flatten(1).amax(1)
    return LearningTrace(every, tuple(losses), tuple(errors.tolist()), len(weights) <= steps)
