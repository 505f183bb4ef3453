"""The small residual network that ships with the app, and its twin without shortcuts."""

from collections.abc import Sequence

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut around them: ``relu(z + shortcut(x))``.

    Where the shape changes the shortcut is an average pool, a 1×1 convolution and a batch norm. With
    ``shortcuts=False`` the block is two plain layers and has no shortcut parameters.

    Shapes: ``(N, in_channels, H, W)`` → ``(N, out_channels, H / stride, W / stride)``.
    Source: He et al. 2015, "Deep residual learning"; the pooled shortcut is He et al. 2018, "Bag of tricks",
    ResNet-D.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int = 1, shortcuts: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module | None = None
        if shortcuts:
            self.shortcut = _shortcut(in_channels, out_channels, stride)
            nn.init.zeros_(self.bn2.weight)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        z = self.relu1(self.bn1(self.conv1(x)))
        z = self.bn2(self.conv2(z))
        if self.shortcut is not None:
            z = z + self.shortcut(x)
        return self.relu2(z)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    # ceil_mode: as many rows as the strided convolution has when the size is odd
    layers: list[nn.Module] = (
        [nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)] if stride > 1 else []
    )
    layers += [nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers)


class ImagenetteResNet(nn.Module):
    """Residual network for small photos: a stride-2 stem and three stages at stride 4, 8 and 16.

    Args:
        num_classes: outputs of the head.
        widths: channels of the stem and of each stage.
        depths: residual blocks of each stage.
        shortcuts: False gives the plain twin, the same layers with nothing around them.

    Shapes: ``(N, 3, H, W)``, H and W ≥ 32 → logits ``(N, num_classes)``. Trained at 128 px, read at 144 px.
    """

    def __init__(
        self,
        num_classes: int = 10,
        *,
        widths: Sequence[int] = (32, 48, 96, 160),
        depths: Sequence[int] = (2, 3, 2),
        shortcuts: bool = True,
    ) -> None:
        super().__init__()
        if len(widths) != len(depths) + 1:
            raise ValueError(
                f"wanted one width for the stem and one a stage, got {widths} for depths {depths}"
            )
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.stage1 = _stage(widths[0], widths[1], depths[0], shortcuts)
        self.stage2 = _stage(widths[1], widths[2], depths[1], shortcuts)
        self.stage3 = _stage(widths[2], widths[3], depths[2], shortcuts)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(widths[3], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage3(self.stage2(self.stage1(self.stem(x))))
        return self.head(self.flatten(self.pool(x)))


def _stage(in_channels: int, out_channels: int, depth: int, shortcuts: bool) -> nn.Sequential:
    blocks = [ResidualBlock(in_channels, out_channels, stride=2, shortcuts=shortcuts)]
    blocks += [ResidualBlock(out_channels, out_channels, shortcuts=shortcuts) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)
