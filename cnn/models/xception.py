"""Xception: a network of depthwise separable convolutions with shortcuts."""

from __future__ import annotations

from torch import Tensor, nn


class SeparableConv(nn.Sequential):
    """A filter per channel (depthwise), then a 1×1 convolution over the channels (pointwise), then batch
    norm."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)


class XceptionBlock(nn.Module):
    """ReLU and separable convolutions, a strided max pool where it shrinks, and a shortcut around them.

    Shapes: ``(N, in_channels, H, W)`` → ``(N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉)``.

    Args:
        widths: channels after each separable convolution.
        stride: 2 ends the block with a 3×3 max pool and puts a 1×1 stride-2 convolution on the shortcut.
        relu_first: False only in the first block, whose input is already past a ReLU.
    """

    def __init__(
        self, in_channels: int, widths: tuple[int, ...], *, stride: int = 1, relu_first: bool = True
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for position, width in enumerate(widths):
            if position > 0 or relu_first:
                layers.append(nn.ReLU())
            layers.append(SeparableConv(channels, width))
            channels = width
        if stride > 1:
            layers.append(nn.MaxPool2d(3, stride, padding=1))
        self.body = nn.Sequential(*layers)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != in_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class Xception(nn.Module):
    """Entry flow (three shrinking blocks), middle flow (eight equal ones), exit flow; 2048 features.

    22,855,952 parameters at 1000 classes.

    Shapes: ``(N, 3, H, W)``, made for 299 px → logits ``(N, num_classes)``.
    Source: Chollet 2017, "Xception: deep learning with depthwise separable convolutions", figure 5.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
        )
        self.entry = nn.Sequential(
            XceptionBlock(64, (128, 128), stride=2, relu_first=False),
            XceptionBlock(128, (256, 256), stride=2),
            XceptionBlock(256, (728, 728), stride=2),
        )
        self.middle = nn.Sequential(*(XceptionBlock(728, (728, 728, 728)) for _ in range(8)))
        self.exit = nn.Sequential(
            XceptionBlock(728, (728, 1024), stride=2),
            SeparableConv(1024, 1536),
            nn.ReLU(),
            SeparableConv(1536, 2048),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(2048, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.exit(self.middle(self.entry(self.stem(x))))
        return self.head(self.flatten(self.pool(x)))
