"""The receptive-field screen's answers: one block for a rerun and for the live route, and its card on the home page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.figures.colours import palette
from app.figures.convolution.receptive_field_network import (
    AVERAGED_BYTES,
    FieldNetwork,
    drawn_as,
    field_input,
    field_network,
    key_now,
    measured_models,
    opened_key,
    prepared_input,
    weights_of,
)
from app.figures.exchange import known, settings_sent
from app.figures.field_tables import field_layers_block
from app.network_fields import FieldsUnknown, fields_of
from app.open_models import NetworkError, OpenNetwork, open_network
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.convolution.field_settings import FieldSettings
from cnn.convolution.field_tables import EffectiveField, effective_field
from cnn.convolution.layer_stack import PRESETS, StackError, parsed_stack, stack_cost
from cnn.images.encode import digest, resize_to, to_hwc

_HEATS: BoundedCache[EffectiveField] = BoundedCache(24_000_000, lambda found: tensor_bytes(found.heat))


@dataclass(frozen=True, slots=True, eq=False)
class FieldView:
    """What the screen shows of a network on a picture.

    Attributes:
        opened: the network; None for the person's own stack.
        image: what it reads, uint8 (C, H, W).
        network: with its fields; None where there is an `error` to be said: a sentence by language, or a code and the
            number of a layer of the stack.
        weights: those that gradients are measured with; "" where none are.
        unit: the one that is pinned: place of its layer, row, column.
    """

    picture: CurrentPicture
    settings: FieldSettings
    opened: OpenNetwork | None
    image: Tensor
    network: FieldNetwork | None
    error: Mapping[str, Any]
    weights: str = ""
    unit: tuple[int, int, int] = (0, 0, 0)

    @property
    def source(self) -> str:
        """Name the network, or the stack on the picture's shape, for ids and cache keys."""
        if self.opened is not None:
            return self.opened.identity
        return f"stack:{self.settings.stack}:{int(self.settings.relu)}:{tuple(self.image.shape)}"

    @property
    def heat_key(self) -> str:
        """Name what was measured."""
        parts = (self.picture.identity, self.source, self.weights, self.settings.seed, *self.unit)
        return digest(":".join(map(str, parts)).encode())


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, and the ids of parts that it has (`known`)."""
    settings = settings_of(settings_sent(parameters))
    header = {"id": parameters.get("id", 0)}
    key = opened_key(settings)
    try:
        opened = (
            open_network(key, str(parameters.get("session", "")), settings.net_as, bare=True) if key else None
        )
    except NetworkError as error:
        return pack(
            {**header, "error": {"code": "unknown", "en": error.text("en"), "ko": error.text("ko")}}, {}
        )
    return field_block(field_view(picture(), settings, opened), known=known(parameters), header=header)


def settings_of(values: Mapping[str, Any]) -> FieldSettings:
    """Return valid settings; the network of an older link has its key of today."""
    settings = FieldSettings.from_mapping(values)
    return replace(settings, net=key_now(settings.net, settings.weights, settings.seed))


def screen_words(language: str) -> dict[str, Any]:
    """Return what the browser's controls list: presets and their cost."""
    costs = {name: stack_cost(parsed_stack(text), 1) for name, text in PRESETS.items()}
    return {
        "presets": dict(PRESETS),
        "compared": [
            {"id": name, "pair": costs[name][0], "bends": costs[name][2]} for name in ("three", "seven")
        ],
    }


def field_view(picture: CurrentPicture, settings: FieldSettings, opened: OpenNetwork | None) -> FieldView:
    """Return what is shown for `settings`, or why nothing is."""
    image = field_input(picture, settings, opened)
    try:
        network = field_network(settings, image, opened)
    except StackError as error:
        said: dict[str, Any] = {"code": error.code, "layer": error.layer + 1}
        return FieldView(picture, settings, opened, image, None, said)
    except FieldsUnknown as unknown:
        said = {"code": "unknown", **{language: unknown.sentence(language) for language in ("en", "ko")}}
        return FieldView(picture, settings, opened, image, None, said)
    weights = weights_of(settings, network)
    return FieldView(picture, settings, opened, image, network, {}, weights, pinned(settings, network))


