"""What the style-transfer screen shows: its block for a rerun, the news of a run for the live route, its card."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from app.cache import ENCODED
from app.figures.style.first_look import fast_network, first_look, network_of
from app.figures.style.style_transfer_choices import StyleChoices, choices_of, own_values
from app.pictures import CurrentPicture, as_photo, picture_of, thumbnail_url
from app.style_runs import LAYERS, RUNS, TRANSFER, StyleRun
from app.wire import pack
from cnn.device import parse_device
from cnn.images import load_image
from cnn.images.encode import data_url, jpeg_bytes, resize_to, thumbnail, to_hwc
from cnn.images.gallery import PICTURES as BUILT_IN
from cnn.jobs.faults import memory_in_words
from cnn.style.errors import StyleError
from cnn.style.fast import stylize
from cnn.style.features import NETWORKS
from cnn.style.grams import GramComparison, gram_comparison
from cnn.style.memory import available_memory, largest_size, memory_estimate
from cnn.style.pictures import level_sizes
from cnn.style.settings import StyleSettings

MOST_FRAMES = 48
"""Pictures in one answer; the rest come with the next."""
SHOWN_SIDE = 720
_NO_GRAMS = (
    "content_layers",
    "style_layers",
    "alpha",
    "style_strength",
    "smoothness",
    "size",
    "levels",
    "start",
)
"""Settings of a run that its Grams do not depend on."""
GRAM_SIDE = 512
"""Grams of larger pictures are made at this size: they are asked for between frames, and are not to hold others up."""


def studio_block(
    choices: StyleChoices,
    runs: Mapping[str, StyleRun],
    *,
    uploads: Collection[str],
    known: Collection[str],
    device: str,
    header: Mapping[str, Any],
    answer: bytes | None = None,
) -> bytes:
    """Return the component's data. Parts with an id that is in `known` are left out: the browser has them.

    `answer` is what our live route would have said, where there is none.
    """
    language = header["words"]["language"]
    content, arrays = choices.picture, {}
    name, kind, jpeg, seconds = first_look(choices)
    block: dict[str, Any] = {
        **header,
        "settings": dict(choices.values),
        "inputs": choices.inputs,
        "networks": [_network(network, language) for network in NETWORKS],
        "network": choices.network.name,
        "content_layer": choices.content_layer,
        "style_layers": choices.style_layers,
        "picture": {"id": content.identity, "name": content.name, "alt": content.alt},
        "styles": [
            {
                "key": style.key,
                "share": share,
                "name": style.name,
                "alt": style.alt,
                "thumb": thumbnail_url(style, 192),
            }
            for style, share in choices.styles
        ],
        "memory": memory(choices, device),
        "first": {"id": name, "kind": kind, "seconds": seconds},
        "run": _run_header(runs.get(TRANSFER)),
        "layers": _run_header(runs.get(LAYERS)),
    }
    gallery = f"gallery {language} {' '.join(uploads)}"
    block["gallery"] = {"id": gallery}
    if gallery not in known:
        block["gallery"]["cards"] = _gallery(uploads, language)
    if content.identity not in known:
        block["picture"]["url"] = _shown_url(content)
    if name not in known:
        arrays["first"] = np.frombuffer(jpeg, np.uint8)
    if answer is not None:
        arrays["answer"] = np.frombuffer(answer, np.uint8)
    return pack(block, arrays)


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: the news of its runs after steps `after_run` and `after_layers`, and the Grams it wants to see."""
    header: dict[str, Any] = {"id": parameters.get("id", 0)}
    arrays: dict[str, np.ndarray] = {}
    run = RUNS.get(str(parameters.get("run", "")))
    for name, found in (("run", run), ("layers", RUNS.get(str(parameters.get("layers", ""))))):
        if found is not None:
            found.collect()
            header[name] = _news(found, parameters.get(f"after_{name}"), arrays)
    asked = parameters.get("gram")
    if isinstance(asked, Mapping):
        sent = parameters.get("settings")
        choices = choices_of(own_values(sent if isinstance(sent, Mapping) else {}), picture(), "en", "")
        header["gram"] = _gram(choices, run, asked, arrays)
    return pack(header, arrays)


