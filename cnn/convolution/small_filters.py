"""Filters with whole-number weights, for pictures of the arithmetic itself: sums of them are exact."""

import torch
from torch import Tensor

from cnn.checks import expect_choice, expect_integer
from cnn.convolution.filters import filter_weight

__all__ = ["SMALL_FILTERS", "small_weight"]

SMALL_FILTERS = ("numbered", "sobel_x", "laplacian", "gaussian", "box", "random")


def small_weight(name: str, kernel_size: int, *, seed: int = 0) -> Tensor:
    """Whole-number weights, int64 ``(kernel_size, kernel_size)``.

    Args:
        name: of `SMALL_FILTERS`: 1, 2, 3 … in reading order; Sobel; the middle's count against all others; Pascal's
            triangle both ways; ones; or from −3 to 3 by `seed`.
        kernel_size: from 1 to 7.

    Raises:
        ValueError: another name or size.
    """
    expect_choice(name, SMALL_FILTERS, "name")
    if not 1 <= expect_integer(kernel_size, "kernel_size", minimum=1) <= 7:
        raise ValueError(f"expected kernel_size from 1 to 7, got {kernel_size}")
    side = kernel_size
    if name == "numbered":
        return torch.arange(1, side * side + 1).view(side, side)
    if name == "random":
        return torch.randint(-3, 4, (side, side), generator=torch.Generator().manual_seed(seed))
    row = torch.ones(1, dtype=torch.int64)
    for _ in range(side - 1):
        row = torch.nn.functional.pad(row, (0, 1)) + torch.nn.functional.pad(row, (1, 0))
    if name == "gaussian":
        return row[:, None] * row[None]
    weight = torch.ones(side, side, dtype=torch.int64)
    if name == "laplacian":
        weight = -weight
        weight[(side - 1) // 2, (side - 1) // 2] += side * side
    if name == "sobel_x" and side > 1:
        weight = filter_weight(name, kernel_size=side).round().long()
    return weight
