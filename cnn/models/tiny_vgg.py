"""A small VGG for teaching: every map fits a screen."""

from torch import Tensor, nn


class TinyVGG(nn.Module):
    """Four pairs of 3×3 convolutions (12, 16, 32, 48 channels), a 2×2 max pool after each, then one linear
    layer.

    Shapes: ``(N, 3, 64, 64)`` → maps of 64, 32, 16, 8 and 4 a side → logits ``(N, num_classes)``.
    Source: the pattern of Simonyan and Zisserman 2014, with batch norm.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.block1 = _block(3, 12)
        self.block2 = _block(12, 16)
        self.block3 = _block(16, 32)
        self.block4 = _block(32, 48)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(48, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return self.head(self.flatten(self.pool(x)))


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
