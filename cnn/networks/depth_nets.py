"""Networks of any depth, plain or residual, to see what depth does to signals and gradients (curriculum M4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnn.networks.blocks import draw_weights

MOST_DEPTH = 100


class DepthUnit(nn.Module):
    """Two 3×3 convolutions, each with a ReLU, perhaps batch norm, and perhaps the identity around both.

    Shapes: ``(N, width, H, W)`` unchanged.
    """

    def __init__(self, width: int, *, residual: bool, norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2: nn.Module = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.relu2 = nn.ReLU()
        self.residual = residual

    def forward(self, a: Tensor) -> Tensor:
        z = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(a)))))
        return self.relu2(z + a) if self.residual else self.relu2(z)


class DepthNet(nn.Module):
    """A stem, ``units`` units of two convolutions, average pool and a linear layer of ten classes.

    Args:
        units: the network has 2 · units + 2 layers with weights.
        residual: whether the identity stands around every unit. norm: batch norm behind every convolution.
        gain: multiplies He's standard deviation of the weights in the units.
        seed: of the weights; the plain and the residual network of a seed have the same ones.

    Shapes: ``(N, 3, H, W)`` → logits ``(N, 10)``.
    Source: He et al. 2015, "Deep residual learning for image recognition", section 4.2.
    """

    def __init__(
        self,
        units: int,
        *,
        residual: bool,
        norm: bool = False,
        width: int = 12,
        gain: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 1 <= 2 * units <= MOST_DEPTH:
            raise ValueError(f"wanted 1..{MOST_DEPTH // 2} units, got {units}")
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.ReLU())
        self.units = nn.Sequential(*(DepthUnit(width, residual=residual, norm=norm) for _ in range(units)))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(width, 10)
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                draw_weights(module, generator)
        with torch.no_grad():
            for unit in self.units.modules():
                if isinstance(unit, nn.Conv2d):
                    unit.weight.mul_(gain)
            self.head.weight.normal_(0.0, width**-0.5, generator=generator)
            self.head.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.flatten(self.pool(self.units(self.stem(x)))))


def depth_net(
    units: int, *, residual: bool, norm: bool = False, gain: float = 1.0, seed: int = 0
) -> DepthNet:
    """The network without touching torch's global random state; with batch norm, in training mode, so that it
    normalises by the picture itself (nothing has been trained whose averages could be used)."""
    with torch.random.fork_rng(devices=[]):
        net = DepthNet(units, residual=residual, norm=norm, gain=gain, seed=seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    return net.eval()
