"""The lab's results as one block of bytes for the browser: the same whether a rerun or the live route sends it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.checks import ShapeError
from cnn.convolution.lab_errors import LabError
from cnn.convolution.pipeline import (
    LabResult,
    MapStages,
    bank_grids,
    edge_pair,
    lab,
    map_stages,
    shift_effect,
    working_picture,
)
from cnn.convolution.reach import multiply_adds
from cnn.convolution.settings import LabSettings
from cnn.images.encode import digest

DRAFT_FROM = 90_000
"""Pixels of the input from which a picture in motion is sent as 8-bit levels; at rest it always is the tensor's numbers."""

THUMB_SIDE = 72
_VIEW_ONLY = {"row": -1, "column": -1, "scope": "map", "limit": 255.0, "overlay": "none", "plane": "all"}
_WORKING: BoundedCache[Tensor] = BoundedCache(128_000_000, tensor_bytes)


@dataclass(frozen=True, slots=True)
class Known:
    """What the browser has: ids of inputs and digests of lanes, so that these are not sent again."""

    inputs: Collection[str] = ()
    lanes: Collection[str] = ()


def working(picture: CurrentPicture, settings: LabSettings) -> Tensor:
    """Return the picture at the lab's working size; photos are kept by their key, which stands for one content."""
    if picture.kind != "photo":
        return picture.pixels
    key = (picture.key, tuple(picture.pixels.shape), settings.size, settings.colour)
    return _WORKING.get_or_make(key, lambda: working_picture(picture.pixels, settings))


def input_id(picture: CurrentPicture, settings: LabSettings) -> str:
    """Return a name of the lane's input: picture, working size, colours and shift."""
    content = picture.key if picture.kind == "photo" else digest(picture.pixels)
    return f"{content}:{settings.size}:{settings.colour}:{settings.shift_x}:{settings.shift_y}"


