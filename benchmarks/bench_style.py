"""B9: an iteration of style transfer beside the bare network, and the way to the loss of PyTorch's tutorial.

VGG-19 with seeded random weights, so that it runs without a download; the time of an iteration is the same.
"""

from __future__ import annotations

import sys
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.measure import Line, best_of
from cnn.style.features import FeatureExtractor, extractor, style_network
from cnn.style.gatys import style_transfer

BUDGETS = ("B9",)
SIZE = 256
GATYS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
TUTORIAL = {"conv1_1": 64, "conv1_2": 64, "conv2_1": 128, "conv2_2": 128, "conv3_1": 256}  # channels
TUTORIAL_BETA = 1e6
CLOSURES = 100


def pictures() -> tuple[Tensor, Tensor]:
    """A photo and a pattern, uint8 (3, 256, 256)."""
    from sklearn.datasets import load_sample_images

    temple, flower = (torch.tensor(p).permute(2, 0, 1).float()[None] for p in load_sample_images().images)
    small = [F.interpolate(p, size=(SIZE, SIZE), mode="bilinear", antialias=True) for p in (temple, flower)]
    return small[0][0].byte(), small[1][0].byte()


def measure() -> list[Line]:
    """Return the lines of B9."""
    return [iteration(), tutorial_loss()]


def iteration() -> Line:
    """One whole step (forward, backward, optimiser, record) beside one forward and backward of the cut VGG alone."""
    content, style = pictures()
    settings = {"network": "random-vgg19", "levels": 1, "style_layers": GATYS, "content_layers": ("relu4_2",)}
    run = style_transfer(content, style, steps=10_000, **settings)
    next(run)
    bare = extractor(style_network("random-vgg19"), GATYS[-1:]).stages
    image = torch.rand(1, 3, SIZE, SIZE)

    def network_alone() -> None:
        leaf = image.clone().requires_grad_(True)
        x: Tensor = leaf
        for stage in bare:
            x = stage(x)
        torch.autograd.grad(x.sum(), leaf)

    ours, alone = best_of([lambda: next(run), network_alone], repeats=5)
    return Line("B9", "style transfer: a step, VGG-19, 256²", ours * 1e3, "ms", 0.55, alone * 1e3)


def tutorial_loss() -> Line:
    """Seconds to the loss that PyTorch's tutorial reaches in 100 closures, beside the tutorial's own."""
    content, style = pictures()
    judge = TutorialLoss(extractor(style_network("random-vgg19"), tuple(TUTORIAL)), content, style)
    goal, theirs = judge.minimised(content)
    height = SIZE // 2
    run = style_transfer(
        content,
        style,
        steps=80,
        network="random-vgg19",
        content_layers=("conv2_2",),
        style_layers={name: 4 / channels**2 for name, channels in TUTORIAL.items()},
        alpha=2 / (height * height * TUTORIAL["conv2_2"]),
        beta=TUTORIAL_BETA,
        gamma=0.0,
    )
    ours, reached = 0.0, False
    while not reached:
        begun = time.perf_counter()
        record = next(run, None)
        ours += time.perf_counter() - begun
        if record is None:
            break
        if record.level == record.levels:
            loss = judge(record.image[None] / 255).item()
            print(f"  step {record.step}: {loss:.4g} of {goal:.4g}, {ours:.1f} s", file=sys.stderr)
            reached = loss <= goal
    ours = ours if reached else float("inf")
    return Line("B9", "to the tutorial's loss at 100 closures", ours, "s", 1 / 4, theirs)


class TutorialLoss(nn.Module):
    """The loss of PyTorch's neural style tutorial: mean squares of maps and of Grams over their element counts."""

    def __init__(self, features: FeatureExtractor, content: Tensor, style: Tensor) -> None:
        super().__init__()
        self.features = features
        with torch.no_grad():
            self.goal = features(content[None] / 255)["conv2_2"]
            self.grams = {name: self.gram(maps) for name, maps in features(style[None] / 255).items()}

    @staticmethod
    def gram(maps: Tensor) -> Tensor:
        flat = maps.reshape(maps.shape[1], -1)
        return flat @ flat.t() / maps.numel()

    def forward(self, image: Tensor) -> Tensor:
        maps = self.features(image)
        styles = [F.mse_loss(self.gram(maps[name]), self.grams[name]) for name in TUTORIAL]
        return TUTORIAL_BETA * torch.stack(styles).sum() + F.mse_loss(maps["conv2_2"], self.goal)

    def minimised(self, content: Tensor) -> tuple[float, float]:
        """The least loss on the tutorial's way (L-BFGS from the content, clipped), and the seconds it took."""
        image = (content[None] / 255).requires_grad_(True)
        optimiser = torch.optim.LBFGS([image])
        losses: list[float] = []

        def closure() -> float:
            with torch.no_grad():
                image.clamp_(0, 1)
            optimiser.zero_grad()
            loss = self(image)
            loss.backward()
            losses.append(loss.item())
            return losses[-1]

        begun = time.perf_counter()
        while len(losses) < CLOSURES:
            optimiser.step(closure)
        return min(losses), time.perf_counter() - begun
