"""The embedding network of a Siamese pair: near for the same person or character, far for others."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class SiameseNet(nn.Module):
    """Blocks of 3×3 convolution, batch norm, ReLU and 2×2 max pool, then a linear layer onto the unit
    sphere.

    Args:
        dimension: D, numbers of the embedding.
        widths: channels of the blocks.
        grid: side of the map that the linear layer reads, made by average pooling.

    Shapes: ``(N, in_channels, H, W)`` → ``(N, D)`` of length 1, so that the squared distance of two is in
    0..4.
    Source: Schroff et al. 2015, "FaceNet", with the small network of Vinyals et al. 2016.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        dimension: int = 64,
        widths: Sequence[int] = (32, 64, 96, 128),
        grid: int = 3,
    ) -> None:
        super().__init__()
        ins = (in_channels, *widths[:-1])
        self.blocks = nn.ModuleList(_block(i, o) for i, o in zip(ins, widths, strict=True))
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.2)
        self.embedding = nn.Linear(widths[-1] * grid * grid, dimension)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return F.normalize(self.embedding(self.dropout(self.flatten(self.pool(x)))), dim=1)


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
