"""Inside a U-Net: the maps of both arms, what the skips carry, and the result without them (curriculum
S2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.checks import expect_integer
from cnn.hooks import captured, evaluating, locked
from cnn.models.unet import UNet
from cnn.segmentation.scores import MaskScores, mask_scores

__all__ = ["Level", "SkipResult", "UNetMaps", "skip_results", "unet_maps"]

MOST_PIXELS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One rung of the U.

    Attributes:
        depth: 0 at the full size. carried: (C, H, W), what the contracting arm made and the skip carries
        across.
        raised: (C, H, W), what comes up from below by the transposed convolution.
        merged: (C, H, W), the expanding arm's maps made of both. skip: whether the skip was on.
    """

    depth: int
    carried: Tensor
    raised: Tensor
    merged: Tensor
    skip: bool


@dataclass(frozen=True, slots=True, eq=False)
class UNetMaps:
    """Every map of the U: `levels` from the full size down, `bottom` (C, h, w), `logits` (K, H, W)."""

    levels: tuple[Level, ...]
    bottom: Tensor
    logits: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class SkipResult:
    """The result with some skips off.

    Attributes:
        skips: one switch a level, from the full size down.
        labels: (H, W) uint8. changed: share of the pixels whose class differs from the result with all skips.
        scores: against the mask, None without one.
    """

    skips: tuple[bool, ...]
    labels: Tensor
    changed: float
    scores: MaskScores | None


def unet_maps(model: UNet, x: Tensor, skips: Sequence[bool] | None = None) -> UNetMaps:
    """The maps of one pass.

    Args:
        model: used under its lock, not changed. x: (1, C, H, W) normalised, at most 4 megapixels.
        skips: one switch a level, from the full size down; all on if None.

    Raises:
        ValueError: another shape or number of switches.
    """
    switches = _switches(model, x, skips)
    count = len(model.down)
    names = [f"{arm}.{depth}" for arm in ("down", "up", "merge") for depth in range(count)]
    with (
        locked(model),
        evaluating(model),
        captured(model, [*names, "bottom"]) as maps,
        torch.inference_mode(),
    ):
        logits = model.with_skips(x, switches)[0]
    levels = tuple(
        Level(
            depth=depth,
            carried=maps[f"down.{depth}"][0],
            raised=maps[f"up.{depth}"][0],
            merged=maps[f"merge.{depth}"][0],
            skip=switches[depth],
        )
        for depth in range(count)
    )
    return UNetMaps(levels, maps["bottom"][0], logits)


def skip_results(model: UNet, x: Tensor, mask: Tensor | None = None) -> tuple[SkipResult, ...]:
    """The result with all skips, with each one off by itself, and with none; in this order.

    Args:
        x: as `unet_maps`. mask: (H, W) whole numbers, 255 where it does not count.

    Raises:
        ValueError: as `unet_maps`; a mask of another size.
    """
    count = len(_switches(model, x, None))
    every = (True,) * count
    single = [tuple(other != depth for other in range(count)) for depth in range(count)]
    choices = [every, *single, (False,) * count]
    results: list[SkipResult] = []
    height, width = x.shape[-2:]
    with locked(model), evaluating(model), torch.inference_mode():
        carried, bottom = model.encoded(x)  # the same whatever the switches
    for skips in dict.fromkeys(choices):
        with locked(model), evaluating(model), torch.inference_mode():
            logits = model.decoded(carried, bottom, skips)[0, :, :height, :width].float()
        labels = logits.argmax(0).to(torch.uint8).cpu()
        whole = results[0].labels if results else labels
        scores = None if mask is None else mask_scores(labels, mask, len(logits))
        changed = float((labels != whole).float().mean())
        results.append(SkipResult(skips, labels, changed, scores))
    return tuple(results)


def _switches(model: UNet, x: Tensor, skips: Sequence[bool] | None) -> tuple[bool, ...]:
    if x.ndim != 4 or x.shape[0] != 1 or not 0 < x.shape[2] * x.shape[3] <= MOST_PIXELS:
        raise ValueError(f"wanted (1, C, H, W) of at most {MOST_PIXELS} pixels, got {tuple(x.shape)}")
    count = expect_integer(len(model.down), "levels", minimum=1)
    switches = (True,) * count if skips is None else tuple(bool(skip) for skip in skips)
    if len(switches) != count:
        raise ValueError(f"wanted {count} switches, one a level, got {len(switches)}")
    return switches
