"""Attribution that runs the network many times, as a map that is there after the first run and gets better with each:
integrated gradients, SmoothGrad and occlusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from cnn.attribution.evidence import (
    Attribution,
    as_batch,
    class_gradients,
    class_of,
    class_scores,
    column_of,
    evidence,
)


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """The map after `done` of `total` runs of the network.

    Attributes:
        done, total: points of the way, noisy copies, or squares.
        heat: (H, W), finite; the mean over what is done, or 0 where no square has been yet.
        signed: whether negative numbers mean evidence against the class.
        result: the map itself on the last estimate, else None.
    """

    done: int
    total: int
    heat: Tensor
    signed: bool
    result: Attribution | None


def integrated_gradient_steps(
    model: nn.Module,
    image: Tensor,
    target: int | None = None,
    *,
    baseline: Tensor | None = None,
    steps: int = 32,
) -> Iterator[Estimate]:
    """Integrated gradients by Gauss-Legendre quadrature, its points taken from all over the way from the beginning.

    Every estimate is the weighted mean over the points so far, times the way; the last is the rule itself.

    Args:
        model: with outputs (N, K); in evaluation mode for the time of each run.
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        target: the class; None takes the most probable one.
        baseline: (C, H, W), the picture of nothing; zeros when None.
        steps: points on the way, one in each run: batches gain little on a CPU, and make one wait.

    Raises:
        ValueError: no step. IndexError: no such class.
    Source: Sundararajan 2017, "Axiomatic attribution for deep networks".
    """
    if steps < 1:
        raise ValueError(f"wanted at least 1 step, got {steps}")
    images = as_batch(image)
    nothing = torch.zeros_like(images) if baseline is None else baseline.reshape(images.shape).detach()
    chosen = class_of(model, images, target)
    nodes, weights = np.polynomial.legendre.leggauss(steps)  # on −1..1; the way is 0..1
    total, weight = torch.zeros_like(images[0]), 0.0
    way = images - nothing
    for done, point in enumerate(spread_order(steps), start=1):
        share = float(weights[point]) / 2
        place = (1 + float(nodes[point])) / 2
        total += share * class_gradients(model, nothing + place * way, chosen)[0]
        weight += share
        if done < steps:
            found = evidence("integrated_gradients", chosen, way[0] * total / weight, True)
            yield Estimate(done, steps, found.heat, True, None)
    values = way[0] * total
    ends = column_of(class_scores(model, torch.cat([images, nothing])), chosen)
    gap = float((values.sum() - (ends[0] - ends[1])).abs())
    result = evidence("integrated_gradients", chosen, values, True, gap)
    yield Estimate(steps, steps, result.heat, True, result)


def smooth_grad_steps(
    model: nn.Module, image: Tensor, target: int | None = None, *, samples: int = 32, seed: int = 0
) -> Iterator[Estimate]:
    """SmoothGrad: the mean size of the gradient over noisy copies, copy by copy.

    The noise is normal, its standard deviation 0.15 of the picture's range.

    Args:
        model, image, target: as for :func:`integrated_gradient_steps`.
        samples: noisy copies.
        seed: of the noise.

    Raises:
        ValueError: no sample. IndexError: no such class.
    Source: Smilkov 2017, "SmoothGrad".
    """
    if samples < 1:
        raise ValueError(f"wanted at least 1 sample, got {samples}")
    images = as_batch(image)
    chosen = class_of(model, images, target)
    generator = torch.Generator().manual_seed(seed)
    spread = 0.15 * float(images.max() - images.min())
    total = torch.zeros_like(images[0])
    for done in range(1, samples + 1):
        noise = torch.randn(images.shape, generator=generator).to(images) * spread
        total += class_gradients(model, images + noise, chosen)[0].abs()
        found = evidence("smooth_grad", chosen, total / done, False)
        yield Estimate(done, samples, found.heat, False, found if done == samples else None)


def occlusion_steps(
    model: nn.Module,
    image: Tensor,
    target: int | None = None,
    *,
    window: int = 32,
    stride: int = 16,
    fill: float = 0.0,
    batch_size: int = 4,
) -> Iterator[Estimate]:
    """How much the score of a class falls when a square of the picture is covered, square by square.

    Each pixel's value is the mean fall over the squares that cover it. Squares side by side come first, so that a coarse
    map of the whole picture is there early; those between them refine it.

    Args:
        model: with outputs (N, K).
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        target: the class; None takes the most probable one.
        window, stride: side of the square and its step, in pixels.
        fill: what covers, in the network's units (0 is the mean colour).
        batch_size: squares in one run.

    Raises:
        ValueError: a window or stride below 1. IndexError: no such class.
    Source: Zeiler, Fergus 2014, "Visualizing and understanding convolutional networks".
    """
    if min(window, stride, batch_size) < 1:
        raise ValueError(
            f"wanted a window, stride and batch of at least 1, got {window}, {stride}, {batch_size}"
        )
    images = as_batch(image)
    height, width = images.shape[-2:]
    scores = class_scores(model, images)
    chosen = int(scores[0].argmax()) if target is None else target
    whole = column_of(scores, chosen)[0]
    corners = _corners(height, width, window, stride)
    total, count = torch.zeros(height, width), torch.zeros(height, width)
    for begin in range(0, len(corners), batch_size):
        group = corners[begin : begin + batch_size]
        covered = images.repeat(len(group), 1, 1, 1)
        for place, (top, left) in enumerate(group):
            covered[place, :, top : top + window, left : left + window] = fill
        falls = (whole - class_scores(model, covered)[:, chosen]).cpu()
        for (top, left), fall in zip(group, falls, strict=True):
            total[top : top + window, left : left + window] += fall
            count[top : top + window, left : left + window] += 1
        done = begin + len(group)
        found = evidence("occlusion", chosen, (total / count.clamp(min=1))[None], True)
        yield Estimate(done, len(corners), found.heat, True, found if done == len(corners) else None)


def spread_order(count: int) -> list[int]:
    """Return 0..count − 1 in an order whose every beginning is spread evenly: the middle, the quarters, the eighths …

    Source: van der Corput 1935.
    """
    digits = max(count - 1, 1).bit_length()
    turned = (int(f"{place:0{digits}b}"[::-1], 2) for place in range(1, 1 << digits))
    order = list(dict.fromkeys(place * count >> digits for place in turned))
    return [*order, *(place for place in range(count) if place not in order)]


def _corners(height: int, width: int, window: int, stride: int) -> list[tuple[int, int]]:
    """Where the squares begin: those that lie side by side in reading order, then those between them."""
    apart = max(window // stride, 1)
    places = [
        (row % apart + column % apart, row % apart, top, left)
        for row, top in enumerate(_starts(height, window, stride))
        for column, left in enumerate(_starts(width, window, stride))
    ]
    return [(top, left) for _, _, top, left in sorted(places)]


def _starts(length: int, window: int, stride: int) -> list[int]:
    """Where the squares begin, so that the last one reaches the edge."""
    starts = list(range(0, max(length - window, 0) + 1, stride))
    return starts if starts[-1] + window >= length else [*starts, starts[-1] + stride]
