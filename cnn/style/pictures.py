"""Pictures in and out of style transfer: any shape and type in, sizes of the levels, uint8 out."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from cnn.style.errors import StyleError

__all__ = ["as_uint8", "level_sizes", "picture", "resized", "scaled_size", "steps_by_level"]

_LEAST_LEVEL = 64  # px of the shorter side below which a coarser level no longer pays


def picture(image: Tensor) -> Tensor:
    """Any picture as float32 RGB in 0..1 ``(1, 3, H, W)``.

    Args:
        image: uint8 in 0..255 or floating point in 0..1 (clipped to it), ``(C, H, W)`` or ``(1, C, H, W)``,
            C 1 or 3.

    Raises:
        StyleError: not_a_picture, not_finite.
    """
    if not isinstance(image, Tensor):
        raise StyleError("not_a_picture", got=type(image).__name__)
    plain = image.detach()
    if plain.ndim == 4 and plain.shape[0] == 1:
        plain = plain[0]
    allowed = plain.dtype == torch.uint8 or plain.dtype.is_floating_point
    if plain.ndim != 3 or plain.shape[0] not in (1, 3) or plain.numel() == 0 or not allowed:
        raise StyleError("not_a_picture", got=f"{image.dtype} {tuple(image.shape)}")
    values = plain.float() / 255 if plain.dtype == torch.uint8 else plain.float()
    if not bool(torch.isfinite(values).all()):
        raise StyleError("not_finite")
    return values.clamp(0, 1).expand(3, -1, -1)[None].contiguous()


def as_uint8(image: Tensor) -> Tensor:
    """``(1, 3, H, W)`` in 0..1 as uint8 ``(3, H, W)`` on the CPU, rounded."""
    return (image[0].detach().float().clamp(0, 1) * 255).round().to("cpu", torch.uint8)


def scaled_size(height: int, width: int, longer: int | None) -> tuple[int, int]:
    """(height, width) with the longer side `longer`, each at least 1; unchanged for None."""
    if longer is None:
        return height, width
    factor = longer / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """``(1, C, H, W)`` at another size, without aliasing when it shrinks."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    smaller = F.interpolate(image, size=size, mode="bicubic", antialias=True, align_corners=False)
    return smaller.clamp(0, 1)


def matched_area(image: Tensor, area: float) -> tuple[int, int]:
    """The size, in the proportions of `image`, with this many pixels."""
    factor = math.sqrt(area / (image.shape[-2] * image.shape[-1]))
    return max(1, round(image.shape[-2] * factor)), max(1, round(image.shape[-1] * factor))


def level_sizes(height: int, width: int, levels: int | None, minimum: int) -> tuple[tuple[int, int], ...]:
    """Sizes from coarse to fine, each half of the next; fewer than asked for where they would be too small.

    Args:
        levels: None takes as many as the shorter side allows (at least 64 px each), at most 4.
        minimum: the shortest side the network takes.
    """
    least = minimum if levels is not None else max(_LEAST_LEVEL, minimum)
    sizes = [(height, width)]
    while len(sizes) < (levels or 4):
        smaller = (round(height / 2 ** len(sizes)), round(width / 2 ** len(sizes)))
        if min(smaller) < least:
            break
        sizes.append(smaller)
    return tuple(reversed(sizes))


def steps_by_level(steps: int, levels: int) -> tuple[int, ...]:
    """`steps` divided among the levels from coarse to fine, two fifths of them for the finest."""
    if levels == 1:
        return (steps,)
    levels = min(levels, steps)
    finest = max(1, round(0.4 * steps)) if levels > 1 else steps
    rest, coarse = steps - finest, levels - 1
    shares = [rest // coarse + (index < rest % coarse) for index in range(coarse)] if coarse else []
    return (*shares, finest)
