"""Pictures whose content is known exactly: edges, waves and shapes, made by code.

Every function returns uint8 (1, H, W) or, for `shapes` and `gradient`, (3, H, W). Pixel (row, column) has its
centre at (row + 0.5, column + 0.5).
"""

import math

import torch
from torch import Tensor

__all__ = [
    "checkerboard",
    "chirp",
    "dots",
    "gradient",
    "grating",
    "shapes",
    "siemens_star",
    "step_edge",
    "zone_plate",
]

_SIDE = 256


def step_edge(left: int, right: int, size: int = _SIDE, angle: float = 0.0) -> Tensor:
    """Two flat halves with the values `left` and `right` (0..255), parted by an edge through the middle.

    Args:
        angle: degrees by which the vertical edge is turned, counter-clockwise; at 90 `left` is below.
    """
    x, y = _centred(size)
    turn = math.radians(angle)
    beyond = x * math.cos(turn) - y * math.sin(turn) > 0
    return torch.where(beyond, right, left).to(torch.uint8)[None]


def grating(angle: float = 0.0, cycles: float = 8.0, size: int = _SIDE) -> Tensor:
    """Sine wave, `cycles` periods to a side: vertical stripes turned by `angle` degrees anti-clockwise."""
    x, y = _centred(size)
    turn = math.radians(angle)
    across = (x * math.cos(turn) - y * math.sin(turn)) / size
    return _wave(torch.sin(2 * math.pi * cycles * across))


def chirp(first_cycles: float = 1.0, last_cycles: float = 64.0, size: int = _SIDE) -> Tensor:
    """Vertical stripes that get finer: the rate, in periods per side, grows evenly from left to right."""
    t = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    phase = first_cycles * t + (last_cycles - first_cycles) * t * t / 2
    return _wave(torch.cos(2 * math.pi * phase)).repeat(1, size, 1)


def zone_plate(size: int = _SIDE) -> Tensor:
    """Rings that get finer outwards, to half a period per pixel at the middle of each side."""
    x, y = _centred(size)
    return _wave(torch.cos(math.pi * (x * x + y * y) / size))


def checkerboard(squares: int = 8, size: int = _SIDE) -> Tensor:
    """Black and white squares, `squares` to a side, white at the top left."""
    index = torch.arange(size) * squares // size
    return (255 * (1 - (index[:, None] + index[None, :]) % 2)).to(torch.uint8)[None]


def siemens_star(spokes: int = 24, size: int = _SIDE) -> Tensor:
    """`spokes` white sectors on black, meeting in the middle."""
    x, y = _centred(size)
    sector = torch.floor(torch.atan2(-y, x) / math.pi * spokes)
    star = (sector.remainder(2) == 0) & (x * x + y * y < (0.48 * size) ** 2)
    return (255 * star).to(torch.uint8)[None]


def dots(spacing: int = 32, radius: float = 3.0, size: int = _SIDE) -> Tensor:
    """White discs on black, one in the middle of every `spacing` x `spacing` square."""
    position = torch.arange(size) % spacing + 0.5 - spacing / 2
    inside = position[:, None] ** 2 + position[None, :] ** 2 <= radius**2
    return (255 * inside).to(torch.uint8)[None]


def gradient(size: int = _SIDE) -> Tensor:
    """Red grows from left to right, green from top to bottom, blue from the one corner to the other."""
    ramp = torch.linspace(0, 255, size, dtype=torch.float64)
    red, green = ramp.expand(size, size), ramp[:, None].expand(size, size)
    return torch.stack([red, green, 255 - (red + green) / 2]).round().to(torch.uint8)


def shapes(size: int = _SIDE) -> Tensor:
    """A red disc, a green square, a blue triangle and a yellow ring on gray, one in each quarter."""
    x, y = _centred(size)
    x, y = 4 * x / size, 4 * y / size  # the quarters' middles are at +-1
    disc = (x + 1) ** 2 + (y + 1) ** 2 < 0.36
    square = torch.maximum((x - 1).abs(), (y + 1).abs()) < 0.55
    triangle = (y - 1 < 0.5) & (y - 1 > 2 * (x + 1).abs() - 0.7)
    ring = ((x - 1) ** 2 + (y - 1) ** 2 - 0.3).abs() < 0.13
    picture = torch.full((3, size, size), 96, dtype=torch.uint8)
    colours = ((214, 48, 49), (46, 160, 67), (40, 90, 220), (240, 200, 40))
    for where, colour in zip((disc, square, triangle, ring), colours, strict=True):
        picture[:, where] = torch.tensor(colour, dtype=torch.uint8)[:, None]
    return picture


def _centred(size: int) -> tuple[Tensor, Tensor]:
    """x to the right and y downwards from the middle, in pixels, of every pixel's centre: (size, size)."""
    line = torch.arange(size, dtype=torch.float64) + 0.5 - size / 2
    return line.expand(size, size), line[:, None].expand(size, size)


def _wave(values: Tensor) -> Tensor:
    """-1..1 as 0..255, (1, H, W)."""
    gray = ((values + 1) * 127.5).round().to(torch.uint8)
    return gray.reshape(1, *gray.shape) if gray.ndim == 2 else gray.reshape(1, 1, -1)
