"""Strength and direction of edges from a pair of filters, in one pass over large pictures (curriculum C4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.checks import expect_choice, expect_image
from cnn.convolution.buffers import float_maps
from cnn.convolution.convolution import convolve
from cnn.convolution.correlation import LARGE
from cnn.convolution.filters import PAIRS, pair_weights
from cnn.convolution.rows import border_strips, interior, run_rows, strip_positions, warming
from cnn.padding import PADDING_MODES, padded_region

__all__ = ["Gradient", "gradient"]


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """magnitude: (C, H, W) float32, √(x² + y²) of the two filters' answers.

    direction: (C, H, W) float32 in degrees, −180 to 180, the angle by which to turn the pair's first
    filter, clockwise, for it to answer most; 0 where there is no edge; None if it was not asked for.
    """

    magnitude: Tensor
    direction: Tensor | None


def gradient(
    image: Tensor,
    pair: str = "sobel",
    *,
    kernel_size: int = 3,
    padding_mode: str = "reflect",
    direction: bool = True,
) -> Gradient:
    """Edge strength, and direction if asked for, of each channel of `image`, (C, H, W) or (H, W), at its
    own size.

    pair: one of filters.PAIRS. The border is reflected unless told otherwise, so that it makes no edge of
    its own (OpenCV's default too). Without the direction, a 3×3 pair takes about the time of one filter.

    Raises: TypeError, ValueError.
    """
    image = expect_image(image)
    expect_choice(pair, PAIRS, "pair")
    expect_choice(padding_mode, PADDING_MODES, "padding_mode")
    across, down = pair_weights(pair, kernel_size)
    quick = (
        image.device.type == "cpu" and image.dtype in (torch.uint8, torch.float32) and not image.requires_grad
    )
    if quick and not direction and kernel_size == 3 and image[0].numel() >= LARGE and not warming():
        return Gradient(_large_magnitude(image, torch.stack([across, down]), padding_mode), None)
    x, y = (
        convolve(image, weight, padding="same", padding_mode=padding_mode, groups=image.shape[0]).output
        for weight in (across, down)
    )
    angle = torch.rad2deg(torch.atan2(y + 0.0, x + 0.0)) if direction else None  # −0 has another angle than 0
    return Gradient(torch.sqrt(x * x + y * y), angle)


def _large_magnitude(image: Tensor, weights: Tensor, padding_mode: str) -> Tensor:
    from cnn.convolution.kernels import edge_magnitude

    channels, height, width = image.shape
    sides, unit = (1, 1, 1, 1), (1, 1)
    taps = weights.numpy()
    maps = float_maps((channels, height, width))
    inner = interior((height, width), (height, width), (3, 3), unit, sides, unit)
    top, bottom, left, right = inner
    for c in range(channels):
        plane = image[c].contiguous()

        def work(first: int, last: int, plane: Tensor = plane, target: int = c) -> None:
            edge_magnitude(plane.numpy(), taps, maps[target], top, left, right - left, first, last)

        if bottom:
            run_rows(work, top, bottom, (bottom - top) * (right - left) * taps.size)
        for strip in border_strips((height, width), inner):
            rows, columns = strip_positions(strip, (3, 3), unit, sides, unit)
            block = padded_region(plane[None], rows, columns, padding_mode)[0].contiguous()
            edge_magnitude(
                block.numpy(), taps, maps[c], strip[0], strip[2], strip[3] - strip[2], strip[0], strip[1]
            )
    return torch.from_numpy(maps)
