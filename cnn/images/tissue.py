"""Tissue as an electron microscope shows it, drawn by code: gray cells, dark membranes, and the mask that is true."""

from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["TISSUE_ID", "tissue", "tissue_mask"]

TISSUE_ID = "tissue"
_SIDE = 512
_CELLS = 64
_WALL = 3.4  # pixels: half of a membrane's thickness
_BODIES = 40
_DARK, _BODY = 58.0, 84.0


def tissue() -> Tensor:
    """The picture, uint8 (1, 512, 512): membranes are dark; so are the bodies inside the cells, which are no membrane."""
    return _drawn()[0].clone()


def tissue_mask() -> Tensor:
    """The class of every pixel of it, uint8 (512, 512): 0 membrane, 1 cell."""
    return _drawn()[1].clone()


@lru_cache(maxsize=1)
def _drawn() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    line = torch.arange(_SIDE) + 0.5
    y, x = torch.meshgrid(line, line, indexing="ij")
    bent_x, bent_y = x + 7 * _waves(x, y, generator), y + 7 * _waves(x, y, generator)
    seeds = _spread_seeds(generator)
    cell, from_border = _cells(torch.stack([bent_x, bent_y]), seeds)
    tone = (torch.rand(_CELLS, generator=generator) * 36 + 168)[cell]
    tone = tone + 8 * _waves(x, y, generator)
    for _ in range(_BODIES):
        inside = _body(x, y, generator) * (from_border > _WALL + 5)
        tone = tone * (1 - inside) + _BODY * inside
    light = (0.5 + (from_border - _WALL) / 2.4).clamp(0, 1)
    noise = torch.nn.functional.avg_pool2d(torch.randn(1, 1, _SIDE, _SIDE, generator=generator), 3, 1, 1)[
        0, 0
    ]
    grain = torch.randn(_SIDE, _SIDE, generator=generator)
    values = light * tone + (1 - light) * _DARK + 32 * noise + 5 * grain
    return values.clamp(0, 255).round().to(torch.uint8)[None], (from_border >= _WALL).to(torch.uint8)


def _cells(places: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest seed of every place (2, H, W), and the distance to the border between it and the second nearest."""
    first = torch.full(places.shape[1:], torch.inf)
    second, own = first.clone(), torch.zeros(places.shape[1:], dtype=torch.int64)
    other = own.clone()
    for index, seed in enumerate(seeds):
        square = ((places - seed[:, None, None]) ** 2).sum(0)
        best, next_best = square < first, (square >= first) & (square < second)
        other = torch.where(best, own, other).masked_fill_(next_best, index)
        second = torch.where(best, first, torch.minimum(second, square))
        own = own.masked_fill(best, index)
        first = torch.minimum(first, square)
    return own, (second - first) / (2 * (seeds[own] - seeds[other]).norm(dim=-1))


def _spread_seeds(generator: torch.Generator) -> Tensor:
    """(_CELLS, 2) places, each the one of a dozen drawn that lies farthest from those before it."""
    places = torch.rand(1, 2, generator=generator) * _SIDE
    while len(places) < _CELLS:
        drawn = torch.rand(5, 2, generator=generator) * _SIDE
        far = torch.cdist(drawn, places).amin(1)
        places = torch.cat([places, drawn[far.argmax()][None]])
    return places


def _waves(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """A smooth random field of about unit size."""
    numbers = torch.rand(5, 3, generator=generator)
    rates, shifts = (numbers[:, :2] - 0.5) * 0.09, numbers[:, 2] * 6.283
    field = torch.zeros_like(x)
    for rate, shift in zip(rates, shifts, strict=True):
        field += torch.sin(rate[0] * x + rate[1] * y + shift)
    return field / 5**0.5


def _body(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """A soft-edged ellipse somewhere, 0..1."""
    numbers = torch.rand(5, generator=generator)
    turn, long, wide = numbers[2] * 3.1416, numbers[3] * 13 + 8, numbers[4] * 5 + 5
    right, down = x - numbers[0] * _SIDE, y - numbers[1] * _SIDE
    along, across = right * turn.cos() + down * turn.sin(), down * turn.cos() - right * turn.sin()
    return ((1 - (along / long) ** 2 - (across / wide) ** 2) * 4).clamp(0, 1)