def _news(run: StyleRun, after: object, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    last = after if isinstance(after, int) and after >= 0 else 0
    job, error = run.job, run.job.error
    with run.lock:
        rows = [row for row in run.rows if row["step"] > last]
        steps = [step for step in sorted(run.frames) if step > last][:MOST_FRAMES]
        if steps and len(rows) > len(steps):
            rows = [row for row in rows if row["step"] <= steps[-1]]
        for step in steps:
            arrays[f"frame{step}"] = np.frombuffer(run.frames[step], np.uint8)
        cells = []
        for (what, layer), (record, jpeg) in run.cells.items():
            if record.step > last:
                arrays[f"cell {what} {layer}"] = np.frombuffer(jpeg, np.uint8)
                cells.append({"what": what, "layer": layer, "step": record.step, "loss": record.loss,
                              "first": record.first_loss})  # fmt: skip
    wait, eta = job.estimated_wait, job.eta
    return {
        **_run_header(run),
        "rows": rows, "frames": steps, "cells": cells, "stride": run.stride,
        "state": job.state, "position": job.position, "wait": None if wait is None else round(wait),
        "eta": None if eta is None else round(eta, 1), "more": bool(rows and run.rows[-1]["step"] > rows[-1]["step"]),
        "error": {language: error.text(language) if error else "" for language in ("en", "ko")},
        "notice": {"en": run.notice[0], "ko": run.notice[1]},
        "told": [{language: notice.text(language) for language in ("en", "ko")} for notice in job.notices],
    }  # fmt: skip


def _run_header(run: StyleRun | None) -> dict[str, Any]:
    if run is None:
        return {}
    return {
        "run": run.key, "what": run.what, "inputs": run.inputs, "steps": run.steps,
        "network": run.arguments["network"], "size": run.arguments["size"],
        "done": run.job.done,
    }  # fmt: skip


def _network(network: Any, language: str) -> dict[str, Any]:
    return {
        "name": network.name, "label": network.label_ko if language == "ko" else network.label_en,
        "layers": list(network.layers), "content_layers": list(network.content_layers),
        "style_layers": list(network.style_layers), "poolable": network.poolable, "available": network.available(),
    }  # fmt: skip


def memory(choices: StyleChoices, device: str) -> dict[str, Any]:
    """What a run would take, in words, the sizes it goes through, and the largest size that fits; or why there can be none."""
    if choices.obstacle is not None:
        return {"said": {language: choices.obstacle.sentence(language) for language in ("en", "ko")}}
    wanted = {name: value for name, value in choices.arguments(device).items() if name != "style_shares"}
    key = tuple((name, tuple(v.items()) if isinstance(v, dict) else v) for name, v in wanted.items())
    needed, largest = _estimates(key, choices.size, len(choices.styles))
    settings = StyleSettings(**wanted)
    minimum = choices.network.minimum_size((*choices.style_layers, choices.content_layer))
    levels = level_sizes(*choices.size, settings.levels, minimum)
    return {
        "needed": memory_in_words(needed), "fits": needed <= available_memory(parse_device(device)),
        "available": memory_in_words(available_memory(parse_device(device))), "largest": largest,
        "levels": [list(level) for level in levels],
    }  # fmt: skip


@lru_cache(maxsize=64)
def _estimates(key: tuple[tuple[str, Any], ...], size: tuple[int, int], styles: int) -> tuple[int, int]:
    wanted = {name: dict(value) if isinstance(value, tuple) else value for name, value in key}
    settings = StyleSettings(**wanted)
    network = next(n for n in NETWORKS if n.name == settings.network)
    needed = memory_estimate(network, settings, size, styles=styles).total
    return needed, largest_size(network, settings, proportions=size, styles=styles)


def gram(choices: StyleChoices, run: StyleRun | None, layer: str, step: int) -> GramComparison:
    """The Grams of the styles and of a run's picture at a step (0: of the content), at one layer."""
    image = content = choices.content()
    styles, arguments = choices.style_pictures(), choices.arguments("cpu")
    if run is not None:
        content, styles, arguments = run.content, run.styles, {**run.arguments, "device": "cpu"}
        newest = run.newest
        if newest is not None and step == newest.step:
            image = newest.image
        elif step in run.frames:
            image = load_image(run.frames[step])
        else:
            image = content
    if max(image.shape[1:]) > GRAM_SIDE:
        image = resize_to(image, GRAM_SIDE)
    network = next(network for network in NETWORKS if network.name == arguments["network"])
    height, width = image.shape[1:]
    if min(height, width) < network.minimum_size((layer,)):
        raise StyleError("too_small", width=width, height=height, minimum=network.minimum_size((layer,)))
    kept = {name: value for name, value in arguments.items() if name not in _NO_GRAMS}
    return gram_comparison(image, content, styles, layer=layer, **kept)


def _gram(
    choices: StyleChoices, run: StyleRun | None, asked: Mapping[str, Any], arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    layer = str(asked.get("layer", ""))
    network = (
        choices.network if run is None else next(n for n in NETWORKS if n.name == run.arguments["network"])
    )
    if layer not in network.layers:
        layer = network.style_layers[0]
    step = asked.get("step")
    found = gram(choices, run, layer, step if isinstance(step, int) else 0)
    arrays["aim"], arrays["own"] = (matrix.numpy() for matrix in (found.aim, found.own))
    return {"layer": layer, "step": step, "name": str(asked.get("name", ""))[:120], "positions": found.positions,
            "channels": found.own.shape[0], "loss": found.loss if math.isfinite(found.loss) else 0.0}  # fmt: skip


def _gallery(uploads: Collection[str], language: str) -> list[dict[str, str]]:
    """Every picture that can be a style: paintings first, then the person's own, then the rest."""
    ordered = sorted(BUILT_IN, key=lambda record: record.kind != "painting")
    paintings = [record.id for record in ordered if record.kind == "painting"]
    rest = [record.id for record in ordered if record.kind != "painting"]
    cards = []
    for key in (*paintings, *list(uploads)[:12], *rest):
        try:
            shown = picture_of(key, language=language)
        except (LookupError, ValueError):
            continue
        cards.append({"key": key, "name": shown.name, "alt": shown.alt, "thumb": thumbnail_url(shown, 96),
                      "kind": "painting" if key in paintings else "own" if key.startswith("u-") else "other"})  # fmt: skip
    return cards


def _shown_url(picture: CurrentPicture) -> str:
    def make() -> bytes:
        return jpeg_bytes(to_hwc(thumbnail(as_photo(picture), SHOWN_SIDE)), quality=90)

    return data_url(ENCODED.get_or_make(("shown", picture.identity), make), "image/jpeg")


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the photo, the painting, and the photo in its style."""
    style = picture_of("painting_starry_night")
    shown = resize_to(photo, 320)
    name = network_of(style)
    made = (
        to_hwc(stylize(fast_network(name), shown)) if name and min(shown.shape[1:]) >= 16 else to_hwc(shown)
    )
    pixels = np.atleast_3d(made)
    pixels = pixels.repeat(3, axis=2).copy() if pixels.shape[2] == 1 else pixels.copy()
    side = max(8, round(0.34 * min(pixels.shape[:2])))
    painting = cv2.resize(to_hwc(style.pixels), (round(side * 1.25), side), interpolation=cv2.INTER_AREA)
    inset = painting[:, : pixels.shape[1]]
    pixels[-inset.shape[0] :, -inset.shape[1] :] = inset
    pixels[-inset.shape[0] - 2 : -inset.shape[0], -inset.shape[1] :] = 255
    pixels[-inset.shape[0] :, -inset.shape[1] - 2 : -inset.shape[1]] = 255
    return pixels
