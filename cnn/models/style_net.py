"""The feed-forward network of fast style transfer."""

import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """Reflection padding, convolution, instance norm: ``(N, in, H, W)`` → ``(N, out, H / stride, W /
    stride)``.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(kernel_size // 2)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, bias=False)
        self.norm = nn.InstanceNorm2d(out_channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.pad(x)))


class Residual(nn.Module):
    """Two `ConvNorm` with a ReLU between them and a shortcut around: the shape stays."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, 3)
        self.relu = nn.ReLU()
        self.conv2 = ConvNorm(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.relu(self.conv1(x)))


class StyleNet(nn.Module):
    """Picture in, the same picture in one painting's style out.

    Two stride-2 convolutions, residual blocks at a quarter of the size, and nearest up-sampling with
    convolutions back; the sigmoid keeps the picture in 0..1.

    Args:
        width: channels at full size; a quarter of those at a quarter of the size.
        depth: residual blocks.

    Shapes: ``(N, 3, H, W)`` in 0..1, any size ≥ 16 → ``(N, 3, H, W)`` in 0..1.
    Source: Johnson et al. 2016, "Perceptual losses"; Ulyanov et al. 2016 for instance norm; Odena et al.
    2016 for up-sampling before a convolution.
    """

    def __init__(self, *, width: int = 16, depth: int = 5) -> None:
        super().__init__()
        self.down1 = ConvNorm(3, width, 9)
        self.relu1 = nn.ReLU()
        self.down2 = ConvNorm(width, 2 * width, 3, stride=2)
        self.relu2 = nn.ReLU()
        self.down3 = ConvNorm(2 * width, 4 * width, 3, stride=2)
        self.relu3 = nn.ReLU()
        self.residuals = nn.Sequential(*(Residual(4 * width) for _ in range(depth)))
        self.grow1 = nn.Upsample(scale_factor=2, mode="nearest")
        self.up1 = ConvNorm(4 * width, 2 * width, 3)
        self.relu4 = nn.ReLU()
        self.grow2 = nn.Upsample(scale_factor=2, mode="nearest")
        self.up2 = ConvNorm(2 * width, width, 3)
        self.relu5 = nn.ReLU()
        self.pad = nn.ReflectionPad2d(4)
        self.output = nn.Conv2d(width, 3, 9)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2], x.shape[-1]
        x = F.pad(x, (0, -width % 4, 0, -height % 4), mode="replicate")
        x = self.relu3(self.down3(self.relu2(self.down2(self.relu1(self.down1(x))))))
        x = self.residuals(x)
        x = self.relu5(self.up2(self.grow2(self.relu4(self.up1(self.grow1(x))))))
        return self.sigmoid(self.output(self.pad(x)))[..., :height, :width]
