"""The network of the receptive-field screen: which one, its fields, and copies to measure gradients with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from app.cache import BoundedCache, tensor_bytes
from app.network_fields import fields_of
from app.network_list import random_key
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture, as_photo
from cnn.convolution.field_settings import OWN_STACK, FieldSettings
from cnn.convolution.field_tables import LayerField, default_layer_of, layer_fields, random_draws
from cnn.convolution.layer_stack import build_stack, parsed_stack, stack_reaches
from cnn.images.encode import resize_to
from cnn.models.cache import MODEL_CACHE
from cnn.models.record import IMAGENET_MEAN, IMAGENET_STD
from cnn.models.registry import MODELS, build_model
from cnn.weights.builtin import available

TASKS = ("classification", "segmentation", "detection", "embedding", "style")
"""Whatever a network does, its units see something."""

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
_ARCHITECTURES = {shipped: name for name, shipped in _TRAINED.items()} | {
    "alexnet/IMAGENET1K_V1": "alexnet_torchvision"
}
_REGISTERED = frozenset(record.name for record in MODELS)
_STACK_CHANNELS = 8
_MOST_PICTURE_SIDE = 1200
_INPUTS: BoundedCache[Tensor] = BoundedCache(24_000_000, tensor_bytes)


@dataclass(frozen=True, slots=True, eq=False)
class FieldNetwork:
    """What the screen shows fields of.

    Attributes:
        layers: those whose units can be pointed at.
        default: place of the layer to begin with.
        parameters: of the network.
        weights: the choices among "trained" (its own), "random" and "average" that it has.
    """

    layers: tuple[LayerField, ...]
    default: int
    parameters: int
    weights: tuple[str, ...]


def key_now(net: str, weights: str, seed: int) -> str:
    """Return the key of what a link names; links from before the networks had keys name an architecture."""
    if net not in _REGISTERED:
        return net
    shipped = _TRAINED.get(net)
    return shipped if shipped in available() and weights == "trained" else random_key(net, seed)


def architecture_of(opened: OpenNetwork) -> str:
    """Return the registered architecture of a network, to draw other weights for; "" where it has none."""
    name = _ARCHITECTURES.get(opened.key, opened.architecture)
    return name if name in _REGISTERED else ""


def field_input(picture: CurrentPicture, settings: FieldSettings, opened: OpenNetwork | None) -> Tensor:
    """Return the picture as the network is given it, uint8 (C, H, W); for a stack (`opened` None) small matrices as
    they are, else a photo resized."""
    photo = as_photo(picture)
    if opened is None:
        return photo if picture.kind != "photo" else resize_to(photo, int(settings.size))

    def prepared() -> Tensor:
        small = resize_to(photo, _MOST_PICTURE_SIDE) if max(photo.shape[1:]) > _MOST_PICTURE_SIDE else photo
        return opened.prepared(small).cropped.contiguous()

    return _INPUTS.get_or_make((picture.identity, opened.identity), prepared)


def field_network(settings: FieldSettings, image: Tensor, opened: OpenNetwork | None) -> FieldNetwork:
    """Return the network of `settings` with the field of every layer.

    Raises:
        StackError: the person's own stack cannot be read or does not fit the picture.
        FieldsUnknown: no rule holds for the network.
    """
    if opened is None:
        layers = parsed_stack(settings.stack)
        stack_reaches(layers, (image.shape[1], image.shape[2]))
        return _stack_network(settings.stack, settings.relu, tuple(image.shape))
    fields = fields_of(opened)
    parameters = sum(p.numel() for p in opened.model.parameters())
    return FieldNetwork(fields, default_layer_of(fields), parameters, _choices(opened, parameters))


@lru_cache(maxsize=32)
def _stack_network(stack: str, relu: bool, shape: tuple[int, ...]) -> FieldNetwork:
    model = build_stack(parsed_stack(stack), in_channels=shape[0], channels=_STACK_CHANNELS, relu=relu)
    layers = layer_fields(model, shape)
    last = max(place for place, layer in enumerate(layers) if not layer.name.endswith("_relu"))
    return FieldNetwork(layers, last, sum(p.numel() for p in model.parameters()), ("random", "average"))


def _choices(opened: OpenNetwork, parameters: int) -> tuple[str, ...]:
    if parameters * 4 > MOST_BYTES:
        return ()
    if not architecture_of(opened):
        return ("trained",)
    others = [] if opened.origin == "random" else ["random"]
    return ("trained", *others, *(["average"] if parameters * 4 <= AVERAGED_BYTES else []))


def weights_of(settings: FieldSettings, network: FieldNetwork) -> str:
    """Return the weights that are used: those asked for where the network has them, else its first choice; "" if none."""
    if settings.weights in network.weights:
        return settings.weights
    return network.weights[0] if network.weights else ""


def drawn_as(settings: FieldSettings, opened: OpenNetwork | None, weights: str) -> tuple[str, int]:
    """Return what the weights are to be called ("trained", "given", "random", "average"), and the seed of random ones."""
    if weights == "trained" and opened is not None:
        if opened.origin == "random":
            return "random", seed_of(opened)
        return ("given" if opened.origin == "own" else "trained"), 0
    return weights, settings.seed


def seed_of(opened: OpenNetwork) -> int:
    """Return the seed in the key of a random network."""
    return int(opened.key.rsplit(".", 1)[1])


def measured_models(
    settings: FieldSettings, opened: OpenNetwork | None, weights: str, channels: int
) -> Iterable[nn.Module]:
    """Return the networks to measure gradients with: one, or several of other seeds for "average"."""
    if opened is None:
        layers = parsed_stack(settings.stack)

        def drawn(seed: int) -> nn.Module:
            return build_stack(
                layers, in_channels=channels, channels=_STACK_CHANNELS, relu=settings.relu, seed=seed
            )

        return random_draws(drawn, settings.seed, 2 * AVERAGED if weights == "average" else 1)
    name = architecture_of(opened)
    if weights == "average":
        return random_draws(lambda seed: build_model(name, seed=seed), settings.seed, AVERAGED)
    called, seed = drawn_as(settings, opened, weights)
    if called == "random":
        return (
            MODEL_CACHE.get(
                ("random", name, seed), lambda: build_model(name, seed=seed).requires_grad_(False)
            ),
        )
    return (opened.model,)


def prepared_input(image: Tensor, opened: OpenNetwork | None) -> Tensor:
    """Return the picture as numbers for the network, float32 (C, H, W), normalised as it expects."""
    channels = image.shape[0]
    centre, spread = (
        torch.tensor((values * 3)[:channels])[:, None, None] for values in normalisation(opened)
    )
    return (image / 255 - centre) / spread


def normalisation(opened: OpenNetwork | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return (mean, std) per channel of pixels in 0..1."""
    return (IMAGENET_MEAN, IMAGENET_STD) if opened is None else (tuple(opened.mean), tuple(opened.std))


def opened_key(settings: FieldSettings) -> str:
    """Return the key of the network that `settings` name; "" for the person's own stack."""
    return "" if settings.net == OWN_STACK else settings.net
