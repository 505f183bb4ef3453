"""The segmentation screen's answers: one block for a rerun and for the live route, and its card on the home page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.figures.segmentation.classes import FITTING, names
from app.figures.segmentation.segment_network import (
    SegmentSettings,
    instance_file,
    objects_of,
    segmentation_of,
    settings_of,
    shown_picture,
)
from app.figures.segmentation.unet_network import small_maps
from app.open_models import OpenNetwork, open_network
from app.pictures import CurrentPicture
from app.session_devices import device_of
from app.wire import pack
from cnn.images.encode import resize_to, to_hwc
from cnn.models.cache import MODEL_CACHE
from cnn.segmentation.colours import class_colours, overlaid
from cnn.segmentation.segment import Segmentation, SegmenterError, segment
from cnn.weights.builtin import available, load_builtin

MOST_KNOWN = 40
TILE_SIDE = 128


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `net`, `settings` and the ids of parts that it has (`known`); or only the scores at `pixel`."""
    session = str(parameters.get("session", ""))
    network = open_network(str(parameters.get("net")), session, str(parameters.get("net_as") or ""))
    network = network.on(device_of(session))
    header: dict[str, Any] = {"id": parameters.get("id", 0)}
    place = parameters.get("pixel")
    if isinstance(place, list):
        found = segmentation_of(picture(), network)
        return pack({**header, "pixel": scores_at(found, *[*place, 0, 0][:2])}, {})
    settings = settings_of(parameters.get("settings"))
    return segment_block(picture(), network, settings, known=known(parameters), header=header)


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:200] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def scores_at(found: Segmentation, row: Any, column: Any) -> dict[str, Any]:
    """Return the probability of every class at a pixel; a place outside becomes the nearest inside."""
    height, width = found.labels.shape
    y, x = (min(max(int(v), 0), side - 1) if isinstance(v, (int, float)) and abs(v) < 1e9 else 0
            for v, side in ((row, height), (column, width)))  # fmt: skip
    return {"row": y, "column": x, "scores": found.pixel(y, x).tolist()}


def segment_block(
    picture: CurrentPicture,
    network: OpenNetwork,
    settings: SegmentSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the picture and the class of every pixel; and what the view needs: one class's probabilities, or objects.

    Each part has an id and is left out where `known` has it. A network that gives no classes has an `error` instead.
    """
    shown = shown_picture(picture)
    arrays: dict[str, NDArray[Any]] = {}
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "net": {"key": network.key, "reading": network.reading},
        "picture": {
            "id": picture.identity, "key": picture.key, "alt": picture.alt, "shape": list(shown.shape),
            "fitting": _offered(picture, network),
        },
    }  # fmt: skip
    if picture.identity not in known:
        arrays["image"] = shown.numpy()
    try:
        found = segmentation_of(picture, network)
    except SegmenterError:
        return pack({**block, "error": "no_classes"}, arrays)
    name = f"{picture.identity}:{network.identity}"
    block["result"] = {
        "id": name, "seconds": dict(found.seconds), "input_size": list(found.input_size),
        "classes": len(found.categories), "runtime": found.runtime,
    }  # fmt: skip
    if name not in known:
        arrays["labels"] = found.labels.numpy()
        arrays["tiles"] = (small_maps(found.probabilities, TILE_SIDE) * 255).round().to(torch.uint8).numpy()
    if settings.view == "map":
        label = _shown_class(found, settings)
        block["map"] = {"id": f"{name}:map:{label}", "label": label}
        if block["map"]["id"] not in known:
            arrays["map"] = found.probabilities[label].numpy()
    if settings.view == "objects":
        _add_objects(block, arrays, picture, network, known)
    if settings.px >= 0 and settings.py >= 0:
        block["pixel"] = scores_at(found, settings.py, settings.px)
    return pack(block, arrays)


def network_words(network: OpenNetwork, categories: tuple[str, ...], language: str) -> dict[str, Any]:
    """Return what the browser says of the network: its classes by name and colour, and its size."""
    return {
        "key": network.key, "label": network.labels[language], "classes": names(categories, language),
        "colours": class_colours(categories).tolist(), "origin": network.origin,
        "parameters": sum(p.numel() for p in network.model.parameters()),
    }  # fmt: skip


def _offered(picture: CurrentPicture, network: OpenNetwork) -> list[str]:
    """Return built-in pictures that suit the network, where the current one is known not to."""
    suiting = FITTING.get(network.key, ())
    return [] if picture.key in suiting or picture.key.startswith("u-") else list(suiting)


def _shown_class(found: Segmentation, settings: SegmentSettings) -> int:
    """Return the class that was asked for, or the one that covers most."""
    if 0 <= settings.cls < len(found.categories):
        return settings.cls
    return int(found.labels.flatten().bincount().argmax())


def _add_objects(
    block: dict[str, Any], arrays: dict[str, NDArray[Any]], picture: CurrentPicture, network: OpenNetwork,
    known: Collection[str],
) -> None:  # fmt: skip
    found = objects_of(picture, network)
    block["objects"] = {
        "id": f"{picture.identity}:{network.identity}:{found.kind}", "kind": found.kind,
        "en": names(found.names, "en"), "ko": names(found.names, "ko"), "missing": instance_file(),
    }  # fmt: skip
    if block["objects"]["id"] not in known:
        arrays["objects"] = found.labels.to(torch.int32).numpy()


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the picture under the classes that the street U-Net sees."""
    picture = resize_to(photo, 320)
    if "unet-street" not in available():
        return to_hwc(picture.expand(3, -1, -1))
    found = segment(MODEL_CACHE.get(("builtin", "unet-street"), lambda: load_builtin("unet-street")), picture)
    colours = class_colours(found.categories)
    return to_hwc(
        overlaid(overlaid(picture, found.labels, colours, 0.5), found.labels, colours, 1.0, contours=True)
    )
