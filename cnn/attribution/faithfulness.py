"""Whether a heat map is right: the score as the pixels it names are taken away, or put in, first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.hooks import evaluating, locked


@dataclass(frozen=True, slots=True)
class FaithfulnessStep:
    """Probability of the class with a share of the pixels changed, the hottest first.

    Attributes:
        fraction: share of the pixels changed.
        deletion: probability with these pixels covered.
        insertion: probability of the blurred picture with these pixels put in.
        deletion_area, insertion_area: under the curves so far; at the end, low and high are good.
    """

    fraction: float
    deletion: float
    insertion: float
    deletion_area: float
    insertion_area: float


def faithfulness_steps(
    model: nn.Module,
    image: Tensor,
    heat: Tensor,
    target: int,
    *,
    steps: int = 20,
    fill: float = 0.0,
    blur: int = 23,
) -> Iterator[FaithfulnessStep]:
    """Deletion and insertion curves of a heat map, point by point.

    Args:
        model: with outputs (N, K).
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        heat: (H, W); larger means more important. Equal values go in reading order.
        target: the class.
        steps: points after the first.
        fill: what covers deleted pixels, in the network's units.
        blur: odd side of the mean filter that makes the picture which insertion starts from.

    Raises:
        ValueError: a heat map of another size, or with numbers that are not finite.
    Source: Petsiuk, Das, Saenko 2018, "RISE".
    """
    images = (image if image.ndim == 4 else image[None]).detach()
    if heat.shape != images.shape[-2:] or not bool(torch.isfinite(heat).all()):
        raise ValueError(f"wanted a finite heat map of {tuple(images.shape[-2:])}, got {tuple(heat.shape)}")
    order = heat.flatten().argsort(descending=True, stable=True)
    blurred = F.avg_pool2d(images, blur, 1, blur // 2, count_include_pad=False)
    covered = torch.full_like(images, fill)
    areas = [0.0, 0.0]
    before: tuple[float, float, float] | None = None
    for step in range(steps + 1):
        count = round(step * len(order) / steps)
        mask = torch.zeros(len(order), dtype=torch.bool, device=images.device)
        mask[order[:count].to(images.device)] = True
        mask = mask.view(heat.shape)
        pair = torch.cat([torch.where(mask, covered, images), torch.where(mask, images, blurred)])
        with locked(model), evaluating(model), torch.no_grad():
            deletion, insertion = model(pair).softmax(dim=1)[:, target].tolist()
        fraction = count / len(order)
        if before is not None:
            width = fraction - before[0]
            areas[0] += width * (deletion + before[1]) / 2
            areas[1] += width * (insertion + before[2]) / 2
        before = fraction, deletion, insertion
        yield FaithfulnessStep(fraction, deletion, insertion, areas[0], areas[1])
