"""The U-Nets of the U-Net screen: what they make of the picture, kept for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.figures.segmentation.classes import FITTING
from app.pictures import CurrentPicture, as_photo
from app.state import SCREENS
from cnn.images.encode import thumbnail
from cnn.images.tissue import TISSUE_ID, tissue_mask
from cnn.models.cache import MODEL_CACHE
from cnn.models.unet import UNet
from cnn.segmentation.segment import network_input
from cnn.segmentation.unet_view import SkipResult, UNetMaps, skip_results, unet_maps
from cnn.weights.builtin import BUILTIN, available, builtin_record, load_builtin

SHOWN_SIDE = 720
"""Pixels of the longer side of the picture as it is shown; the network reads the picture itself, scaled its own way."""


@dataclass(frozen=True, slots=True)
class UNetSettings:
    """What a link restores: network, a switch a level, the block looked into, its channel (-1: the strongest)."""

    net: str
    skips: tuple[bool, ...]
    block: str
    channel: int
    opacity: int

    def to_mapping(self) -> dict[str, Any]:
        """Return the values as the address bar and the browser know them."""
        text = "".join("1" if skip else "0" for skip in self.skips)
        return {
            "net": self.net, "skips": text, "block": self.block, "channel": self.channel, "opacity": self.opacity,
        }  # fmt: skip


def networks() -> tuple[str, ...]:
    """Return the names of the segmenting networks that ship and whose files are there."""
    there = available()
    return tuple(sorted((r.name for r in BUILTIN if r.name in FITTING and r.name in there), reverse=True))


def settings_of(values: Any) -> UNetSettings:
    """Return valid settings from what a browser or an address bar said, junk included."""
    values = values if isinstance(values, Mapping) else {}
    found: dict[str, Any] = {}
    for parameter in SCREENS["unet"]:
        value = values.get(parameter.name, parameter.default)
        found[parameter.name] = parameter.parse(str(value))
    offered = networks()
    net = found["net"] if found["net"] in offered or not offered else offered[0]
    levels = len(unet(net).down)
    skips = tuple(sign == "1" for sign in found["skips"].ljust(levels, "1")[:levels])
    block = found["block"] if found["block"] in block_names(levels) else "carried.0"
    return UNetSettings(net, skips, block, found["channel"], found["opacity"])


def block_names(levels: int) -> tuple[str, ...]:
    """Return the blocks that can be looked into, from the picture's side down and up again."""
    down = [f"carried.{depth}" for depth in range(levels)]
    up = [f"{arm}.{depth}" for depth in reversed(range(levels)) for arm in ("raised", "merged")]
    return (*down, "bottom", *up, "logits")


def unet(name: str) -> UNet:
    """Return the shared network; use it under `cnn.hooks.locked`."""
    return cast(UNet, MODEL_CACHE.get(("builtin", name), lambda: load_builtin(name)))


def shown_picture(picture: CurrentPicture) -> Tensor:
    """Return the picture as it is shown, uint8 (1 or 3, H, W)."""
    return thumbnail(as_photo(picture), SHOWN_SIDE)


def input_of(picture: CurrentPicture, net: str) -> Tensor:
    """Return the picture as the network reads it, (1, C, h, w)."""
    return network_input(unet(net), as_photo(picture), record=builtin_record(net))


_MAPS: BoundedCache[UNetMaps] = BoundedCache(
    140_000_000,
    lambda maps: (
        tensor_bytes(maps.logits)
        + tensor_bytes(maps.bottom)
        + sum(tensor_bytes(t) for level in maps.levels for t in (level.carried, level.raised, level.merged))
    ),
)
_RESULTS: BoundedCache[tuple[SkipResult, ...]] = BoundedCache(
    16_000_000, lambda results: sum(tensor_bytes(result.labels) for result in results)
)


def maps_of(picture: CurrentPicture, settings: UNetSettings) -> UNetMaps:
    """Return every map of one pass."""
    key = (picture.identity, settings.net, settings.skips)
    return _MAPS.get_or_make(
        key, lambda: unet_maps(unet(settings.net), input_of(picture, settings.net), settings.skips)
    )


def results_of(picture: CurrentPicture, net: str) -> tuple[SkipResult, ...]:
    """Return the result with all skips, with each one off, and with none."""
    return _RESULTS.get_or_make(
        (picture.identity, net), lambda: skip_results(unet(net), input_of(picture, net))
    )


def block_of(maps: UNetMaps, name: str) -> Tensor:
    """Return a block's maps (C, h, w), without what was padded to the picture at the right and below."""
    height, width = maps.logits.shape[1:]
    if name == "logits":
        return maps.logits
    if name == "bottom":
        depth, whole = len(maps.levels), maps.bottom
    else:
        arm, _, number = name.partition(".")
        depth, whole = int(number), getattr(maps.levels[int(number)], arm)
    top = maps.levels[0].carried.shape[1]
    stride = 1 if top >= height else 2  # a stem halves the picture before the first level
    step = stride * 2**depth
    return whole[:, : -(-height // step), : -(-width // step)]


def strongest(block: Tensor) -> int:
    """Return the channel whose values differ most over the picture."""
    return int(block.flatten(1).std(1, correction=0).argmax())


def true_mask(picture: CurrentPicture, net: str) -> Tensor | None:
    """Return the classes (h, w) that are known of the picture, at the size of the network's result, or None."""
    if picture.key != TISSUE_ID or net != "unet-membrane":
        return None
    return tissue_mask()


def fits(picture: CurrentPicture, net: str) -> bool:
    """Say whether the picture is of the kind that the network was trained on, as far as that is known."""
    return picture.key in FITTING[net] or picture.key.startswith("u-")


def labels_of(maps: UNetMaps) -> Tensor:
    """Return (h, w) uint8, the class with the largest score."""
    return maps.logits.float().argmax(0).to(torch.uint8)


def small_maps(values: Tensor, side: int) -> Tensor:
    """Return (C, h, w) scaled down by area so that no side is over `side`; smaller ones as they are."""
    height, width = values.shape[1:]
    factor = side / max(height, width)
    if factor >= 1:
        return values
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    return F.interpolate(values[None], size, mode="area")[0]