def field_block(
    view: FieldView,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
    later: bool = False,
) -> bytes:
    """Return the picture, the layers with the tables of their fields, and the measured field of the pinned unit.

    Each part has an id and is left out where `known` has it. Where there is nothing to show there is an `error`.

    Args:
        later: a field that takes long to measure may be asked for in a second step, once the boxes are shown.
    """
    picture, settings, network = view.picture, view.settings, view.network
    size = settings.size if view.opened is None else view.opened.identity
    source = f"{picture.identity}:{size}"
    arrays: dict[str, np.ndarray] = {}
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "picture": {
            "id": source,
            "key": picture.key,
            "name": picture.name,
            "alt": picture.alt,
            "shape": list(view.image.shape),
        },
    }
    if source not in known:
        arrays["image"] = view.image.numpy()
    if network is None:
        return pack({**block, "error": dict(view.error)}, arrays)
    drawn, seed = drawn_as(settings, view.opened, view.weights)
    block["network"] = {
        "id": view.source,
        "default": network.default,
        "parameters": network.parameters,
        "choices": list(network.weights),
        "weights": view.weights,
        "drawn": drawn,
        "seed": seed,
    }
    if view.source not in known:
        block["network"]["layers"], arrays["tables"] = field_layers_block(network.layers)
    if settings.heat and view.weights:
        if later and _takes_long(view) and _HEATS.get(view.heat_key) is None:
            block["heat_later"] = True
        else:
            _add_heat(view, network, known, block, arrays)
    return pack(block, arrays)


def pinned(settings: FieldSettings, network: FieldNetwork) -> tuple[int, int, int]:
    """Return (place of the layer, row, column) of the unit that is pinned; the middle one where none was chosen."""
    names = [layer.name for layer in network.layers]
    place = names.index(settings.layer) if settings.layer in names else network.default
    height, width = network.layers[place].field.grid
    row = height // 2 if settings.row < 0 else min(settings.row, height - 1)
    column = width // 2 if settings.column < 0 else min(settings.column, width - 1)
    return place, row, column


def measured(view: FieldView) -> EffectiveField:
    """Return the field of the pinned unit by gradients, kept for a while."""
    assert view.network is not None
    field = view.network.layers[view.unit[0]].field

    def measure() -> EffectiveField:
        models = measured_models(view.settings, view.opened, view.weights, view.image.shape[0])
        return effective_field(models, prepared_input(view.image, view.opened), field, *view.unit[1:])

    return _HEATS.get_or_make(view.heat_key, measure)


def _takes_long(view: FieldView) -> bool:
    assert view.network is not None
    return view.opened is not None and (
        view.weights == "average" or view.network.parameters * 4 > AVERAGED_BYTES
    )


def _add_heat(
    view: FieldView,
    network: FieldNetwork,
    known: Collection[str],
    block: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    place, row, column = view.unit
    try:
        found = measured(view)
    except (RuntimeError, LookupError, ValueError):  # a person's own network may do anything
        block["no_heat"] = True
        return
    block["heat"] = {
        "id": view.heat_key, "layer": network.layers[place].name, "row": row, "column": column,
        "inside": found.inside, "half": found.half, "most": found.most, "area": found.area, "draws": found.draws,
    }  # fmt: skip
    if view.heat_key not in known:
        arrays["heat"] = found.heat.float().numpy()


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the fields that one unit of ResNet-18 has, layer by layer."""
    picture = resize_to(photo, 320)
    pixels = np.atleast_3d(to_hwc(picture)).repeat(3 if picture.shape[0] == 1 else 1, axis=2).copy()
    height, width = pixels.shape[:2]
    layers = fields_of(open_network("random.resnet18.0", "", bare=True))
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
