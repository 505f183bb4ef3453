"""The features that style networks are trained and judged by."""

import torch
from torch import Tensor, nn

from cnn.models.imagenette_resnet import ImagenetteResNet


class PerceptualFeatures(nn.Module):
    """Maps of `ImagenetteResNet` after its stem and after every residual block but those of the last stage's
    end.

    Each map is divided by a number that makes its mean square one over natural photos (`scales`), so that
    the layers weigh alike.

    Shapes: ``(N, 3, H, W)`` in 0..1 → a list of ``(N, C_l, H_l, W_l)``: stem, stage 1 (2 maps), stage 2 (3),
    stage 3 (1).
    """

    scales: Tensor

    def __init__(self, network: ImagenetteResNet) -> None:
        super().__init__()
        self.stem = network.stem
        self.blocks = nn.ModuleList([*network.stage1, *network.stage2, network.stage3[0]])
        self.register_buffer("scales", torch.ones(1 + len(self.blocks)))
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem((x - 0.5) / 0.25)
        maps = [x]
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return [m / s for m, s in zip(maps, self.scales, strict=True)]

    @torch.no_grad()
    def calibrate(self, photos: Tensor) -> "PerceptualFeatures":
        """Sets the scales from photos ``(N, 3, H, W)`` in 0..1."""
        self.scales.fill_(1)
        self.scales.copy_(torch.stack([m.float().pow(2).mean().sqrt() for m in self(photos)]))
        return self


def gram(features: Tensor) -> Tensor:
    """Gram matrices ``(N, C, C)`` of maps ``(N, C, H, W)``, divided by H·W."""
    n, c, h, w = features.shape
    flat = features.reshape(n, c, h * w)
    return flat @ flat.transpose(1, 2) / (h * w)


def content_loss(maps: list[Tensor], goal: list[Tensor], weights: tuple[float, ...]) -> Tensor:
    """Weighted sum over the layers of the mean squared difference."""
    losses = [w * (a - b).pow(2).mean() for a, b, w in zip(maps, goal, weights, strict=True) if w]
    return torch.stack(losses).sum()


def style_loss(maps: list[Tensor], grams: list[Tensor], weights: tuple[float, ...]) -> Tensor:
    """Weighted sum over the layers of (1/2C)² ΣΣ (G − G_style)², G divided by H·W; mean over the pictures.

    This is the lectures' J_style (curriculum T1) made independent of the picture's size.
    """
    losses = []
    for features, wanted, weight in zip(maps, grams, weights, strict=True):
        if weight:
            losses.append(
                weight * (gram(features) - wanted).pow(2).sum((1, 2)).mean() / (2 * features.shape[1]) ** 2
            )
    return torch.stack(losses).sum()


def total_variation(images: Tensor) -> Tensor:
    """Mean squared difference of neighbours across and down."""
    return (images[..., 1:] - images[..., :-1]).pow(2).mean() + (
        images[..., 1:, :] - images[..., :-1, :]
    ).pow(2).mean()
