"""The architectures screen's answers: one block for a rerun and for the live route, and its card on the home page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from app.figures.colours import palette
from app.figures.networks.architectures_blocks import columns_of, comparison, facts, lane_of
from app.figures.networks.architectures_depth import depth_part, scaling_part
from app.figures.networks.architectures_maps import maps_part, mosaic_pixels, thumbs_of
from app.figures.networks.architectures_runs import Run, block_settings, run_of, square_of
from app.figures.networks.architectures_settings import BLOCK_NAMES, NETWORKS, ArchitectureSettings
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.images.encode import digest, resize_to, to_hwc
from cnn.models.registry import model_record
from cnn.networks.blocks import BlockSettings, block_record, build_block, picture_maps
from cnn.networks.builder import KINDS, MOST_LAYERS, PRESETS, BuilderError

MOST_KNOWN = 40
RUNNING = ("blocks", "networks", "builder")


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, and the ids of parts that it has (`known`)."""
    sent = parameters.get("settings")
    settings = ArchitectureSettings.from_mapping(sent if isinstance(sent, Mapping) else {})
    return architecture_block(
        picture(), settings, known=known(parameters), header={"id": parameters.get("id", 0)}
    )


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:200] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def screen_words(language: str) -> dict[str, Any]:
    """Return what the browser's controls list: networks, blocks with their settings, the builder's layers."""
    return {
        "networks": [[name, model_record(name).labels[language]] for name in NETWORKS],
        "blocks": {name: _described_block(name) for name in BLOCK_NAMES},
        "kinds": [
            {"name": kind.name, "group": kind.group, "numbers": [list(number) for number in kind.numbers]}
            for kind in KINDS
        ],
        "presets": dict(PRESETS),
        "most_layers": MOST_LAYERS,
    }


def _described_block(name: str) -> dict[str, Any]:
    record = block_record(name)
    usual = record.usual
    return {
        "uses": list(record.uses),
        "cin": usual.in_channels,
        "cout": usual.out_channels,
        "side": usual.size,
        "stride": str(usual.stride),
    }


def architecture_block(
    picture: CurrentPicture,
    settings: ArchitectureSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return what the tab of the settings shows. Each part has an id and is left out where `known` has it.

    Layers that do not fit give an `error` with the layer's number, beside the run of those before it.
    """
    square = resize_to(square_of(picture), 224)
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "picture": {"id": f"picture:{picture.identity}", "alt": picture.alt, "shape": list(square.shape)},
    }
    arrays: dict[str, np.ndarray] = {}
    if block["picture"]["id"] not in known:
        arrays["picture"] = square.numpy()
    if settings.tab == "depth":
        block["depth"], tiles = depth_part(picture, settings)
        if block["depth"]["id"] not in known:
            arrays["tiles"] = tiles
        return pack(block, arrays)
    if settings.tab == "scaling":
        return pack({**block, "scaling": scaling_part(settings)}, arrays)
    try:
        run = run_of(picture, settings)
    except BuilderError as error:
        block["error"] = {"code": error.code, "layer": error.layer + 1, "values": error.values}
        if not error.layer:
            return pack(block, arrays)
        words = [word for word in settings.stack.split("-") if word]
        settings = replace(settings, stack="-".join(words[: error.layer]))  # what stands before it fits
        run = run_of(picture, settings)
    _put_run(block, arrays, settings, run, known)
    return pack(block, arrays)


def _put_run(
    block: dict[str, Any],
    arrays: dict[str, np.ndarray],
    settings: ArchitectureSettings,
    run: Run,
    known: Collection[str],
) -> None:
    name = digest(repr(run.key).encode())
    block["table"] = {"id": name, "weights": run.weights}
    if name not in known:
        places, arrays["thumbs"] = thumbs_of(run.rows, run.values, run.pictures)
        block["table"] |= {
            "rows": [_row(row, thumb) for row, thumb in zip(run.rows, places, strict=True)],
            "parameters": sum(row.parameters for row in run.rows),
            "multiply_adds": sum(row.multiply_adds for row in run.rows),
        }
        if settings.tab == "blocks":
            _put_drawing(block["table"], settings, run)
    row = chosen_row(settings, run)
    block["maps"], values = maps_part(f"{name}:{row}", row, run.values.get(row))
    if values is not None and block["maps"]["id"] not in known:
        arrays["maps"] = values
    if settings.tab == "blocks" and settings.block in ("residual", "projection"):
        first = run.rows[0].name
        block["before"], values = maps_part(f"{name}:{first}:before", first, run.image)
        if values is not None and block["before"]["id"] not in known:
            arrays["before"] = values


def _put_drawing(table: dict[str, Any], settings: ArchitectureSettings, run: Run) -> None:
    record, chosen = block_record(settings.block), block_settings(settings)
    columns = columns_of(run.rows)
    for row in table["rows"]:
        row["column"], row["lane"] = columns[row["name"]], lane_of(record, row["name"])
    table["compare"] = comparison(record, chosen, run)
    table["facts"] = facts(record, chosen, run)


def _row(row: Any, thumb: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "name": row.name, "kind": row.kind, "k": row.kernel_size, "s": row.stride, "p": row.padding, "d": row.dilation,
        "g": row.groups, "shape": list(row.shape), "parameters": row.parameters, "multiply_adds": row.multiply_adds,
        "inputs": list(row.inputs), "layers": row.layers, "thumb": thumb,
    }  # fmt: skip


def chosen_row(settings: ArchitectureSettings, run: Run) -> str:
    """Return the layer whose maps are shown large: the one asked for, else the first convolution's or a block's output."""
    names = [row.name for row in run.rows]
    if settings.layer in names:
        return settings.layer
    if settings.tab == "networks":
        return next((row.name for row in run.rows if row.multiply_adds and row.name in run.values), names[0])
    if settings.tab == "blocks":
        return names[-1]
    return next(
        (row.name for row in reversed(run.rows) if len(row.shape) == 3 and row.shape[1] > 1), names[-1]
    )


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): maps of the picture before and behind a residual block."""
    side = min(photo.shape[1:])
    top, left = (photo.shape[1] - side) // 2, (photo.shape[2] - side) // 2
    square = resize_to(photo[:, top : top + side, left : left + side].contiguous(), 96).float() / 255
    image = picture_maps(square.expand(3, -1, -1), 16)
    output = build_block("residual", BlockSettings(size=image.shape[1]))(image[None])[0]
    palettes = {name: palette(name) for name in ("signed", "magnitude")}
    rows = [mosaic_pixels(maps[:6].reshape(6, *maps.shape[1:]), palettes) for maps in (image, output)]
    return np.concatenate([row[:, : min(r.shape[1] for r in rows)] for row in rows], axis=0)


def picture_pixels(picture: Tensor) -> NDArray[np.uint8]:
    """Return a picture (C, H, W) uint8 as rows of pixels for a PNG."""
    return to_hwc(picture)
