"""EfficientNet's compound scaling: depth, width and resolution grown together under one budget."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a baseline network grows.

    Attributes:
        depth, width, resolution: factors on layers, channels and the picture's side.
        cost: the factor on multiply-adds, depth · width² · resolution².
    """

    depth: float
    width: float
    resolution: float

    @property
    def cost(self) -> float:
        return self.depth * self.width**2 * self.resolution**2


# Width and depth factor and side of the networks as published (table 1 and the authors' code).
EFFICIENTNETS: dict[str, tuple[float, float, int]] = {
    "efficientnet_b0": (1.0, 1.0, 224),
    "efficientnet_b1": (1.0, 1.1, 240),
    "efficientnet_b2": (1.1, 1.2, 260),
    "efficientnet_b3": (1.2, 1.4, 300),
    "efficientnet_b4": (1.4, 1.8, 380),
    "efficientnet_b5": (1.6, 2.2, 456),
    "efficientnet_b6": (1.8, 2.6, 528),
    "efficientnet_b7": (2.0, 3.1, 600),
}
# Channels and layers of the stages of the baseline, EfficientNet-B0, from the stem to the head.
BASE_CHANNELS = (32, 16, 24, 40, 80, 112, 192, 320, 1280)
BASE_LAYERS = (1, 2, 2, 3, 3, 4, 1)


def compound_scaling(phi: float, *, alpha: float = 1.2, beta: float = 1.1, gamma: float = 1.15) -> Scaling:
    """Depth α^φ, width β^φ, resolution γ^φ; with α·β²·γ² ≈ 2 the cost grows about 2^φ.

    Raises:
        ValueError: factors below 1.
    Source: Tan, Le 2019, "EfficientNet", equation 3.
    """
    if min(alpha, beta, gamma) < 1:
        raise ValueError(f"wanted factors of at least 1, got {alpha}, {beta}, {gamma}")
    return Scaling(alpha**phi, beta**phi, gamma**phi)


def scaled_channels(channels: int, width: float, *, divisor: int = 8) -> int:
    """Channels times the width factor, to the nearest multiple of 8, but never more than 10 % less."""
    wanted = channels * width
    rounded = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * wanted else rounded


def scaled_layers(layers: int, depth: float) -> int:
    """Layers times the depth factor, rounded up."""
    return math.ceil(layers * depth)
