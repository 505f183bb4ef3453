"""The networks whose maps style transfer compares, cut after the last layer that is used."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.style.errors import StyleError

__all__ = [
    "NETWORKS",
    "POOLINGS",
    "FeatureExtractor",
    "StyleNetwork",
    "best_network",
    "extractor",
    "style_network",
]

POOLINGS = ("max", "average")
_VGG19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # (channels, convolutions) of each block
_VGG19_WEIGHTS = "vgg19/IMAGENET1K_V1"
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


Built = tuple[list[tuple[str, nn.Module]], tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class StyleNetwork:
    """A source of features.

    Attributes:
        name: id; `label_en` and `label_ko` are for people and say which weights these are.
        layers: names of the maps, from the picture on. ``relu1_1`` is after the ReLU, ``conv1_1`` before it.
        reduction: input pixels per map pixel along a side, by layer.
        content_layers, style_layers: what is used unless a person chooses.
        poolable: whether max pooling can be changed to average pooling.
        build: the stages (name, module) up to a layer, and the picture's mean and std per channel.
    """

    name: str
    label_en: str
    label_ko: str
    layers: tuple[str, ...]
    reduction: dict[str, int]
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    poolable: bool
    build: Callable[[str], Built]
    available: Callable[[], bool]

    def minimum_size(self, layers: Iterable[str]) -> int:
        """The shortest side, in pixels, at which each of the layers has at least one map pixel."""
        return max((self.reduction[layer] for layer in layers), default=1)


class FeatureExtractor(nn.Module):
    """Maps of chosen layers; frozen, evaluating, nothing in place, nothing after the last chosen layer.

    Shapes: ``(N, 3, H, W)`` in 0..1 → ``(N, C_l, H_l, W_l)`` by layer, in the dtype of the weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        stages: Sequence[tuple[str, nn.Module]],
        layers: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        names = [name for name, _ in stages]
        last = max(names.index(layer) for layer in layers)
        self.layers = tuple(name for name in names if name in set(layers))
        self.names = tuple(names[: last + 1])
        self.stages = nn.ModuleList(module for _, module in stages[: last + 1])
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = ((image - self.mean) / self.std).to(next(self.stages.parameters()).dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        maps = {}
        for name, stage in zip(self.names, self.stages, strict=True):
            x = stage(x)
            if name in self.layers:
                maps[name] = x
        return maps

    def prepared(self, device: torch.device, dtype: torch.dtype) -> "FeatureExtractor":
        """On the device, channels-last; the weights in `dtype`, mean and std in float32."""
        self.to(device)
        self.stages.to(dtype)
        self.stages.to(memory_format=torch.channels_last)
        return self


def style_network(name: str) -> StyleNetwork:
    """The network of a name; "auto" is `best_network`. Raises: StyleError (setting)."""
    if name == "auto":
        return best_network()
    for network in NETWORKS:
        if network.name == name:
            return network
    wanted = ", ".join(("auto", *(n.name for n in NETWORKS)))
    raise StyleError("setting", name="network", wanted=wanted, got=str(name)[:60])


def best_network() -> StyleNetwork:
    """The first of `NETWORKS` whose weights are there: VGG-19, the app's own network, a random VGG-19."""
    return next(network for network in NETWORKS if network.available())


def extractor(network: StyleNetwork, layers: Sequence[str], *, pooling: str = "max") -> FeatureExtractor:
    """The network cut for these layers, float32 on the CPU.

    Raises:
        StyleError: unknown_layer, no_layers, setting (pooling), no_weights.
    """
    for layer in layers:
        if layer not in network.layers:
            raise StyleError(
                "unknown_layer", layer=str(layer)[:60], network=network.name, layers=", ".join(network.layers)
            )
    if not layers:
        raise StyleError("no_layers")
    if pooling not in POOLINGS or (pooling != "max" and not network.poolable):
        wanted = " or ".join(POOLINGS) if network.poolable else f"max for {network.name}"
        raise StyleError("setting", name="pooling", wanted=wanted, got=str(pooling)[:60])
    if not network.available():
        raise StyleError("no_weights", network=network.name)
    stages, mean, std = network.build(max(layers, key=network.layers.index))
    if pooling == "average":
        stages = [(n, nn.AvgPool2d(2) if isinstance(m, nn.MaxPool2d) else m) for n, m in stages]
    return FeatureExtractor(stages, layers, mean, std)


def _vgg19_stages(last: str) -> list[tuple[str, nn.Module]]:
    """VGG-19's convolutional part up to a layer, uninitialised on the meta device; no ReLU is in place."""
    stages: list[tuple[str, nn.Module]] = []
    channels = 3
    for block, (width, depth) in enumerate(_VGG19, 1):
        for index in range(1, depth + 1):
            convolution = nn.Conv2d(channels, width, 3, padding=1, device="meta")
            stages.append((f"conv{block}_{index}", convolution))
            stages.append((f"relu{block}_{index}", nn.ReLU()))
            channels = width
        stages.append((f"pool{block}", nn.MaxPool2d(2)))
    return stages[: [name for name, _ in stages].index(last) + 1]


def _random_vgg19(last: str) -> Built:
    """Seeded random filters, then every filter scaled and shifted by its answers to a seeded noise picture.

    Before each ReLU the answers have mean 0 and standard deviation 1; after it, mean 1: no filter is dead,
    none drowns the others, and the layers are alike in size, as in the normalised VGG of Gatys et al. The
    noise has the spectrum of photographs (amplitude 1/frequency).
    """
    generator = torch.Generator().manual_seed(19)
    stages = [(name, stage.to_empty(device="cpu")) for name, stage in _vgg19_stages(last)]
    x = (natural_noise(96, generator) - torch.tensor(_IMAGENET_MEAN).view(1, -1, 1, 1)) / 0.225
    with torch.no_grad():
        for _, stage in stages:
            if isinstance(stage, nn.Conv2d):
                assert stage.bias is not None
                nn.init.kaiming_normal_(stage.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(stage.bias)
                answers = stage(x)
                spread = answers.std((0, 2, 3)).clamp(min=1e-6)
                centre = answers.mean((0, 2, 3))
                normal = (answers - centre.view(1, -1, 1, 1)) / spread.view(1, -1, 1, 1)
                factor = F.relu(normal).mean((0, 2, 3)).clamp(min=1e-2) * spread
                stage.weight.div_(factor.view(-1, 1, 1, 1))
                stage.bias.copy_(-centre / factor)
            x = stage(x)
    return stages, _IMAGENET_MEAN, _IMAGENET_STD


def natural_noise(size: int, generator: torch.Generator) -> Tensor:
    """Colour noise ``(1, 3, size, size)`` in 0..1 whose amplitude falls as 1/frequency, as in photographs."""
    across, down = torch.fft.rfftfreq(size), torch.fft.fftfreq(size)
    frequency = (across[None].pow(2) + down[:, None].pow(2)).sqrt().clamp(min=1 / size)
    white = torch.fft.rfft2(torch.randn(3, size, size, generator=generator))
    noise = torch.fft.irfft2(white / frequency, s=(size, size))
    noise = (noise - noise.mean()) / noise.std()
    grey = noise.mean(0, keepdim=True)  # neighbouring colours of photographs go together
    return (0.45 + 0.22 * (0.8 * grey * 3**0.5 + 0.4 * noise)).clamp(0, 1)[None]


def _pretrained_vgg19(last: str) -> Built:
    from cnn.weights.pretrained import load_pretrained, pretrained_record

    record = pretrained_record(_VGG19_WEIGHTS)
    theirs = cast(nn.Sequential, load_pretrained(record).get_submodule("features"))
    stages = _vgg19_stages(last)
    # The layers come in the same order; theirs work in place and are not used, their convolutions are.
    own = [
        theirs[index] if isinstance(stage, nn.Conv2d) else stage for index, (_, stage) in enumerate(stages)
    ]
    return [(name, stage) for (name, _), stage in zip(stages, own, strict=True)], record.mean, record.std


def _pretrained_there() -> bool:
    from cnn.weights.pretrained import is_there, pretrained_record

    return is_there(pretrained_record(_VGG19_WEIGHTS))


def _imagenette(last: str) -> Built:
    from cnn.models.imagenette_resnet import ImagenetteResNet
    from cnn.weights.builtin import builtin_record, load_builtin

    record = builtin_record("imagenette-resnet")
    model = load_builtin(record.name)
    if not isinstance(model, ImagenetteResNet):
        raise TypeError(f"wanted an ImagenetteResNet, got {type(model).__name__}")
    stages: list[tuple[str, nn.Module]] = [("stem", model.stem)]
    for stage in ("stage1", "stage2", "stage3"):
        stages += [(f"{stage}.{i}", block) for i, block in enumerate(model.get_submodule(stage).children())]
    names = [name for name, _ in stages]
    return stages[: names.index(last) + 1], record.mean, record.std


def _imagenette_there() -> bool:
    from cnn.weights.builtin import available

    return "imagenette-resnet" in available()


def _always() -> bool:
    return True


_VGG_LAYERS = tuple(name for name, _ in _vgg19_stages("relu5_4"))
_VGG_REDUCTION = {name: 2 ** (int(name[4]) - (not name.startswith("pool"))) for name in _VGG_LAYERS}
_VGG_STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
_RESNET_REDUCTION = {
    "stem": 2,
    "stage1.0": 4,
    "stage1.1": 4,
    "stage2.0": 8,
    "stage2.1": 8,
    "stage2.2": 8,
    "stage3.0": 16,
    "stage3.1": 16,
}

NETWORKS: tuple[StyleNetwork, ...] = (
    StyleNetwork(
        name="vgg19",
        label_en="VGG-19, trained on ImageNet",
        label_ko="ImageNet으로 훈련한 VGG-19",
        layers=_VGG_LAYERS,
        reduction=_VGG_REDUCTION,
        content_layers=("relu4_2",),
        style_layers=_VGG_STYLE,
        poolable=True,
        build=_pretrained_vgg19,
        available=_pretrained_there,
    ),
    StyleNetwork(
        name="imagenette-resnet",
        label_en="The app's own network, trained on ten kinds of photo",
        label_ko="앱에 들어 있는, 열 가지 사진으로 훈련한 네트워크",
        layers=tuple(_RESNET_REDUCTION),
        reduction=_RESNET_REDUCTION,
        content_layers=("stage2.1",),
        style_layers=("stem", "stage1.0", "stage1.1", "stage2.0", "stage2.2"),
        poolable=False,
        build=_imagenette,
        available=_imagenette_there,
    ),
    StyleNetwork(
        name="random-vgg19",
        label_en="VGG-19 with random weights, never trained (for comparison)",
        label_ko="훈련하지 않은 무작위 가중치의 VGG-19(비교용)",
        layers=_VGG_LAYERS,
        reduction=_VGG_REDUCTION,
        content_layers=("relu3_1",),  # deeper random layers answer to noise as much as to the picture
        style_layers=_VGG_STYLE[:-1],
        poolable=True,
        build=_random_vgg19,
        available=_always,
    ),
)
