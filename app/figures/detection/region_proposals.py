"""The region-proposals screen's answers: trees one after the other, proposals of both kinds, the generations; its card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.figures.colours import palette
from app.figures.detection.region_proposals_job import RUNS
from app.figures.detection.region_proposals_runs import (
    PATIENCE,
    first_trees,
    generations_key,
    is_noted,
    measured,
    network_key,
    note,
    proposed,
    regions_of,
    tree_of,
)
from app.figures.detection.region_proposals_settings import NETWORK_LABELS, NETWORKS, ProposalSettings
from app.figures.detection.yolo_picture import shown_pixels
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.detection.region_proposals import STRATEGIES, grouping
from cnn.images.encode import resize_to, to_hwc

MOST_KNOWN = 30
CROP_SHOWN = 72


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, the ids of parts that it has (`known`), and `action` "stop" or "start" for the job
    that makes what is missing."""
    sent, shown = parameters.get("settings"), picture()
    settings = ProposalSettings.from_mapping(sent if isinstance(sent, Mapping) else {})
    first_trees(shown, settings, patience=0.0)
    action = str(parameters.get("action", ""))[:10]
    work = RUNS.follow(str(parameters.get("session", "")), shown, settings, action)
    header = {"id": parameters.get("id", 0), "action": action, "work": work}
    return proposals_block(shown, settings, known=known(parameters), header=header, waits=False)


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:200] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def screen_words(language: str) -> dict[str, Any]:
    """Return what the browser's controls list: the detectors, by name."""
    return {"nets": [[name, NETWORK_LABELS[name][language]] for name in NETWORKS]}


def proposals_block(
    picture: CurrentPicture,
    settings: ProposalSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
    waits: bool = True,
) -> bytes:
    """Return picture, the shown tree, the regions in order, and the network's proposals or the generations.

    What takes long is made by a job that `live_block` begins. Only where there is no live route (none in the header, and
    `waits`) an answer itself grows trees for a moment and runs the detector. Where `missing` is not 0 the browser is to
    ask again. Parts with an id in `known` are left out.
    """
    waits = waits and not (header or {}).get("live")
    numbers = first_trees(picture, settings, PATIENCE if waits else 0.0)
    tree_number = settings.tree if settings.tree in numbers else numbers[0]
    tree, seconds = tree_of(picture, tree_number)
    boxes, owners, search_seconds = regions_of(picture, settings, numbers)
    block: dict[str, Any] = {
        "work": None,
        **(header or {}),
        "settings": settings.to_mapping(),
        "picture": {
            "id": f"picture:{picture.identity}",
            "alt": picture.alt,
            "size": [int(n) for n in picture.pixels.shape[1:]],
        },
        "tree": {
            "id": f"tree:{picture.identity}:{tree_number}",
            "number": tree_number,
            "first": tree.first_regions,
            "seconds": seconds,
            "strategy": _described(tree_number),
        },
        "regions": {
            "id": f"regions:{picture.identity}:{numbers}:{settings.seed}",
            "numbers": list(numbers),
            "seconds": search_seconds,
        },
        "missing": len(settings.chosen) - len(numbers),
        "strategies": [_described(number) for number in range(len(STRATEGIES))],
    }
    parts: dict[str, dict[str, np.ndarray]] = {
        "picture": {"image": shown_pixels(picture)},
        "tree": {
            "segments": tree.segments.numpy(),
            "pairs": tree.pairs.int().numpy(),
            "merged": tree.boxes[tree.first_regions :].numpy(),
            "similarity": tree.similarity.float().numpy(),
        },
        "regions": {"boxes": boxes.numpy(), "owners": owners.int().numpy()},
    }
    wanted = "generations" if settings.tab == "generations" else settings.source
    if wanted == "network" and (waits or is_noted(network_key(picture, settings))):
        block["network"], parts["network"] = _told_network(picture, settings)
    elif (
        wanted == "generations"
        and not block["missing"]
        and (waits or is_noted(generations_key(picture, settings)))
    ):
        block["generations"], parts["generations"] = _told(picture, settings)
    elif wanted != "search":
        block["missing"] = max(block["missing"], 1)
    arrays = {
        name: array
        for part, made in parts.items()
        if block[part]["id"] not in known
        for name, array in made.items()
    }
    return pack(block, arrays)


def _told_network(
    picture: CurrentPicture, settings: ProposalSettings
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    found, trained = proposed(picture, settings.net)
    note(network_key(picture, settings))
    told = {
        "id": f"network:{picture.identity}:{settings.net}:{trained}", "trained": trained, "anchors": found.anchors,
        "levels": [list(level) for level in found.levels], "seconds": found.seconds,
    }  # fmt: skip
    return told, {"proposed": found.boxes.numpy(), "scores": found.scores.numpy()}


def _described(number: int) -> dict[str, Any]:
    strategy = STRATEGIES[number]
    return {"colours": strategy.colours, "scale": strategy.scale, "weights": list(strategy.weights)}


def _told(
    picture: CurrentPicture, settings: ProposalSettings
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    found, trained = measured(picture, settings)
    note(generations_key(picture, settings))
    rows = [
        {
            "name": row.pipeline.name, "year": row.pipeline.year, "source": row.pipeline.source, "regions": row.regions,
            "passes": row.passes, "multiply_adds": row.multiply_adds, "proposal_seconds": row.proposal_seconds,
            "network_seconds": row.network_seconds, "measured": row.measured,
        }
        for row in found.rows
    ]  # fmt: skip
    name = f"generations:{picture.identity}:{settings.net}:{settings.strategies}:{settings.seed}:{trained}"
    small = torch.nn.functional.interpolate(found.crops, (CROP_SHOWN, CROP_SHOWN), mode="area")
    arrays = {
        "crops": (small * 255).round().to(torch.uint8).numpy(),
        "pooled": found.pooled.float().contiguous().numpy(),
        "finals": found.proposals.numpy(),
    }
    return {"id": name, "trained": trained, "rows": rows}, arrays


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the picture as about thirty regions, with their boxes."""
    picture = resize_to(photo, 200)
    tree = grouping(picture, STRATEGIES[5])
    pixels = np.atleast_3d(to_hwc(picture)).repeat(3 if picture.shape[0] == 1 else 1, axis=2).copy()
    left = max(len(tree.pairs) - 30, 0)
    parents = np.arange(len(tree.boxes))
    for merge, pair in enumerate(tree.pairs[:left].tolist()):
        parents[pair] = tree.first_regions + merge
    roots = np.arange(tree.first_regions)
    while (parents[roots] != roots).any():
        roots = parents[roots]
    labels = roots[tree.segments.numpy()]
    for label in np.unique(labels):
        inside = labels == label
        pixels[inside] = pixels[inside].mean(0).round().astype(np.uint8)
    colours = palette("magnitude")
    for place, box in enumerate(tree.boxes[-24:].tolist()):
        x1, y1, x2, y2 = (round(value) for value in box)
        for line in (
            np.s_[y1, x1:x2],
            np.s_[max(y2 - 1, 0), x1:x2],
            np.s_[y1:y2, x1],
            np.s_[y1:y2, max(x2 - 1, 0)],
        ):
            pixels[line] = colours[90 + 6 * place]
    return pixels
