"""What the attribution screen shows: the grid of maps with their numbers, what was measured, and its card."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.attribution_runs import AttributionRuns
from app.cache import ENCODED
from app.figures.colours import palette
from app.figures.networks.attribution_maps import (
    AttributionSettings,
    AttributionView,
    PixelMap,
    attribution_view,
    likeness,
    map_name,
)
from app.job_status import job_status
from app.open_models import OpenNetwork, open_network
from app.pictures import CurrentPicture, as_photo
from app.wire import pack
from cnn.attribution.grad_cam import CAM_METHODS
from cnn.images.encode import data_url, digest, jpeg_bytes, resize_to, to_hwc
from cnn.jobs import Job

PHOTO_SIDE = 900
MOST_KNOWN = 64


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:300] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def attribution_block(
    header: Mapping[str, Any],
    network: OpenNetwork,
    picture: CurrentPicture,
    settings: AttributionSettings,
    runs: AttributionRuns,
    view: AttributionView,
    *,
    known: Collection[str],
) -> bytes:
    """Return the component's data: the picture, the maps and the curves; parts that `known` names are left out."""
    arrays: dict[str, NDArray[Any]] = {}

    def part(name: str, key: str, values: Tensor, **more: Any) -> dict[str, Any]:
        identity = digest(f"{name}:{key}".encode())
        if identity not in known:
            arrays[name] = values.contiguous().numpy()
        return {"id": identity, "array": name, **more}

    cams = _cams(view)
    language = str(header["words"]["language"])
    block: dict[str, Any] = {
        **header,
        "settings": settings.to_mapping(),
        "picture": part("image", view.identity.rsplit(":", 1)[0], view.prepared.cropped, alt=picture.alt),
        "cams": part("cams", f"{view.identity}:{view.pending}", cams[1], layers=cams[0]),
        "pending": view.pending,
        "pixels": {
            name: part(name, _made_so_far(runs, name, found), found.heat.float(), **_about(found))
            for name, found in runs.maps.items()
        },
        "prediction": _prediction(view),
        "curves": {
            name: {"points": result.curve, "areas": result.areas, "done": result.finished}
            for name, result in runs.curves.items()
        },
        "job": _status(runs.job, runs.waiting, language),
        "besides": _status(runs.besides, runs.coming, language),
        "refused": runs.refused.text(language) if runs.refused else "",
    }
    if "photo:" + block["picture"]["id"] not in known:
        block["photo"] = _photo(picture, view)
    block["names"] = {"id": "names:" + network.identity}
    if block["names"]["id"] not in known:
        block["names"]["list"] = list(network.categories)
    if settings.sanity:
        name = map_name(settings.method, view.layer_of(settings))
        other = runs.shuffled.get(name)
        alike = None if other is None else likeness(view, settings, runs.maps, other)
        if other is not None and alike is not None:
            about = {"size": list(other.shape), "likeness": alike}
            block["shuffled"] = part("shuffled", f"{view.identity}:{name}", other, **about)
    return pack(block, arrays)


def _about(found: PixelMap) -> dict[str, Any]:
    return {
        "signed": found.signed,
        "warning": found.warning,
        "gap": found.gap,
        "done": found.done,
        "total": found.total,
    }


def _made_so_far(runs: AttributionRuns, name: str, found: PixelMap) -> str:
    window = runs.window if name == "occlusion" else ""
    return f"{runs.identity}:{window}:{found.done}/{found.total}"


def _cams(view: AttributionView) -> tuple[list[dict[str, Any]], Tensor]:
    """Return what the layers are, and all raw maps one after another: layers in order, methods in order."""
    side = view.prepared.batch.shape[-1]
    layers, maps, start = [], [], 0
    for name in view.layers:
        row = view.grid[name]
        rows, columns = row[CAM_METHODS[0]].raw.shape
        layers.append(
            {
                "name": name,
                "grid": [rows, columns],
                "pixels": round(side / columns, 1),
                "start": start,
                "warnings": {method: row[method].warning for method in CAM_METHODS},
            }
        )
        maps += [
            torch.nan_to_num(row[method].raw, nan=0.0, posinf=0.0, neginf=0.0).flatten()
            for method in CAM_METHODS
        ]
        start += rows * columns * len(CAM_METHODS)
    return layers, torch.cat(maps).float() if maps else torch.zeros(0)


def _prediction(view: AttributionView) -> dict[str, Any]:
    top = [[s.index, s.category, s.probability, s.logit] for s in view.top]
    if all(score.index != view.target.index for score in view.top):
        chosen = view.target
        top.append([chosen.index, chosen.category, chosen.probability, chosen.logit])
    return {"top": top, "target": view.target.index, "classes": view.classes}


def _status(job: Job | None, tasks: Sequence[str], language: str) -> dict[str, Any]:
    return {**job_status(job, language), "tasks": [] if job is None or job.done else list(tasks)}


def _photo(picture: CurrentPicture, view: AttributionView) -> str:
    """Return the part of the photo that the network sees, sharper than it sees it; "" where it reaches past the edge."""
    x1, y1, x2, y2 = view.prepared.box
    photo = as_photo(picture)
    if (
        min(x1, y1) < -0.5
        or x2 > photo.shape[2] + 0.5
        or y2 > photo.shape[1] + 0.5
        or picture.kind != "photo"
    ):
        return ""

    def make() -> bytes:
        top, left = max(round(y1), 0), max(round(x1), 0)
        part = photo[:, top : max(round(y2), top + 1), left : max(round(x2), left + 1)]
        return jpeg_bytes(to_hwc(resize_to(part.contiguous(), PHOTO_SIDE)), quality=88)

    key = ("attribution photo", picture.identity, view.prepared.box)
    return data_url(ENCODED.get_or_make(key, make), "image/jpeg")


def overlay(view: AttributionView, heat: Tensor, signed: bool, opacity: float) -> NDArray[np.uint8]:
    """Return the picture the network saw under a heat map, uint8 (H, W, 3), blended as the browser does.

    A value v in 0..1 of the largest covers with opacity · v^(2 − 2 · opacity), so that nothing hides where nothing is.
    """
    pixels = to_hwc(view.prepared.cropped)
    pixels = (
        np.atleast_3d(pixels).repeat(3, axis=2) if view.prepared.cropped.shape[0] == 1 else pixels
    ).astype(float)
    limit = float(heat.abs().max()) or 1.0
    share = (heat / limit).clamp(-1 if signed else 0, 1).numpy()
    entries = np.floor(share * 127 + 128.5) if signed else np.floor(share * 255 + 0.5)
    colours = palette("signed" if signed else "magnitude")[entries.astype(np.uint8)].astype(float)
    cover = (opacity * np.abs(share) ** (2 - 2 * opacity))[..., None]
    return np.floor(pixels * (1 - cover) + colours * cover + 0.5).astype(np.uint8)


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card: the photo, and what in it speaks for the network's answer."""
    picture = CurrentPicture(f"card {digest(photo)}", photo, "", "", "photo")
    view = attribution_view(open_network("imagenette-resnet", ""), picture, -1)
    side = 300
    maps = [view.grid[layer]["grad_cam"].heat for layer in view.layers[:2]]
    tiles = [overlay(view, heat, False, 0.75) for heat in maps]
    wide = [np.kron(tile, np.ones((2, 2, 1), np.uint8))[:side, :side] for tile in tiles]
    return np.concatenate(wide, axis=1)
