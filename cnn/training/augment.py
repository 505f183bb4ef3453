"""Augmentation of whole batches as tensors, every draw from one generator."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.empty(n).uniform_(low, high, generator=generator)


def _sample(images: Tensor, theta: Tensor, size: int) -> Tensor:
    grid = F.affine_grid(theta, [len(images), images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def random_resized_crop(
    images: Tensor,
    size: int,
    *,
    scale: tuple[float, float],
    generator: torch.Generator,
    ratio: float = 4 / 3,
    degrees: float = 0.0,
    flip: bool = True,
) -> Tensor:
    """A random window of each picture, turned, mirrored half the time and scaled to `size`.

    Shapes: float `(N, C, H, W)` → `(N, C, size, size)`. `scale` is the window's share of the area.
    """
    n = len(images)
    area = _uniform(n, *scale, generator)
    aspect = _uniform(n, -math.log(ratio), math.log(ratio), generator).exp()
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    shift_x = (1 - width) * _uniform(n, -1, 1, generator)
    shift_y = (1 - height) * _uniform(n, -1, 1, generator)
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if flip else torch.ones(n)
    angle = _uniform(n, -degrees, degrees, generator) * math.pi / 180
    cos, sin = angle.cos(), angle.sin()
    rows = [
        torch.stack([mirror * width * cos, -height * sin, shift_x], 1),
        torch.stack([mirror * width * sin, height * cos, shift_y], 1),
    ]
    return _sample(images, torch.stack(rows, 1), size)


def random_affine(
    images: Tensor, *, degrees: float, shift: float, zoom: float, shear: float, generator: torch.Generator
) -> Tensor:
    """Each picture turned, sheared, zoomed by 1 ± `zoom` and moved by up to `shift` of its side; zeros come
    in.

    Shapes: float `(N, C, S, S)` → the same.
    """
    n = len(images)
    angle = _uniform(n, -degrees, degrees, generator) * math.pi / 180
    factor = 1 + _uniform(n, -zoom, zoom, generator)
    slant = _uniform(n, -shear, shear, generator)
    cos, sin = angle.cos() / factor, angle.sin() / factor
    shift_x, shift_y = (
        _uniform(n, -2 * shift, 2 * shift, generator),
        _uniform(n, -2 * shift, 2 * shift, generator),
    )
    rows = [
        torch.stack([cos, slant * cos - sin, shift_x], 1),
        torch.stack([sin, slant * sin + cos, shift_y], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def colour_jitter(images: Tensor, strength: float, *, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation of each picture changed by factors 1 ± `strength`; range 0..1
    kept.
    """
    n = len(images)
    brightness, contrast, saturation = (
        (1 + _uniform(n, -strength, strength, generator)).view(n, 1, 1, 1) for _ in range(3)
    )
    images = images * brightness
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + contrast * (images - middle)
    if images.shape[1] == 3:
        gray = images.mean(1, keepdim=True)
        images = gray + saturation * (images - gray)
    return images.clamp_(0, 1)


def random_erase(images: Tensor, share: float, *, generator: torch.Generator) -> Tensor:
    """In half of the pictures one rectangle of up to `share` of each side is set to the picture's mean
    (cutout).
    """
    n, _, height, width = images.shape
    half_h, half_w = _uniform(n, 0.05, share / 2, generator), _uniform(n, 0.05, share / 2, generator)
    row, column = torch.rand(n, generator=generator), torch.rand(n, generator=generator)
    chosen = torch.rand(n, generator=generator) < 0.5
    y, x = torch.linspace(0, 1, height), torch.linspace(0, 1, width)
    inside_y = (y[None] - row[:, None]).abs() < half_h[:, None]
    inside_x = (x[None] - column[:, None]).abs() < half_w[:, None]
    inside = (inside_y[:, :, None] & inside_x[:, None] & chosen[:, None, None])[:, None]
    return torch.where(inside, images.mean((2, 3), keepdim=True), images)


def mixup(
    images: Tensor, targets: Tensor, alpha: float, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Each picture and its target distribution `(N, K)` blended with those of another of the batch.

    Source: Zhang et al. 2017, "mixup"; the share is drawn per picture from a symmetric law on [0, 1].
    """
    order = torch.randperm(len(images), generator=generator)
    share = alpha * 0.5 * torch.rand(len(images), generator=generator)
    keep = 1 - share
    mixed = images * keep.view(-1, 1, 1, 1) + images[order] * share.view(-1, 1, 1, 1)
    return mixed, targets * keep[:, None] + targets[order] * share[:, None]
