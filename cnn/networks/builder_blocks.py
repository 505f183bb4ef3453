"""The modules behind the builder's words. The blocks' sources are printed into the code that a person copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

LayerNumbers = dict[str, int]


class Residual(nn.Module):
    """Two 3×3 convolutions with batch norm and a shortcut; 1×1 where the shape changes. (N, C, H, W) in and out."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = (
            nn.Conv2d(before, after, 1, stride, bias=False)
            if stride > 1 or before != after
            else nn.Identity()
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.shortcut(x))


class Separable(nn.Module):
    """A filter for each channel, then 1×1 filters over the channels, batch norm and ReLU. (N, C, H, W) in and out."""

    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(before, before, kernel, stride, kernel // 2, groups=before, bias=False)
        self.pointwise = nn.Conv2d(before, after, 1, bias=False)
        self.norm = nn.BatchNorm2d(after)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.norm(self.pointwise(self.depthwise(x))))


class Inverted(nn.Module):
    """MobileNetV2's block: 1×1 expansion, depthwise 3×3, 1×1 projection, a shortcut where shapes agree.

    Shapes: (N, C, H, W) in and out.
    """

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        self.body = nn.Sequential(
            nn.Conv2d(before, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x if self.shortcut else self.body(x)


class Inception(nn.Module):
    """1×1, 3×3, 5×5 and pooling side by side, a quarter of the channels each. (N, C, H, W) in and out."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        part = after // 4
        self.one = nn.Conv2d(before, after - 3 * part, 1)
        self.three = nn.Sequential(nn.Conv2d(before, part, 1), nn.ReLU(), nn.Conv2d(part, part, 3, 1, 1))
        self.five = nn.Sequential(nn.Conv2d(before, part, 1), nn.ReLU(), nn.Conv2d(part, part, 5, 1, 2))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(before, part, 1))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(torch.cat([self.one(x), self.three(x), self.five(x), self.pooled(x)], 1))


MODULES: Mapping[str, Callable[[LayerNumbers, tuple[int, ...]], nn.Module]] = {
    "conv": lambda n, before: nn.Conv2d(before[0], n[""], n["k"], n["s"], n["p"], n["d"], groups=n["g"]),
    "tconv": lambda n, before: nn.ConvTranspose2d(before[0], n[""], n["k"], n["s"], n["p"]),
    "fc": lambda n, before: nn.Linear(before[0], n[""]),
    "bn": lambda n, before: nn.BatchNorm2d(before[0]),
    "max": lambda n, before: nn.MaxPool2d(n[""], n["s"], n["p"]),
    "avg": lambda n, before: nn.AvgPool2d(n[""], n["s"], n["p"]),
    "gap": lambda n, before: nn.AdaptiveAvgPool2d(1),
    "up": lambda n, before: nn.Upsample(scale_factor=n[""]),
    "relu": lambda n, before: nn.ReLU(),
    "tanh": lambda n, before: nn.Tanh(),
    "sigmoid": lambda n, before: nn.Sigmoid(),
    "silu": lambda n, before: nn.SiLU(),
    "drop": lambda n, before: nn.Dropout(n[""] / 100),
    "softmax": lambda n, before: nn.Softmax(1),
    "flat": lambda n, before: nn.Flatten(),
    "res": lambda n, before: Residual(before[0], n[""], n["s"]),
    "sep": lambda n, before: Separable(before[0], n[""], n["k"], n["s"]),
    "inv": lambda n, before: Inverted(before[0], n[""], n["t"], n["s"]),
    "inc": lambda n, before: Inception(before[0], n[""]),
}
"""By the builder's kind: numbers and the shape before (without the batch) to the module."""
