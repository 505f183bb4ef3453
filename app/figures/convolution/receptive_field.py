"""The receptive-field screen's answers: one block for a rerun and for the live route, and its card on the home page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.figures.colours import palette
from app.figures.convolution.receptive_field_network import (
    FieldNetwork,
    field_input,
    field_network,
    known_network,
    measured_models,
    network_groups,
    prepared_input,
    weights_of,
)
from app.figures.field_tables import field_layers_block
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.convolution.field_settings import OWN_STACK, FieldSettings
from cnn.convolution.field_tables import EffectiveField, effective_field
from cnn.convolution.layer_stack import PRESETS, StackError, parsed_stack, stack_cost
from cnn.images.encode import digest, resize_to, to_hwc

MOST_KNOWN = 24
_HEATS: BoundedCache[EffectiveField] = BoundedCache(24_000_000, lambda found: tensor_bytes(found.heat))


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, and the ids of parts that it has (`known`)."""
    sent = parameters.get("settings")
    settings = settings_of(sent if isinstance(sent, Mapping) else {})
    return field_block(picture(), settings, known=known(parameters), header={"id": parameters.get("id", 0)})


def settings_of(values: Mapping[str, Any]) -> FieldSettings:
    """Return valid settings, of a network that is offered."""
    settings = FieldSettings.from_mapping(values)
    return FieldSettings.from_mapping({**settings.to_mapping(), "net": known_network(settings.net)})


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:700] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def screen_words(language: str) -> dict[str, Any]:
    """Return what the browser's controls list: networks by family, presets and their cost."""
    costs = {name: stack_cost(parsed_stack(text), 1) for name, text in PRESETS.items()}
    return {
        "networks": network_groups(language),
        "presets": dict(PRESETS),
        "compared": [
            {"id": name, "pair": costs[name][0], "bends": costs[name][2]} for name in ("three", "seven")
        ],
    }


def field_block(
    picture: CurrentPicture,
    settings: FieldSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the picture, the layers with the tables of their fields, and the measured field of the pinned unit.

    Each part has an id and is left out where `known` has it. A stack that does not fit has an `error` instead.
    """
    image = field_input(picture, settings)
    source = f"{picture.identity}:{settings.net}:{settings.size if settings.net == OWN_STACK else ''}"
    arrays: dict[str, np.ndarray] = {}
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "picture": {
            "id": source,
            "key": picture.key,
            "name": picture.name,
            "alt": picture.alt,
            "shape": list(image.shape),
        },
    }
    if source not in known:
        arrays["image"] = image.numpy()
    try:
        network = field_network(settings, image)
    except StackError as error:
        return pack({**block, "error": {"code": error.code, "layer": error.layer + 1}}, arrays)
    own = f":{settings.stack}:{int(settings.relu)}:{tuple(image.shape)}" if settings.net == OWN_STACK else ""
    weights = weights_of(settings, network)
    block["network"] = {
        "id": f"{settings.net}{own}",
        "default": network.default,
        "parameters": network.parameters,
        "choices": list(network.weights),
        "weights": weights,
    }
    if block["network"]["id"] not in known:
        block["network"]["layers"], arrays["tables"] = field_layers_block(network.layers)
    if settings.heat and weights:
        place, row, column = pinned(settings, network)
        block["heat"], heat = _measured(picture, settings, network, weights, (place, row, column), image)
        if heat is not None and block["heat"]["id"] not in known:
            arrays["heat"] = heat.numpy()
    return pack(block, arrays)


def pinned(settings: FieldSettings, network: FieldNetwork) -> tuple[int, int, int]:
    """Return (place of the layer, row, column) of the unit that is pinned; the middle one where none was chosen."""
    names = [layer.name for layer in network.layers]
    place = names.index(settings.layer) if settings.layer in names else network.default
    height, width = network.layers[place].field.grid
    row = height // 2 if settings.row < 0 else min(settings.row, height - 1)
    column = width // 2 if settings.column < 0 else min(settings.column, width - 1)
    return place, row, column


def measured(
    picture: CurrentPicture,
    settings: FieldSettings,
    network: FieldNetwork,
    weights: str,
    unit: tuple[int, int, int],
) -> EffectiveField:
    """Return the field of a unit by gradients, kept for a while."""
    place, row, column = unit
    image = field_input(picture, settings)
    own = (settings.stack, settings.relu, settings.size) if settings.net == OWN_STACK else ()
    key = (picture.identity, settings.net, own, weights, settings.seed, *unit)

    def measure() -> EffectiveField:
        models = measured_models(settings, weights, image.shape[0])
        return effective_field(
            models, prepared_input(image, settings, weights), network.layers[place].field, row, column
        )

    return _HEATS.get_or_make(key, measure)


def _measured(
    picture: CurrentPicture, settings: FieldSettings, network: FieldNetwork, weights: str,
    unit: tuple[int, int, int], image: Tensor,
) -> tuple[dict[str, Any], Tensor | None]:  # fmt: skip
    place, row, column = unit
    found = measured(picture, settings, network, weights, unit)
    parts = (
        picture.identity,
        settings.net,
        settings.stack,
        int(settings.relu),
        weights,
        settings.seed,
        *unit,
    )
    name = digest(":".join(map(str, (*parts, tuple(image.shape)))).encode())
    described = {
        "id": name, "layer": network.layers[place].name, "row": row, "column": column, "inside": found.inside,
        "half": found.half, "most": found.most, "area": found.area, "draws": found.draws,
    }  # fmt: skip
    return described, found.heat.float()


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the fields that one unit of ResNet-18 has, layer by layer."""
    picture = resize_to(photo, 320)
    pixels = np.atleast_3d(to_hwc(picture)).repeat(3 if picture.shape[0] == 1 else 1, axis=2).copy()
    height, width = pixels.shape[:2]
    layers = field_network(FieldSettings(net="resnet18"), picture).layers
    sizes = sorted(
        {layer.field.size[0] for layer in layers if 4 < layer.field.size[0] < min(height, width) * 0.95}
    )[-6:]
    colours, middle = palette("magnitude"), (height // 2, width // 2)
    shade = np.full((height, width), 0.42)
    for place, size in enumerate(reversed(sizes)):
        top, left = (max(centre - size // 2, 0) for centre in middle)
        shade[top : top + size, left : left + size] = 0.55 + 0.45 * (place + 1) / len(sizes)
    pixels = (pixels * shade[..., None]).round().astype(np.uint8)
    for place, size in enumerate(sizes):
        colour = colours[90 + 165 * place // max(len(sizes) - 1, 1)]
        top, left = (max(centre - size // 2, 0) for centre in middle)
        bottom, right = (min(edge + size, limit) for edge, limit in ((top, height), (left, width)))
        for line in (np.s_[top : top + 2, left:right], np.s_[bottom - 2 : bottom, left:right],
                     np.s_[top:bottom, left : left + 2], np.s_[top:bottom, right - 2 : right]):  # fmt: skip
            pixels[line] = colour
    return pixels
