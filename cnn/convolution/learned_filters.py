"""A filter found by back-propagation: from random weights to the one that makes the wanted edge map."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from cnn.checks import ShapeError, expect_choice, expect_image, expect_integer

__all__ = ["LEARNERS", "FilterStep", "learned_filter"]

LEARNERS = ("momentum", "gradient_descent", "adam")
MOST_PIXELS = 1_000_000
MOMENTUM = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class FilterStep:
    """The filter after `step` of `steps` steps.

    Attributes:
        weight: float32 ``(k, k)``; `gradient` of the loss with respect to the weight before this step.
        loss: mean squared difference of the maps before this step, in units of the target map's variance.
        error: the largest difference of a weight from the target filter's.
        output: the map of the new weight, float32 ``(1, H', W')``, every `every` steps, else None.
    """

    step: int
    steps: int
    weight: Tensor
    gradient: Tensor
    loss: float
    error: float
    output: Tensor | None


def learned_filter(
    image: Tensor,
    target: Tensor,
    *,
    steps: int = 400,
    learner: str = "momentum",
    learning_rate: float = 1.0,
    every: int = 10,
    seed: int = 0,
) -> Generator[FilterStep, Mapping[str, Any] | None, None]:
    """Learn k·k random weights so that their map of the picture becomes the target filter's map.

    Loss and gradient are those of the maps, by PyTorch's back-propagation, at every step. The picture is
    put on mean 0 first. Neighbouring pixels are nearly alike, so the loss is a long narrow valley (a
    thousand times steeper across than along, on a photo): momentum runs along it, plain gradient descent
    takes very long, as one sees. A message {"learning_rate": …} holds from the next step on.

    Args:
        image: ``(H, W)`` or ``(C, H, W)``, the channels' mean is used; at most a million pixels.
        target: ``(k, k)``, k from 2 to 7.
        learner: of `LEARNERS`: with momentum 0.95, without, or Adam.
        learning_rate: in units of a rate that is safe on this picture (for Adam, of 0.1); above 0, at most
            10.

    Raises (at the first step):
        ValueError: a number or learner out of range; ShapeError: a picture too small, too large or of one
            gray.
    """
    expect_choice(learner, LEARNERS, "learner")
    expect_integer(steps, "steps", minimum=1)
    expect_integer(every, "every", minimum=1)
    wanted = checked_target(target)
    pixels = centred(expect_image(image), wanted.shape[-1])
    goal = functional.conv2d(pixels, wanted)
    unit = goal.var().clamp(min=1e-12)
    # The curvature of the loss, in its unit, is at most twice the sum of the squared pixels of a patch.
    safe = float(0.5 * unit / (wanted.numel() * pixels.pow(2).mean()))
    weight = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(seed)).requires_grad_(True)
    scale = 0.1 if learner == "adam" else safe
    optimiser = _optimiser(learner, weight, scale * _checked_rate(learning_rate))
    for step in range(1, steps + 1):
        optimiser.zero_grad()
        loss = (functional.conv2d(pixels, weight) - goal).pow(2).mean() / unit
        (weight.grad,) = torch.autograd.grad(loss, weight)
        gradient = weight.grad[0, 0].clone()
        optimiser.step()
        learnt = weight.detach()
        shown = functional.conv2d(pixels, learnt)[0] if step % every == 0 or step in (1, steps) else None
        error = float((learnt - wanted).abs().max())
        message = yield FilterStep(
            step, steps, learnt[0, 0].clone(), gradient, float(loss.detach()), error, shown
        )
        if message and "learning_rate" in message:
            for group in optimiser.param_groups:
                group["lr"] = scale * _checked_rate(message["learning_rate"])


def _optimiser(learner: str, weight: Tensor, rate: float) -> torch.optim.Optimizer:
    if learner == "adam":
        return torch.optim.Adam([weight], lr=rate)
    return torch.optim.SGD([weight], lr=rate, momentum=MOMENTUM if learner == "momentum" else 0.0)


def _checked_rate(rate: float) -> float:
    if not 0 < rate <= 10:
        raise ValueError(f"expected learning_rate above 0 and at most 10, got {rate}")
    return float(rate)


def checked_target(target: Tensor) -> Tensor:
    if target.ndim != 2 or target.shape[0] != target.shape[1] or not 2 <= target.shape[0] <= 7:
        message = f"expected a target filter (k, k), k from 2 to 7, got {tuple(target.shape)}"
        raise ShapeError(message, "target_shape", shape=tuple(target.shape))
    return target.float()[None, None]


def centred(image: Tensor, kernel: int) -> Tensor:
    """The channels' mean ``(1, 1, H, W)`` with mean 0 and spread 1."""
    height, width = image.shape[-2:]
    if min(height, width) < 2 * kernel or height * width > MOST_PIXELS:
        message = (
            f"expected a picture of at least {2 * kernel} pixels a side and {MOST_PIXELS:,} in all, "
            f"got {height}x{width}"
        )
        raise ShapeError(message, "image_size", minimum=2 * kernel, height=height, width=width)
    gray = image.float().mean(0)
    spread = gray.std()
    if not spread > 1e-6 * gray.abs().max().clamp(min=1e-12):
        raise ShapeError("expected a picture with edges, got one of a single gray", "flat_image")
    return ((gray - gray.mean()) / spread)[None, None]
