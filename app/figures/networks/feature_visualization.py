"""What the feature-visualisation screen shows: an optimised picture, the patches that excite a channel, all channels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.cache import BoundedCache
from app.figures.networks.feature_visualization_scan import (
    PHOTOS,
    feature_network,
    own_maps,
    picture_set,
    quick_scan,
)
from app.figures.networks.feature_visualization_view import FeatureView
from app.job_status import job_status
from app.open_models import OpenNetwork, open_network
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.attribution.channel_peaks import cut_out
from cnn.attribution.feature_visualization import OUTPUT
from cnn.images.encode import data_url, digest, jpeg_bytes, resize_to, to_hwc

PATCHES = 9
ATLAS_COLUMNS = 32
MOST_KNOWN = 64
_TILES: BoundedCache[bytes] = BoundedCache(24_000_000, len)


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:300] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def feature_block(
    header: Mapping[str, Any],
    network: OpenNetwork,
    picture: CurrentPicture,
    view: FeatureView,
    *,
    known: Collection[str],
) -> bytes:
    """Return the component's data; parts that `known` names are left out."""
    arrays: dict[str, NDArray[Any]] = {}
    own = view.maps[view.channel].flatten().max(dim=0)
    unit = divmod(int(own.indices), view.maps.shape[2])
    own_key = f"own:{network.identity}:{picture.identity}:{view.layer}:{view.channel}"
    block: dict[str, Any] = {
        **header,
        "settings": view.settings.to_mapping(),
        "layer": _layer(view),
        "channel": view.channel,
        "channel_name": _channel_name(network, view),
        "default": view.network.default,
        "advised": list(view.network.advised),
        "own": {
            "id": digest(own_key.encode()),
            "alt": picture.alt,
            "value": float(own.values),
            "unit": list(unit),
            "box": list(view.box(*unit)),
        },
        "layers": {"id": f"layers:{network.identity}"},
        "job": job_status(view.job, str(header["words"]["language"])),
        "scan": {"done": len(view.scan.values) if view.scan else 0, "of": len(view.pictures.pictures)},
        "patches": [],
    }
    if block["layers"]["id"] not in known:
        block["layers"]["list"] = [
            [name, list(entry.field.shape[1:])] for name, entry in view.network.layers.items()
        ]
        block["layers"]["classes"] = list(network.categories)
    if block["own"]["id"] not in known:
        arrays["own"] = view.cropped.contiguous().numpy()
        arrays["map"] = view.maps[view.channel].float().contiguous().numpy()
    if view.step is not None:
        arrays["image"] = view.step.image.numpy()
        shown = ("step", "steps", "activation", "history", "probability", "warning")
        block["picture"] = {name: getattr(view.step, name) for name in shown}
    if view.scan is not None:
        block |= _patches(view, known)
        arrays["peaks"] = torch.nan_to_num(view.peaks, neginf=0.0).float().numpy()
    return pack(block, arrays)


def _layer(view: FeatureView) -> dict[str, Any]:
    channels, rows, columns = view.maps.shape
    size, status = None, "whole image"
    if view.layer != OUTPUT:
        field = view.network.layers[view.layer].field
        size, status = list(field.size) if len(field.shape) == 4 else None, field.status
    return {
        "name": view.layer,
        "channels": channels,
        "grid": [rows, columns],
        "field": size,
        "status": status,
        "signed": bool((view.maps < 0).any()),
    }


def _channel_name(network: OpenNetwork, view: FeatureView) -> str:
    return (
        network.categories[view.channel]
        if view.layer == OUTPUT and view.channel < len(network.categories)
        else ""
    )