def lane_digest(picture: CurrentPicture, settings: LabSettings) -> str:
    """Return a digest of all that a lane's arrays depend on; how they are coloured and what is pinned is none of it."""
    view = settings.view if settings.view in ("magnitude", "direction") else "auto"
    relevant = replace(settings, **_VIEW_ONLY, view=view).to_mapping()
    text = json.dumps([input_id(picture, settings), relevant], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def lab_block(
    picture: CurrentPicture,
    lanes: tuple[LabSettings, ...],
    *,
    known: Known,
    draft: bool = False,
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return header and arrays of one or two lanes, numbered "0." and "1."; a lane that gives no map has an `error`."""
    arrays: dict[str, np.ndarray] = {}
    described = []
    for place, settings in enumerate(lanes):
        try:
            described.append(_lane(picture, settings, known, draft, f"{place}.", arrays))
        except (LabError, ShapeError) as error:
            described.append({"settings": settings.to_mapping(), "error": _sentences(error)})
    source = {"key": picture.key, "name": picture.name, "alt": picture.alt, "kind": picture.kind}
    return pack(
        {**(header or {}), "picture": {**source, "shape": list(picture.pixels.shape)}, "lanes": described},
        arrays,
    )


def _sentences(error: LabError | ShapeError) -> dict[str, str]:
    if isinstance(error, LabError):
        return {language: error.sentence(language) for language in ("en", "ko")}
    return {"en": str(error), "ko": str(error)}


def _lane(
    picture: CurrentPicture,
    settings: LabSettings,
    known: Known,
    draft: bool,
    prefix: str,
    arrays: dict[str, np.ndarray],
) -> dict[str, Any]:
    name, place = lane_digest(picture, settings), input_id(picture, settings)
    if name in known.lanes and place in known.inputs:
        return {"settings": settings.to_mapping(), "digest": name, "kept": True}
    source = working(picture, settings)
    drafted = draft and source[0].numel() > DRAFT_FROM
    result, bank = _computed(source, settings, drafted)
    stages = map_stages(result)
    if place not in known.inputs:
        arrays[prefix + "input"] = _wire(result.picture)
    lane = _described(result, bank, stages) | {"settings": settings.to_mapping()}
    lane |= {"digest": name, "input": place, "draft": drafted}
    limit, ranges = _limits(result, bank)
    lane |= {"ranges": ranges, "limit": limit}
    _put_stages(arrays, prefix, result, stages, limit, drafted, lane)
    arrays[prefix + "weights"] = _wire(bank.convolution.weight)
    arrays[prefix + "grids"] = _wire(bank_grids(settings, source.shape[0]))
    arrays[prefix + "rows"], arrays[prefix + "columns"] = _wire(result.row_uses), _wire(result.column_uses)
    if len(ranges) > 1:
        step = 1 if bank is not result else _thumb_step(bank)
        small = bank.convolution.output[:, ::step, ::step]
        arrays[prefix + "thumbs"] = _thumbs(small, ranges, limit if settings.scope != "map" else None)
    if (settings.shift_x or settings.shift_y) and not drafted:
        effect = shift_effect(source, result)
        lane["kept_cells"] = {
            "map": _share(effect.map_kept),
            "pooled": {mode: _share(kept) for mode, kept in effect.pooled_kept.items()},
        }
        for mode, kept in effect.pooled_kept.items():
            arrays[f"{prefix}kept_{mode}"] = kept.to(torch.uint8).numpy()
        if not effect.pooled_kept:
            arrays[prefix + "kept"] = effect.map_kept.to(torch.uint8).numpy()
    return lane


def _share(kept: Tensor) -> list[int]:
    """Return [cells that kept their value, all cells]."""
    return [int(kept.sum()), kept.numel()]


def _computed(source: Tensor, settings: LabSettings, drafted: bool) -> tuple[LabResult, LabResult]:
    """Return (the result with the map that is looked at, the result with the whole bank).

    They are one, but for a picture in motion with several filters: there only the map that is looked at is computed
    whole, and of the others just the cells that their small pictures show.
    """
    if not drafted or len(settings.bank) == 1 or settings.mode == "each":
        result = lab(source, settings, exact=not drafted)
        return result, result
    spec = settings.bank[min(settings.index, len(settings.bank) - 1)]
    result = lab(source, replace(settings, bank=(spec,), index=0), exact=False)
    step = _thumb_step(result)
    strides = {"stride_h": settings.stride_h * step, "stride_w": settings.stride_w * step}
    return result, lab(source, replace(settings, **strides), exact=False)


def _thumb_step(result: LabResult) -> int:
    return max(1, -(-max(result.convolution.output.shape[1:]) // THUMB_SIDE))


def _described(result: LabResult, bank: LabResult, stages: MapStages) -> dict[str, Any]:
    settings, done, whole = bank.settings, result.convolution, bank.convolution
    assert whole.bias is not None
    described: dict[str, Any] = {
        "index": bank.index,
        "whole": not done.output.is_floating_point(),
        "bias": whole.bias.tolist(),
        "parameters": bank.parameters,
        "multiply_adds": multiply_adds(whole.weight.shape, done.output.shape[1:]),
        "geometry": {
            "size": list(done.image.shape[1:]),
            "channels": done.image.shape[0],
            "outputs": list(done.output.shape[1:]),
            "maps": whole.output.shape[0],
            "kernel": settings.kernel_size,
            "stride": list(done.stride),
            "padding": list(done.padding),
            "dilation": list(done.dilation),
            "mode": settings.padding_mode,
            "groups": whole.groups,
            "fill": done.fill.tolist(),
        },
    }
    if stages.poolings:
        first = next(iter(stages.poolings.values()))
        described["pooling"] = {
            "modes": list(stages.poolings),
            "size": settings.pool_size,
            "stride": settings.pool_stride,
            "padding": settings.pool_padding,
            "outputs": list(first.output.shape[1:]),
        }
    return described


def _limits(result: LabResult, bank: LabResult) -> tuple[float, list[list[float]]]:
    """Return (the value at the end of the colour scale, [least, most] of every map)."""
    ranges = [_range(values) for values in bank.convolution.output]
    ranges[bank.index] = _range(result.convolution.output[result.index])
    settings = result.settings
    if settings.scope == "fixed":
        return settings.limit, ranges
    shown = ranges if settings.scope == "layer" else [ranges[bank.index]]
    return max((max(-low, high) for low, high in shown), default=1.0) or 1.0, ranges


def _range(values: Tensor) -> list[float]:
    low, high = torch.aminmax(values)
    return [low.item(), high.item()]


def _put_stages(
    arrays: dict[str, np.ndarray], prefix: str, result: LabResult, stages: MapStages, limit: float, draft: bool,
    lane: dict[str, Any],
) -> None:  # fmt: skip
    settings = result.settings

    def put(name: str, values: Tensor, scale: float = limit) -> None:
        arrays[prefix + name] = _levels(values, scale) if draft else _wire(values)

    put("before", stages.before)
    if settings.activation in ("sigmoid", "tanh"):
        put("after", stages.after, 1.0)
    lane["pool_limits"] = {}
    for mode, pooling in stages.poolings.items():
        most = float(pooling.output.abs().max()) or 1.0
        lane["pool_limits"][mode] = most
        scale = 1.0 if settings.activation in ("sigmoid", "tanh") else limit
        put(f"pool_{mode}", pooling.output[0], most if mode == "l2" else scale)
        if pooling.winners is not None and not draft:
            arrays[prefix + "winners"] = _wire(pooling.winners[0])
    if settings.view in ("magnitude", "direction"):
        pair = edge_pair(result)
        lane["magnitude_limit"] = float(pair.magnitude.max()) or 1.0
        arrays[prefix + "magnitude"] = pair.magnitude.numpy()
        arrays[prefix + "direction"] = pair.direction.numpy()


def _levels(values: Tensor, limit: float) -> np.ndarray:
    """Return `values` as 8-bit levels: 128 is zero, 1 and 255 are −limit and +limit."""
    scaled = values.to(torch.float32) * (127.0 / limit)
    return scaled.round_().add_(128.0).clamp_(1.0, 255.0).to(torch.uint8).numpy()


def _thumbs(small: Tensor, ranges: list[list[float]], limit: float | None) -> np.ndarray:
    limits = torch.tensor([limit or max(-low, high) or 1.0 for low, high in ranges], dtype=torch.float32)
    levels = small.to(torch.float32) * (127.0 / limits)[:, None, None]
    return levels.round_().add_(128.0).clamp_(1.0, 255.0).to(torch.uint8).numpy()


def _wire(values: Tensor) -> np.ndarray:
    """Return a tensor in one of the wire's types without changing a value: int64 goes as int32, else as float64."""
    array = values.detach().cpu().numpy()
    if array.dtype == np.int64:
        small = array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31)
        return array.astype(np.int32 if small else np.float64)
    return array
