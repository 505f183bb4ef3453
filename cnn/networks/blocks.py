"""The building blocks of the lectures' networks, small enough to be drawn and run on a picture's maps (M4–M7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models.mobilenetv2 import InvertedResidual

from cnn.models.unet import SeparableUNet, UNet
from cnn.models.xception import XceptionBlock

MOST_CHANNELS = 512


@dataclass(frozen=True, slots=True)
class BlockSettings:
    """What a person sets on a block. A block uses the ones it has.

    Attributes:
        in_channels, out_channels: n_C and n_C'. size: side of the input maps.
        kernel_size: f of the separable convolution.
        stride: of the projection, Xception's and MobileNet's block.
        factor: what the residual block's weights are multiplied by; 0 leaves the identity.
        shortcut: off makes the residual blocks plain.
        bottleneck: the 1×1 convolutions in front of Inception's 3×3 and 5×5 ones.
        expansion: MobileNetV2's factor t.
        seed: of the random weights.
    """

    in_channels: int = 16
    out_channels: int = 16
    size: int = 56
    kernel_size: int = 3
    stride: int = 1
    factor: float = 1.0
    shortcut: bool = True
    bottleneck: bool = True
    expansion: int = 6
    seed: int = 0


class ResidualBlock(nn.Module):
    """a[l+2] = g(z[l+2] + a[l]): two 3×3 convolutions and the identity around them, or a 1×1 projection.

    Shapes: ``(N, in_channels, H, W)`` → ``(N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉)``.
    Source: He et al. 2015, "Deep residual learning for image recognition", equations 1 and 2.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int = 1, shortcut: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shortcut = shortcut
        self.projection: nn.Module | None = None
        if shortcut and (stride > 1 or in_channels != out_channels):
            self.projection = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
        self.relu2 = nn.ReLU()

    def forward(self, a: Tensor) -> Tensor:
        z = self.conv2(self.relu1(self.conv1(a)))
        if self.shortcut:
            z = z + (a if self.projection is None else self.projection(a))
        return self.relu2(z)


class ConvReLU(nn.Sequential):
    """A "same" convolution with bias and a ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.relu = nn.ReLU()


class InceptionBlock(nn.Module):
    """1×1, 3×3, 5×5 and pooling side by side, stacked along the channels; with or without the 1×1 bottlenecks.

    With 192 channels in it is the lectures' module: 64 + 128 + 32 + 32 = 256 channels out, 96 and 16 between.

    Shapes: ``(N, in_channels, H, W)`` → ``(N, 256 · in_channels / 192, H, W)``.
    Source: Szegedy et al. 2015, "Going deeper with convolutions", table 1, inception (3a).
    """

    def __init__(self, in_channels: int, *, bottleneck: bool = True) -> None:
        super().__init__()
        part = [max(1, round(n * in_channels / 192)) for n in (64, 96, 128, 16, 32, 32)]
        one, reduce3, three, reduce5, five, pooled = part
        self.one = ConvReLU(in_channels, one, 1)
        self.reduce3 = ConvReLU(in_channels, reduce3, 1) if bottleneck else nn.Identity()
        self.three = ConvReLU(reduce3 if bottleneck else in_channels, three, 3)
        self.reduce5 = ConvReLU(in_channels, reduce5, 1) if bottleneck else nn.Identity()
        self.five = ConvReLU(reduce5 if bottleneck else in_channels, five, 5)
        self.pool = nn.MaxPool2d(3, 1, padding=1)
        self.pooled = ConvReLU(in_channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        three, five = self.three(self.reduce3(x)), self.five(self.reduce5(x))
        return torch.cat([self.one(x), three, five, self.pooled(self.pool(x))], 1)


class SeparableBlock(nn.Sequential):
    """A filter for each channel (depthwise), then 1×1 filters over all channels (pointwise); no bias.

    Shapes: ``(N, in_channels, H, W)`` → ``(N, out_channels, H, W)``.
    Source: Howard et al. 2017, "MobileNets", section 3.1.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel_size, padding=kernel_size // 2, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)


@dataclass(frozen=True, slots=True)
class Block:
    """One block that can be shown.

    Attributes:
        name: its id. uses: names of the settings that change it. usual: the settings it opens with.
        lanes: row of the drawing by the beginning of a layer's name; others stand in row 0.
        hidden: beginnings of names of layers that are not drawn.
        build: makes the module.
    """

    name: str
    uses: tuple[str, ...]
    usual: BlockSettings
    lanes: tuple[tuple[str, float], ...]
    hidden: tuple[str, ...]
    build: Callable[[BlockSettings], nn.Module]


def _xception(settings: BlockSettings) -> nn.Module:
    widths = (settings.out_channels, settings.out_channels)
    return XceptionBlock(settings.in_channels, widths, stride=settings.stride, relu_first=False)


_U_LEVELS = tuple((f"{arm}.{level}", float(level)) for arm in ("down", "merge") for level in range(3))
_U_HIDDEN = ("pad", "pool", "up.", "cat", "zeros", "scale", "getitem", "stem")


