"""A transposed convolution that learns to make a small picture large again, as a quadratic in its weights.

Its filter of 4·factor a side looks at 4 × 4 small pixels for each large one, as bicubic interpolation does: nearest,
bilinear and bicubic are among the filters that can be learned, so the best one is at least as good as any of them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from cnn.checks import ShapeError, expect_image, expect_integer
from cnn.convolution.transposed_convolution import UPSAMPLINGS, upsampled

__all__ = ["REACH", "UpsamplingTrace", "enlarged", "learned_upsampling_trace", "reduced"]

REACH = 4
MARGIN = 2
MOMENTUM = 0.95
LARGEST_FACTOR = 4


@dataclass(frozen=True, slots=True, eq=False)
class UpsamplingTrace:
    """What was learned.

    Attributes:
        goal: float32 ``(C, H, W)`` in 0..1, the picture; `small` the same made smaller by averaging.
        weights: float64 ``(steps + 1, k, k)``, k = 4·factor, before the first and after every step.
        errors: mean squared difference from the picture, by step; `fixed`: those of `UPSAMPLINGS`.
        rate: the learning rate of the mean squared difference that was used.
    """

    goal: Tensor
    small: Tensor
    weights: Tensor
    errors: tuple[float, ...]
    fixed: dict[str, float]
    rate: float


def reduced(image: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """The picture in 0..1, its sides cut to multiples of `factor`, and the same `factor` times smaller by averaging.

    Raises:
        ValueError: a factor outside 2..4; ShapeError: a picture below 4·factor a side.
    """
    if not 2 <= expect_integer(factor, "factor", minimum=2) <= LARGEST_FACTOR:
        raise ValueError(f"expected factor from 2 to {LARGEST_FACTOR}, got {factor}")
    picture = expect_image(image)
    picture = picture.float() / 255 if picture.dtype == torch.uint8 else picture.float()
    height, width = (side // factor * factor for side in picture.shape[-2:])
    if min(height, width) < REACH * factor:
        message = f"expected sides of at least {REACH * factor}, got {tuple(picture.shape[-2:])}"
        raise ShapeError(message, "image_too_small", minimum=REACH * factor)
    goal = picture[:, :height, :width].contiguous()
    return goal, F.avg_pool2d(goal[None], factor)[0]


def enlarged(small: Tensor, weight: Tensor, factor: int) -> Tensor:
    """``(C, h, w)`` by a transposed convolution with ``(4·factor, 4·factor)``: ``(C, h·factor, w·factor)``.

    Two pixels are added on every side, repeating the border, and what hangs over is cut off.
    """
    padded = F.pad(small[:, None].to(weight.dtype), (MARGIN,) * 4, mode="replicate")
    large = F.conv_transpose2d(padded, weight[None, None], stride=factor)[:, 0]
    cut = cut_of(factor)
    return large[:, cut : cut + small.shape[1] * factor, cut : cut + small.shape[2] * factor]


def cut_of(factor: int) -> int:
    """Rows and columns that are cut off before the first of the picture."""
    return MARGIN * factor + (3 * factor + 1) // 2


def learned_upsampling_trace(
    image: Tensor, *, factor: int = 2, steps: int = 300, seed: int = 0
) -> UpsamplingTrace:
    """Learn the filter by gradient descent with Nesterov's momentum on the mean squared difference, from random weights.

    Args:
        image: ``(C, H, W)`` or ``(H, W)``, uint8 or in 0..1.

    Raises:
        ValueError, ShapeError: as `reduced`, or a number not positive.
    """
    expect_integer(steps, "steps", minimum=1)
    goal, small = reduced(image, factor)
    matrix, right, places = _quadratic(goal, small, factor)
    constant = float(goal.double().pow(2).mean())
    side = REACH * factor
    drawn = 0.1 * torch.randn(side, side, generator=torch.Generator().manual_seed(seed))
    weight = drawn.double().flatten()[places]
    rate = 0.5 / max(float(torch.linalg.eigvalsh(matrix)[:, -1].max()), 1e-12)
    speed = torch.zeros_like(weight)
    weights, errors = [], []
    for step in range(steps + 1):
        product = torch.einsum("pij,pj->pi", matrix, weight)
        errors.append(max(0.0, float((weight * (product - 2 * right)).sum()) + constant))
        weights.append(
            torch.empty(side * side, dtype=torch.float64).scatter_(0, places.flatten(), weight.flatten())
        )
        if step < steps:
            slope = 2 * (product - right)
            speed = MOMENTUM * speed + slope
            weight = weight - rate * (
                slope + MOMENTUM * speed
            )  # Nesterov's: plain momentum overshoots, the picture flickers
    fixed = {way: float((upsampled(small, factor, way) - goal).pow(2).mean()) for way in UPSAMPLINGS}
    return UpsamplingTrace(goal, small, torch.stack(weights).view(-1, side, side), tuple(errors), fixed, rate)


def _quadratic(goal: Tensor, small: Tensor, factor: int) -> tuple[Tensor, Tensor, Tensor]:
    """The loss's matrix (P, 16, 16) and right side (P, 16) for each of the P = factor² phases, and their weights' places.

    A large pixel meets 16 of the weights only, the same ones for every pixel of its phase (row and column modulo the
    factor): the phases do not know of one another.
    """
    padded = F.pad(small[None], (MARGIN,) * 4, mode="replicate")[0].double()
    height, width = small.shape[1:]
    side, first, count = REACH * factor, (3 * factor + 1) // 2, goal.numel()
    matrices, rights, places = [], [], []
    for down in range(factor):
        for right in range(factor):
            parts, listed = [], []
            for a in range(REACH):
                for b in range(REACH):
                    (row, top), (column, left) = (
                        ((at + first) % factor + factor * step, (at + first) // factor - step + MARGIN)
                        for at, step in ((down, a), (right, b))
                    )
                    parts.append(padded[:, top : top + height, left : left + width].flatten())
                    listed.append(row * side + column)
            design = torch.stack(parts)
            wanted = goal[:, down::factor, right::factor].double().flatten()
            matrices.append(design @ design.T / count)
            rights.append(design @ wanted / count)
            places.append(listed)
    return torch.stack(matrices), torch.stack(rights), torch.tensor(places)