def _patches(view: FeatureView, known: Collection[str]) -> dict[str, Any]:
    """Return the patches of the channel with the pictures they are from, and the mosaic of all channels' first patches."""
    scan, pictures = view.scan, view.pictures
    assert scan is not None
    rows = [
        {
            "picture": peak.picture,
            "name": pictures.names[peak.picture],
            "value": peak.value,
            "unit": [peak.row, peak.column],
            "box": list(view.box(peak.row, peak.column)),
        }
        for peak in scan.strongest(view.channel, PATCHES)
    ]
    base = f"{view.identity}:{view.settings.data}:{view.layer}:{scan.step}"
    sheet_key, atlas_key = digest(f"sheet:{base}:{view.channel}".encode()), digest(f"atlas:{base}".encode())
    channels = scan.values.shape[1]
    side = _tile_side(channels)
    made: dict[str, Any] = {
        "patches": rows,
        "sheet": {"id": sheet_key},
        "atlas": {"id": atlas_key, "tile": side, "columns": min(ATLAS_COLUMNS, channels), "of": channels},
    }
    if sheet_key not in known:
        chosen = torch.cat([pictures.pictures[row["picture"]] for row in rows], dim=2)
        made["sheet"]["url"] = data_url(jpeg_bytes(to_hwc(chosen), quality=95), "image/jpeg")
    if atlas_key not in known:
        made["atlas"]["url"] = data_url(
            _TILES.get_or_make(atlas_key, lambda: _atlas(view, side)), "image/jpeg"
        )
    return made


def _tile_side(channels: int) -> int:
    return 48 if channels <= 256 else 32 if channels <= 1024 else 24


def _atlas(view: FeatureView, side: int) -> bytes:
    """Return a JPEG with the strongest patch of every channel, in order."""
    assert view.scan is not None
    channels = view.scan.values.shape[1]
    columns = min(ATLAS_COLUMNS, channels)
    sheet = np.full((-(-channels // columns) * side, columns * side, 3), 128, np.uint8)
    for channel in range(channels):
        peak = view.scan.strongest(channel, 1)[0]
        part, _ = cut_out(view.pictures.pictures[peak.picture], view.box(peak.row, peak.column))
        top, left = channel // columns * side, channel % columns * side
        sheet[top : top + side, left : left + side] = squared_tile(part, side)
    return jpeg_bytes(sheet, quality=85)


def squared_tile(part: Tensor, side: int) -> NDArray[np.uint8]:
    """Return the middle square of a picture, uint8 (C, h, w), as (side, side, 3)."""
    height, width = part.shape[1:]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    square = part[:, top : top + least, left : left + least].contiguous()
    if least < side:
        grown = torch.nn.functional.interpolate(square[None].float(), size=(side, side), mode="nearest")
        square = grown[0].to(torch.uint8)
    pixels = np.atleast_3d(to_hwc(resize_to(square, side)))
    return pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card: parts of the photo that excite a channel, each beside what excites it in others."""
    network = open_network("imagenette-resnet", "")
    found = feature_network(network)
    pictures = picture_set(network, PHOTOS, "", "en")
    scan = quick_scan(network, PHOTOS, found.default, pictures)
    cropped, maps = own_maps(
        network, CurrentPicture(f"card {digest(photo)}", photo, "", "", "photo"), found.default
    )
    field, side, rows = found.layers[found.default].field, 96, 3
    own = maps.flatten(1).max(dim=1)
    peaks = scan.values.max(dim=0).values if scan is not None else own.values
    strongest = (own.values / peaks.clamp(min=float(peaks.mean()))).argsort(descending=True)[:rows].tolist()
    sheet = np.zeros((rows * side, 4 * side, 3), np.uint8)
    for place, channel in enumerate(strongest):
        parts = [cut_out(cropped, field.box(*divmod(int(own.indices[channel]), maps.shape[2])))[0]]
        for peak in scan.strongest(channel, 3) if scan is not None else ():
            parts.append(cut_out(pictures.pictures[peak.picture], field.box(peak.row, peak.column))[0])
        for column, part in enumerate(parts):
            tile = np.s_[place * side : (place + 1) * side, column * side : (column + 1) * side]
            sheet[tile] = squared_tile(part, side)
    return sheet
