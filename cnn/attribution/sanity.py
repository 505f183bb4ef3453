"""Whether a heat map depends on what the network learned: the same map with shuffled weights, and how alike they are."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

_LARGE = 2_000_000


def shuffled_weights(model: nn.Module, *, seed: int = 0) -> nn.Module:
    """A copy of the network whose every parameter has its own numbers in another order; buffers stay.

    What was learned is gone, how large the numbers are is not, so signals stay in their range. Of very large parameters
    only whole rows and columns change places, which is much faster.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps" (weights drawn anew there).
    """
    copied = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.copy_(_shuffled(parameter.detach(), generator))
    return copied.train(model.training)


def _shuffled(values: Tensor, generator: torch.Generator) -> Tensor:
    if values.numel() <= _LARGE or values.ndim < 2:
        order = torch.randperm(values.numel(), generator=generator).to(values.device)
        return values.flatten()[order].view_as(values)
    rows, columns = (
        torch.randperm(n, generator=generator).to(values.device) for n in values.flatten(1).shape
    )
    return values.flatten(1)[rows][:, columns].view_as(values)


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's correlation of two maps of one size: 1 where they rank all pixels alike; 0 where one is constant.

    Raises:
        ValueError: sizes differ, or a number is not finite.
    """
    if one.shape != other.shape or not bool((torch.isfinite(one) & torch.isfinite(other)).all()):
        raise ValueError(
            f"wanted two finite maps of one size, got {tuple(one.shape)} and {tuple(other.shape)}"
        )
    first, second = (_ranks(values.flatten().double()) for values in (one, other))
    first, second = first - first.mean(), second - second.mean()
    scale = float(first.norm() * second.norm())
    return float(first @ second) / scale if scale > 0 else 0.0


def _ranks(values: Tensor) -> Tensor:
    """Each value's place in order; equal ones share the mean of their places."""
    _, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    return (ends - (counts.double() - 1) / 2)[inverse]
