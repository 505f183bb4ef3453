"""The U-Net screen's answers: one block for a rerun and for the live route, and its card on the home page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.figures.segmentation.classes import FITTING, names
from app.figures.segmentation.unet_network import (
    UNetSettings,
    block_names,
    block_of,
    fits,
    labels_of,
    maps_of,
    networks,
    results_of,
    settings_of,
    shown_picture,
    small_maps,
    strongest,
    true_mask,
    unet,
)
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.images.encode import resize_to, to_hwc
from cnn.segmentation.colours import class_colours, overlaid
from cnn.segmentation.segment import segment
from cnn.segmentation.unet_view import UNetMaps
from cnn.weights.builtin import builtin_record
from cnn.weights.builtin import card as model_card

MOST_KNOWN = 40
NODE_SIDE, TILE_SIDE = 160, 112


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, the ids of parts that it has (`known`), and whether it wants `results`."""
    sent = parameters.get("settings")
    settings = settings_of(sent if isinstance(sent, Mapping) else {})
    header = {"id": parameters.get("id", 0)}
    return unet_block(
        picture(), settings, known=known(parameters), header=header, results=parameters.get("results") is True
    )


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:200] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def screen_words(language: str) -> dict[str, Any]:
    """Return what the browser's controls list: the networks, what they know, and which built-in pictures suit them."""
    listed = {}
    for name in networks():
        record, told = builtin_record(name), model_card(name)
        listed[name] = {
            "classes": names(record.categories, language), "colours": class_colours(record.categories).tolist(),
            "parameters": sum(p.numel() for p in unet(name).parameters()), "fitting": list(FITTING[name]),
            "iou": told.get("scores", {}).get("val mean IoU"),
        }  # fmt: skip
    return {"networks": listed}


def unet_block(
    picture: CurrentPicture,
    settings: UNetSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
    results: bool = False,
) -> bytes:
    """Return the picture, the U with its result, the block looked into and one of its channels.

    Each part has an id and is left out where `known` has it. `results`: the result with each skip off, too.
    """
    maps, source = maps_of(picture, settings), f"{picture.identity}:{settings.net}"
    switches = str(settings.to_mapping()["skips"])
    arrays: dict[str, NDArray[Any]] = {}
    block: dict[str, Any] = {**(header or {}), "settings": settings.to_mapping()}
    shown = shown_picture(picture)
    block["picture"] = {
        "id": picture.identity, "key": picture.key, "name": picture.name, "alt": picture.alt, "shape": list(shown.shape),
        "fits": fits(picture, settings.net),
    }  # fmt: skip
    if picture.identity not in known:
        arrays["image"] = shown.numpy()
    block["u"] = {
        "id": f"{source}:{switches}",
        "nodes": _nodes(maps, arrays, f"{source}:{switches}" not in known),
    }
    mask = true_mask(picture, settings.net)
    block["u"]["truth"] = mask is not None
    if block["u"]["id"] not in known:
        arrays["labels"] = labels_of(maps).numpy()
        if mask is not None:
            arrays["truth"] = mask.numpy()
    _add_block(block, arrays, maps, settings, f"{source}:{_part(settings.block, switches)}", known)
    if results:
        found = results_of(picture, settings.net)
        skips = ["".join("1" if skip else "0" for skip in result.skips) for result in found]
        block["results"] = {"id": f"{source}:results", "skips": skips, "changed": [r.changed for r in found]}
        if block["results"]["id"] not in known:
            arrays["results"] = torch.stack([result.labels for result in found]).numpy()
    return pack(block, arrays)


def _part(block: str, switches: str) -> str:
    """Return what a block's maps depend on: the contracting arm knows nothing of the switches."""
    return block if block.startswith("carried") or block == "bottom" else f"{block}:{switches}"


def _nodes(maps: UNetMaps, arrays: dict[str, NDArray[Any]], send: bool) -> list[dict[str, Any]]:
    """Return the blocks with their sizes; to `arrays` goes the mean size of each one's values over its channels."""
    nodes = []
    for name in block_names(len(maps.levels)):
        values = block_of(maps, name)
        nodes.append({"name": name, "shape": list(values.shape), "signed": _signed(name)})
        if send:
            mean = small_maps(values.abs().mean(0, keepdim=True), NODE_SIDE)[0]
            arrays[f"node.{name}"] = (
                (mean * (255 / max(float(mean.max()), 1e-30))).round().to(torch.uint8).numpy()
            )
    return nodes


def _signed(name: str) -> bool:
    return name == "logits" or name.startswith("raised")


def _add_block(
    block: dict[str, Any], arrays: dict[str, NDArray[Any]], maps: UNetMaps, settings: UNetSettings, name: str,
    known: Collection[str],
) -> None:  # fmt: skip
    values = block_of(maps, settings.block).float()
    channel = strongest(values) if settings.channel < 0 else min(settings.channel, len(values) - 1)
    limits = values.abs().amax((1, 2))
    block["block"] = {
        "id": f"{name}:tiles", "name": settings.block, "shape": list(values.shape), "signed": _signed(settings.block),
        "silent": int((limits == 0).sum()),
    }  # fmt: skip
    if block["block"]["id"] not in known:
        scale = limits.clamp_min(1e-30)[:, None, None]
        tiles = small_maps(values, TILE_SIDE) / scale
        coded = tiles * 127 + 128 if _signed(settings.block) else tiles * 255
        arrays["tiles"] = coded.round().clamp(0, 255).to(torch.uint8).numpy()
    block["channel"] = {
        "id": f"{name}:{channel}", "index": channel, "low": float(values[channel].min()),
        "high": float(values[channel].max()),
    }  # fmt: skip
    if block["channel"]["id"] not in known:
        arrays["channel"] = values[channel].numpy()


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the picture, and what the street U-Net finds in it, side by side."""
    picture = resize_to(photo, 320)
    plain = picture.expand(3, -1, -1)
    offered = networks()
    if not offered:
        return to_hwc(plain)
    found = segment(unet(offered[0]), picture)
    drawn = overlaid(picture, found.labels, class_colours(found.categories), 0.75)
    middle = drawn.shape[2] // 2
    drawn[:, :, :middle] = plain[:, :, :middle]
    drawn[:, :, max(middle - 1, 0) : middle + 1] = 255
    return to_hwc(drawn)
