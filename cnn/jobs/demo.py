"""A job to try the machinery on: heat spreading through a picture, which blurs it step by step."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

STABLE_RATE = 0.25  # above this the explicit scheme oscillates and grows


@dataclass(frozen=True, slots=True, eq=False)
class DiffusionStep:
    """The picture after `step` of `steps` steps; `image` uint8 (C, H, W), `spread` its standard deviation in
    grey levels.
    """

    step: int
    steps: int
    image: Tensor
    spread: float


def diffusion(
    image: Tensor, *, steps: int = 200, rate: float = 0.2
) -> Generator[DiffusionStep, dict[str, Any] | None, None]:
    """The heat equation on a picture with insulated edges, one explicit step at a time.

    Args:
        image: uint8 (C, H, W).
        steps: how many.
        rate: share of the difference to each neighbour that flows in a step, above 0 and at most 0.25. Steer
            it by
            sending {"rate": value}.

    Raises:
        ValueError: a picture, number or rate that is none of these.

    Source: the five-point stencil of the heat equation; one step is a convolution with
        [[0, r, 0], [r, 1 − 4r, r], [0, r, 0]] over replicate padding.
    """
    if image.dtype != torch.uint8 or image.ndim != 3:
        raise ValueError(f"wanted a uint8 image (C, H, W), got {image.dtype} {tuple(image.shape)}")
    if steps < 1:
        raise ValueError(f"wanted at least one step, got {steps}")
    heat = image.to(torch.float32)[:, None]
    for step in range(1, steps + 1):
        heat = functional.conv2d(functional.pad(heat, (1, 1, 1, 1), mode="replicate"), _kernel(rate))
        picture = heat[:, 0].round().clamp(0, 255).to(torch.uint8)
        message = yield DiffusionStep(step, steps, picture, heat.std(correction=0).item())
        if message is not None:
            rate = float(message.get("rate", rate))


def _kernel(rate: float) -> Tensor:
    if not 0 < rate <= STABLE_RATE:
        raise ValueError(f"wanted a rate above 0 and at most {STABLE_RATE}, got {rate}")
    return torch.tensor([[0, rate, 0], [rate, 1 - 4 * rate, rate], [0, rate, 0]])[None, None]
