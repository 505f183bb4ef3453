"""U-Nets: contracting arm, expanding arm, and skips between them that can be switched off."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DoubleConv(nn.Module):
    """Two 3×3 convolutions with batch norm and ReLU: ``(N, in, H, W)`` → ``(N, out, H, W)``."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))))


class SeparableResidual(nn.Module):
    """Two depthwise separable 3×3 convolutions beside a 1×1 shortcut: ``(N, in, H, W)`` → ``(N, out, H,
    W)``.

    Source: the middle flow of Chollet 2016, "Xception", as the lectures' U-Net uses it.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise1 = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        self.pointwise1 = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.depthwise2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=out_channels, bias=False)
        self.pointwise2 = nn.Conv2d(out_channels, out_channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
            )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        z = self.relu1(self.bn1(self.pointwise1(self.depthwise1(x))))
        z = self.bn2(self.pointwise2(self.depthwise2(z)))
        return self.relu2(z + self.shortcut(x))


class UNet(nn.Module):
    """U-Net: at each level two convolutions and a 2×2 max pool down, a 2×2 transposed convolution up.

    Args:
        in_channels: 1 or 3.
        num_classes: K.
        widths: channels of each level, from the full size down; the last is the bottom.
        stem_stride: 2 halves the picture before the first level, and the logits are scaled back up.
        depths: blocks of each level.

    Shapes: ``(N, in_channels, H, W)``, any size → logits ``(N, K, H, W)``; inside, the picture is padded at
    the right and bottom to a multiple of the deepest stride. `skips` has one switch a level, from the full
    size down; a skip that is off passes zeros. `with_skips` takes the switches as an argument instead.
    Source: Ronneberger, Fischer and Brox 2015, "U-Net" (here with "same" padding and batch norm).
    """

    block: type[nn.Module] = DoubleConv

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        widths: Sequence[int] = (16, 32, 64, 128),
        stem_stride: int = 1,
        depths: Sequence[int] = (),
    ) -> None:
        super().__init__()
        levels = len(widths) - 1
        depths = depths or (1,) * len(widths)
        if levels < 1 or len(depths) != len(widths):
            raise ValueError(f"wanted at least two widths and a depth for each, got {widths} and {depths}")
        self.skips = (True,) * levels
        self.multiple = stem_stride * 2**levels
        first = in_channels
        self.stem: nn.Module = nn.Identity()
        if stem_stride > 1:
            first = widths[0]
            self.stem = nn.Sequential(
                nn.Conv2d(in_channels, first, 3, stride=stem_stride, padding=1, bias=False),
                nn.BatchNorm2d(first),
                nn.ReLU(),
            )
        ins = (first, *widths[:-2])
        self.down = nn.ModuleList(self._level(i, o, d) for i, o, d in zip(ins, widths, depths, strict=False))
        self.pool = nn.MaxPool2d(2)
        self.bottom = self._level(widths[-2], widths[-1], depths[-1])
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, here, 2, stride=2) for here, below in pairwise(widths)
        )
        self.merge = nn.ModuleList(self.block(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], num_classes, 1)
        self.scale = (
            nn.Upsample(scale_factor=stem_stride, mode="bilinear") if stem_stride > 1 else nn.Identity()
        )

    def _level(self, in_channels: int, out_channels: int, depth: int) -> nn.Sequential:
        blocks = [self.block(in_channels, out_channels)]
        return nn.Sequential(*blocks, *(self.block(out_channels, out_channels) for _ in range(depth - 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.with_skips(x, self.skips)

    def with_skips(self, x: Tensor, skips: Sequence[bool]) -> Tensor:
        """The forward pass with the switches given; the module is not changed."""
        carried, bottom = self.encoded(x)
        return self.decoded(carried, bottom, skips)[..., : x.shape[-2], : x.shape[-1]]

    def encoded(self, x: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """What each level of the contracting arm carries across, from the full size down, and the bottom's maps."""
        height, width = x.shape[-2], x.shape[-1]
        x = self.stem(F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple)))
        carried = []
        for level in self.down:
            x = level(x)
            carried.append(x)
            x = self.pool(x)
        return tuple(carried), self.bottom(x)

    def decoded(self, carried: Sequence[Tensor], bottom: Tensor, skips: Sequence[bool]) -> Tensor:
        """The expanding arm: logits of the padded picture's size."""
        x = bottom
        for index in reversed(range(len(self.down))):
            skip = carried[index] if skips[index] else torch.zeros_like(carried[index])
            x = self.merge[index](torch.cat([skip, self.up[index](x)], 1))
        logits: Tensor = self.scale(self.head(x))
        return logits


class SeparableUNet(UNet):
    """The same U of separable residual blocks: many more layers for the same number of parameters."""

    block = SeparableResidual