def _u_net(architecture: type[UNet], settings: BlockSettings) -> nn.Module:
    first = settings.out_channels
    net = architecture(3, 4, widths=(first, 2 * first, 4 * first, 8 * first))
    net.skips = (settings.shortcut,) * len(net.skips)
    return net


BLOCKS: tuple[Block, ...] = (
    Block(
        "residual",
        ("in_channels", "size", "factor", "shortcut"),
        BlockSettings(16, 16),
        (("input", 0.0),),
        (),
        lambda s: ResidualBlock(s.in_channels, s.in_channels, shortcut=s.shortcut),
    ),
    Block(
        "projection",
        ("in_channels", "out_channels", "size", "stride", "factor", "shortcut"),
        BlockSettings(16, 32, stride=2),
        (("projection", 1.0),),
        (),
        lambda s: ResidualBlock(s.in_channels, s.out_channels, stride=s.stride, shortcut=s.shortcut),
    ),
    Block(
        "inception",
        ("in_channels", "size", "bottleneck"),
        BlockSettings(192, 256, size=28),
        (("one", 0.0), ("reduce3", 1.0), ("three", 1.0), ("reduce5", 2.0), ("five", 2.0), ("pool", 3.0)),
        (),
        lambda s: InceptionBlock(s.in_channels, bottleneck=s.bottleneck),
    ),
    Block(
        "separable",
        ("in_channels", "out_channels", "size", "kernel_size"),
        BlockSettings(32, 64, size=112),
        (),
        (),
        lambda s: SeparableBlock(s.in_channels, s.out_channels, s.kernel_size),
    ),
    Block(
        "xception",
        ("in_channels", "out_channels", "size", "stride"),
        BlockSettings(64, 128, size=150, stride=2),
        (("shortcut", 1.0),),
        ("shortcut.1",),
        _xception,
    ),
    Block(
        "inverted",
        ("in_channels", "out_channels", "size", "expansion", "stride"),
        BlockSettings(24, 24, size=56),
        (),
        ("conv.3",),
        lambda s: InvertedResidual(s.in_channels, s.out_channels, s.stride, s.expansion),
    ),
    *(
        Block(
            name,
            ("out_channels", "size", "shortcut"),
            BlockSettings(3, 8, size=128),
            (*_U_LEVELS, ("bottom", 3.0)),
            _U_HIDDEN,
            partial(_u_net, architecture),
        )
        for name, architecture in (("unet", UNet), ("separable_unet", SeparableUNet))
    ),
)
"""The blocks, in the order of the lectures."""

_BY_NAME = {block.name: block for block in BLOCKS}


def block_record(name: str) -> Block:
    """The block of that name. Raises: KeyError."""
    if name not in _BY_NAME:
        raise KeyError(f"wanted one of {', '.join(_BY_NAME)}, got {name!r}")
    return _BY_NAME[name]


def build_block(name: str, settings: BlockSettings) -> nn.Module:
    """The block in evaluation mode, with He-normal weights and zero biases drawn by ``settings.seed``.

    ``settings.factor`` multiplies the weights of a residual block's two convolutions.

    Raises:
        KeyError: no such block. ValueError: channels out of 1..512, or a stride that is not 1 or 2.
    """
    record = block_record(name)
    if not all(1 <= n <= MOST_CHANNELS for n in (settings.in_channels, settings.out_channels)):
        raise ValueError(
            f"wanted 1..{MOST_CHANNELS} channels, got {settings.in_channels} and {settings.out_channels}"
        )
    if settings.stride not in (1, 2):
        raise ValueError(f"wanted a stride of 1 or 2, got {settings.stride}")
    with torch.random.fork_rng(devices=[]):
        model = record.build(settings)
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                draw_weights(module, generator)
        if isinstance(model, ResidualBlock):
            for conv in (model.conv1, model.conv2):
                conv.weight.mul_(settings.factor)
    return model.eval().requires_grad_(False)


def draw_weights(conv: nn.Conv2d | nn.ConvTranspose2d, generator: torch.Generator) -> None:
    """He's normal weights, and a zero bias, in place."""
    fan_in = conv.weight.numel() // conv.out_channels
    conv.weight.data.normal_(0.0, (2.0 / fan_in) ** 0.5, generator=generator)
    if conv.bias is not None:
        conv.bias.data.zero_()


def picture_maps(picture: Tensor, channels: int, *, seed: int = 0) -> Tensor:
    """Maps of a picture to put a block on: random 3×3 filters that sum to zero or to one, and a ReLU.

    Every fourth map keeps the picture's brightness, the others its edges; none is negative.

    Args:
        picture: (C, H, W) float in 0..1.

    Returns:
        (channels, H, W).
    """
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(channels, picture.shape[0], 3, 3, generator=generator)
    weight -= weight.mean((1, 2, 3), keepdim=True)
    weight[::4] += 1.0 / weight[0].numel() * 3
    padded = nn.functional.pad(picture[None], (1, 1, 1, 1), mode="replicate")
    return nn.functional.conv2d(padded, weight).relu()[0]
