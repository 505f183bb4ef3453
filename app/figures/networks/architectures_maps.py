"""Maps as the architectures screen shows them: small ones beside every layer, all numbers of the chosen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cnn.networks.layer_table import TableRow

THUMBS, THUMB_SIDE = 6, 40
MOST_VALUES = 700_000


def scale_of(values: Tensor) -> tuple[str, float]:
    """Return ("signed" or "magnitude", limit): blue–white–red where a value is negative, else from zero up."""
    low, high = float(values.min()), float(values.max())
    if low < 0:
        return "signed", max(-low, high)
    return "magnitude", high if high > 0 else 1.0


def thumbs_of(
    rows: Sequence[TableRow], values: Mapping[str, Tensor], pictures: Mapping[str, Tensor]
) -> tuple[list[dict[str, Any] | None], NDArray[np.uint8]]:
    """Return for each row where its small maps lie (or None), and all of them as one uint8 array.

    Args:
        values: by the rows' names. pictures: rows that show a picture (3, H, W) uint8 instead.
    """
    places: list[dict[str, Any] | None] = []
    chunks: list[NDArray[np.uint8]] = []
    end = 0
    for row in rows:
        found = _thumb(values.get(row.name), pictures.get(row.name))
        if found is None:
            places.append(None)
            continue
        kind, pixels = found
        places.append(
            {"at": end, "n": pixels.shape[0], "h": pixels.shape[1], "w": pixels.shape[2], "kind": kind}
        )
        chunks.append(pixels.reshape(-1))
        end += pixels.size
    return places, np.concatenate(chunks) if chunks else np.zeros(0, np.uint8)


def _thumb(values: Tensor | None, picture: Tensor | None) -> tuple[str, NDArray[np.uint8]] | None:
    if picture is not None:
        small = _small(picture.float()).round().to(torch.uint8)
        return "picture", small.expand(3, -1, -1).contiguous().numpy()
    if values is None:
        return None
    maps = (
        _small(as_maps(values)[:THUMBS].float())
        if values.ndim == 3 and values.shape[1] > 1
        else _line(values)
    )
    kind, limit = scale_of(maps)
    if kind == "signed":
        coded = (maps * (127 / limit) + 128).round().clamp(1, 255)
    else:
        coded = (maps * (255 / limit)).round().clamp(0, 255)
    return kind, coded.to(torch.uint8).contiguous().numpy()


def _line(values: Tensor) -> Tensor:
    """A vector as one map of rows of at most 24 values."""
    flat = values.reshape(-1).float()[:96]
    width = min(24, len(flat))
    return F.pad(flat, (0, -len(flat) % width)).reshape(1, -1, width)


def _small(maps: Tensor) -> Tensor:
    height, width = maps.shape[-2:]
    if max(height, width) <= THUMB_SIDE:
        return maps
    scale = THUMB_SIDE / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return F.adaptive_avg_pool2d(maps[None], size)[0]


def as_maps(values: Tensor) -> Tensor:
    """Return (C, H, W); a vector is maps of one unit each."""
    return values if values.ndim == 3 else values.reshape(-1, 1, 1)


def maps_part(
    name: str, row: str, values: Tensor | None
) -> tuple[dict[str, Any], NDArray[np.float32] | None]:
    """Return what the browser is told of the chosen layer's maps, and their numbers: whole channels, as many as fit."""
    if values is None:
        return {"id": name, "row": row, "total": 0}, None
    maps = as_maps(values).float()
    count = max(1, min(maps.shape[0], MOST_VALUES // (maps.shape[1] * maps.shape[2])))
    kind, limit = scale_of(maps)
    told = {"id": name, "row": row, "total": maps.shape[0], "kind": kind, "limit": limit,
            "low": float(maps.min()), "high": float(maps.max()), "zero": float((maps == 0).float().mean())}  # fmt: skip
    return told, maps[:count].contiguous().numpy()


def mosaic_pixels(values: Tensor, palettes: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return every channel side by side, uint8 (H, W, 3), magnified to at least 128 pixels, gaps mid-gray."""
    maps = as_maps(values).float()
    count, height, width = maps.shape
    columns = int(np.ceil(np.sqrt(count * height / width)))
    kind, limit = scale_of(maps)
    scaled = maps * (127 / limit) + 128 if kind == "signed" else maps * (255 / limit)
    coloured = palettes[kind][scaled.round().clamp(0, 255).to(torch.uint8).numpy()]
    rows = -(-count // columns)
    gap = 0 if height == 1 else 1
    canvas = np.full((rows * (height + gap), columns * (width + gap), 3), 128, np.uint8)
    for place, tile in enumerate(coloured):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        canvas[top : top + height, left : left + width] = tile
    factor = max(1, 128 // max(canvas.shape[:2]))
    return canvas.repeat(factor, axis=0).repeat(factor, axis=1)
