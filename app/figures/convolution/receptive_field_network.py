"""The network of the receptive-field screen: which ones there are, their fields, and copies to measure gradients with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from app.pictures import CurrentPicture, as_photo
from cnn.convolution.field_settings import OWN_STACK, FieldSettings
from cnn.convolution.field_tables import LayerField, default_layer_of, layer_fields, random_draws
from cnn.convolution.layer_stack import build_stack, parsed_stack, stack_reaches
from cnn.images.encode import resize_to
from cnn.models.cache import MODEL_CACHE
from cnn.models.record import IMAGENET_MEAN, IMAGENET_STD, ModelRecord
from cnn.models.registry import MODELS, build_model, model_record, model_skeleton
from cnn.weights.builtin import available, builtin_record, load_builtin

MOST_BYTES = 280 * 2**20
"""Weights of a network whose gradients are measured here; fields by rule have no such bound."""

AVERAGED = 8
AVERAGED_BYTES = 24 * 2**20
"""How many random networks are averaged, and up to which size."""

_TRAINED = {
    "lenet5": "lenet5-mnist",
    "fashion_cnn": "fashion-cnn",
    "tiny_vgg": "tiny-vgg",
    "imagenette_resnet": "imagenette-resnet",
    "plain_twin": "plain-twin",
}
_STARTER = ("lenet5", "fashion_cnn", "tiny_vgg", "imagenette_resnet", "plain_twin", "resnet18")
_STACK_CHANNELS = 8


@dataclass(frozen=True, slots=True, eq=False)
class FieldNetwork:
    """What the screen shows fields of.

    Attributes:
        name: registered name, or "stack".
        layers: those whose units can be pointed at.
        default: place of the layer to begin with.
        parameters: of the network.
        weights: the choices among "trained", "random" and "average" that it has.
    """

    name: str
    layers: tuple[LayerField, ...]
    default: int
    parameters: int
    weights: tuple[str, ...]


def offered() -> tuple[ModelRecord, ...]:
    """Return the networks to choose from: registered classifiers that convolve (attention sees the whole picture)."""
    return tuple(r for r in MODELS if r.task == "classification" and r.family != "transformer")


def known_network(name: str) -> str:
    """Return `name` where it is offered, else the default."""
    if name == OWN_STACK or any(record.name == name for record in offered()):
        return name
    return FieldSettings().net


def network_groups(language: str) -> list[list[object]]:
    """Return [group id, [[name, label]]] for the browser's list: small ones first, then by family."""
    groups: dict[str, list[list[str]]] = {"starter": []}
    for record in offered():
        group = "starter" if record.name in _STARTER else record.family
        groups.setdefault(group, []).append([record.name, record.labels[language]])
    return [[group, listed] for group, listed in groups.items()]


def field_input(picture: CurrentPicture, settings: FieldSettings) -> Tensor:
    """Return the picture as the network is given it, uint8 (C, H, W): small matrices as they are; else a photo resized,
    for a registered network to a square from its middle."""
    photo = as_photo(picture)
    if settings.net == OWN_STACK:
        return photo if picture.kind != "photo" else resize_to(photo, int(settings.size))
    channels, height, width = model_record(settings.net).input_shape
    side = min(photo.shape[1:])
    top, left = (photo.shape[1] - side) // 2, (photo.shape[2] - side) // 2
    square = resize_to(photo[:, top : top + side, left : left + side].contiguous(), max(height, width))
    square = square[:, :height, :width]
    if channels == 1 and square.shape[0] == 3:
        weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
        return (square * weights).sum(0, keepdim=True).round().to(torch.uint8)
    return square.expand(channels, -1, -1).contiguous() if square.shape[0] != channels else square


def field_network(settings: FieldSettings, image: Tensor) -> FieldNetwork:
    """Return the network of `settings` with the field of every layer.

    Raises:
        StackError: the person's own stack cannot be read or does not fit the picture.
    """
    if settings.net == OWN_STACK:
        layers = parsed_stack(settings.stack)
        stack_reaches(layers, (image.shape[1], image.shape[2]))
        return _stack_network(settings.stack, settings.relu, tuple(image.shape))
    return _registered(settings.net)


@lru_cache(maxsize=32)
def _stack_network(stack: str, relu: bool, shape: tuple[int, ...]) -> FieldNetwork:
    model = build_stack(parsed_stack(stack), in_channels=shape[0], channels=_STACK_CHANNELS, relu=relu)
    layers = layer_fields(model, shape)
    last = max(place for place, layer in enumerate(layers) if not layer.name.endswith("_relu"))
    return FieldNetwork(
        OWN_STACK, layers, last, sum(p.numel() for p in model.parameters()), ("random", "average")
    )


@lru_cache(maxsize=12)
def _registered(name: str) -> FieldNetwork:
    skeleton, record = model_skeleton(name), model_record(name)
    layers = layer_fields(skeleton, record.input_shape)
    parameters = sum(p.numel() for p in skeleton.parameters())
    choices = ["random"] if parameters * 4 <= MOST_BYTES else []
    if _TRAINED.get(name) in available():
        choices.insert(0, "trained")
    if parameters * 4 <= AVERAGED_BYTES:
        choices.append("average")
    return FieldNetwork(name, layers, default_layer_of(layers), parameters, tuple(choices))


def weights_of(settings: FieldSettings, network: FieldNetwork) -> str:
    """Return the weights that are used: those asked for where the network has them, else its first choice; "" if none."""
    if settings.weights in network.weights:
        return settings.weights
    return network.weights[0] if network.weights else ""


def measured_models(settings: FieldSettings, weights: str, channels: int) -> Iterable[nn.Module]:
    """Return the networks to measure gradients with: one, or several of other seeds for "average"."""
    if settings.net == OWN_STACK:
        layers = parsed_stack(settings.stack)

        def drawn(seed: int) -> nn.Module:
            return build_stack(
                layers, in_channels=channels, channels=_STACK_CHANNELS, relu=settings.relu, seed=seed
            )

        return random_draws(drawn, settings.seed, 2 * AVERAGED if weights == "average" else 1)
    name = settings.net
    if weights == "trained":
        return (MODEL_CACHE.get(("builtin", _TRAINED[name]), lambda: load_builtin(_TRAINED[name])),)
    if weights == "average":
        return random_draws(lambda seed: build_model(name, seed=seed), settings.seed, AVERAGED)
    return (MODEL_CACHE.get(("random", name, settings.seed), lambda: build_model(name, seed=settings.seed)),)


def prepared_input(image: Tensor, settings: FieldSettings, weights: str) -> Tensor:
    """Return the picture as numbers for the network, float32 (C, H, W), normalised as it was trained."""
    mean, std = normalisation(settings, weights)
    channels = image.shape[0]
    centre, spread = (torch.tensor((values * 3)[:channels])[:, None, None] for values in (mean, std))
    return (image / 255 - centre) / spread


def normalisation(settings: FieldSettings, weights: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return (mean, std) per channel of pixels in 0..1."""
    if settings.net == OWN_STACK:
        return IMAGENET_MEAN, IMAGENET_STD
    record = builtin_record(_TRAINED[settings.net]) if weights == "trained" else model_record(settings.net)
    return tuple(record.mean), tuple(record.std)


def trained_name(settings: FieldSettings) -> str:
    """Return the name under which the trained weights of the network ship."""
    return _TRAINED[settings.net]
