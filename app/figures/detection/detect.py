"""What the detection screen shows: a picture's candidates, which the browser thresholds and suppresses by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.cache import ENCODED, BoundedCache
from app.figures.detection.detect_settings import DetectSettings
from app.open_models import OpenNetwork, open_network
from app.pictures import CurrentPicture, PictureGone, as_photo, picture_of, thumbnail_url
from app.session_devices import device_of
from app.uploads import STORE
from app.wire import pack
from cnn.detection.detect import RawDetections, detections, raw_detections
from cnn.detection.drawing import COLOURS, SKELETON, drawn
from cnn.detection.record import instance_arrays, raw_block, sent_order
from cnn.images.encode import jpeg_bytes, thumbnail, to_hwc
from cnn.images.errors import ImageError
from cnn.images.gallery import PICTURES as BUILT_IN
from cnn.images.gallery import picture as built_in

DEFAULT_NET = "yolo-cells"
FIRST_PICTURE = "cells_neutrophil"
"""Shown where the person has chosen none: the default network finds 22 things in it."""
KNOWN_PICTURES = {"yolo-cells": ("cells_neutrophil", "cells_eosinophil")}
SHOWN_SIDE = 1280
MOST_PICTURES = 12
MOST_ASKED = 100


def _size(raw: RawDetections) -> int:
    found = raw.candidates
    held = sum(t.numel() * t.element_size() for t in (found.boxes, found.scores, found.labels))
    return held + (60_000_000 if raw.instances is not None else 0)  # the head keeps the feature maps


_RAW: BoundedCache[RawDetections] = BoundedCache(360_000_000, _size)


def raw_of(network: OpenNetwork, picture: CurrentPicture) -> RawDetections:
    """Return the candidates of a picture; the network runs once for each pair. Raises: DetectorError."""

    def run() -> RawDetections:
        start = time.perf_counter()
        photo = as_photo(picture)
        loading = time.perf_counter() - start
        raw = network.ran(lambda on: raw_detections(on.model, photo, record=on.record))
        return replace(raw, timings=replace(raw.timings, decode=loading))

    return _RAW.get_or_make((network.identity, picture.identity), run)


def block_id(network: OpenNetwork, picture: CurrentPicture) -> str:
    """Return what names a picture's candidates for the browser."""
    return f"{network.identity}|{picture.identity}"


def detect_block(
    network: OpenNetwork,
    picture: CurrentPicture,
    settings: DetectSettings,
    known: str,
    header: Mapping[str, Any],
) -> bytes:
    """Return the component's data; what the browser has under the id `known` is not sent again."""
    own = block_id(network, picture)
    shown: dict[str, Any] = {
        **header,
        "settings": settings.to_browser(),
        "id": own,
        "colours": COLOURS,
        "skeleton": SKELETON,
        "network": {"key": network.key, "offer": _offer(network, picture, header["words"]["language"])},
    }
    if known == own:
        return pack(shown, {})
    return pack(*_with_candidates(shown, network, picture, settings, jpeg=True))


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `part` "picture" with the candidates of another picture, "instances" with the masks or key
    points of the candidates `index`."""
    session = str(parameters["session"])
    network = open_network(str(parameters.get("net", "")), session, str(parameters.get("net_as", "")))
    network = network.on(device_of(session))
    shown, settings = picture(), DetectSettings.of(parameters.get("settings") or {})
    header = {"id": parameters["id"], "part": parameters.get("part"), "of": block_id(network, shown)}
    if parameters.get("part") == "instances":
        raw = raw_of(network, shown)
        order = sent_order(raw)
        asked = parameters.get("index")
        places = (
            [p for p in asked if isinstance(p, int) and 0 <= p < len(order)]
            if isinstance(asked, list)
            else []
        )
        index = order[torch.tensor(places[:MOST_ASKED], dtype=torch.int64)]
        return pack(header, instance_arrays(raw, index, order))
    return pack(*_with_candidates({**header, "key": shown.key}, network, shown, settings, jpeg=False))


def _with_candidates(
    header: Mapping[str, Any],
    network: OpenNetwork,
    picture: CurrentPicture,
    settings: DetectSettings,
    *,
    jpeg: bool,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    raw = raw_of(network, picture)
    found, arrays = raw_block(raw, score_threshold=settings.score, iou_threshold=settings.iou or None)
    if jpeg:
        arrays["jpeg"] = np.frombuffer(_jpeg(picture), np.uint8)
    return {**header, "candidates": found}, arrays


def _jpeg(picture: CurrentPicture) -> bytes:
    return ENCODED.get_or_make(
        ("detect", picture.identity),
        lambda: jpeg_bytes(to_hwc(thumbnail(as_photo(picture), SHOWN_SIDE)), quality=92),
    )


def _offer(network: OpenNetwork, picture: CurrentPicture, language: str) -> dict[str, str] | None:
    """Return a built-in picture in which this network is known to find things, another than the one shown."""
    for key in KNOWN_PICTURES.get(network.key, ()):
        if key != picture.key:
            return {"pic": key, "net": network.key, "name": picture_of(key, language=language).name}
    if network.key not in KNOWN_PICTURES:
        return {
            "pic": FIRST_PICTURE,
            "net": DEFAULT_NET,
            "name": picture_of(FIRST_PICTURE, language=language).name,
        }
    return None


def strip(session: str, language: str) -> list[dict[str, str]]:
    """Return the pictures that "all pictures" goes through: the person's own, else photos that ship."""
    keys = STORE.of_session(session)[:MOST_PICTURES]
    if not keys:
        keys = tuple(p.id for p in BUILT_IN if p.kind in ("cells", "photo", "flower"))
        keys = (*(k for k in keys if k.startswith("cells")), *(k for k in keys if not k.startswith("cells")))
    cards = []
    for key in keys[:MOST_PICTURES]:
        try:
            shown = picture_of(key, language=language, owner=session)
        except (PictureGone, ImageError):
            continue
        cards.append({"key": key, "name": shown.name, "alt": shown.alt, "thumb": thumbnail_url(shown, 200)})
    return cards


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card: what a small detector finds in the photo; where it finds nothing, in cells."""
    model = default_model()
    raw = raw_detections(model, photo, precision="fast")
    found = detections(raw, 0.5)
    if not len(found):
        photo = built_in(FIRST_PICTURE)
        found = detections(raw_detections(model, photo, precision="fast"), 0.5)
    shown = to_hwc(drawn(photo, found, labels=False))
    side = min(shown.shape[:2])
    return np.ascontiguousarray(cv2.resize(shown[:side, :side], (240, 240), interpolation=cv2.INTER_AREA))


def default_model() -> torch.nn.Module:
    """Return the default network, shared with every session."""
    return open_network(DEFAULT_NET, "").model
