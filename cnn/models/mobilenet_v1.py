"""MobileNet v1: thirteen depthwise separable blocks."""

from __future__ import annotations

from torch import Tensor, nn

_BLOCKS = (
    ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)) + ((512, 1),) * 5 + ((1024, 2), (1024, 1))
)


class DepthwiseSeparable(nn.Sequential):
    """Depthwise 3×3, batch norm, ReLU6, pointwise 1×1, batch norm, ReLU6 (table 1, right, of the paper).

    Shapes: ``(N, in_channels, H, W)`` → ``(N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉)``.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, 3, stride=stride, padding=1, groups=in_channels, bias=False
        )
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU6()
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu2 = nn.ReLU6()


class MobileNetV1(nn.Module):
    """A 3×3 stride-2 convolution, thirteen depthwise separable blocks, average pool, one linear layer.

    4,231,976 parameters at width 1.0 and 1000 classes.

    Args:
        num_classes: outputs of the head.
        width: the width multiplier α; every number of channels is multiplied by it.

    Shapes: ``(N, 3, H, W)``, made for 224 px → logits ``(N, num_classes)``.
    Source: Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision
    applications".
    """

    def __init__(self, num_classes: int = 1000, *, width: float = 1.0) -> None:
        super().__init__()
        channels = int(32 * width)
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU6()
        )
        blocks = []
        for out_channels, stride in _BLOCKS:
            blocks.append(DepthwiseSeparable(channels, int(out_channels * width), stride=stride))
            channels = int(out_channels * width)
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.flatten(self.pool(self.blocks(self.stem(x)))))
