"""The region-proposals screen's answers: trees one after the other, proposals of both kinds, the generations; its card."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.cache import BoundedCache, tensor_bytes
from app.figures.colours import palette
from app.figures.detection.region_proposals_settings import (
    MOST_REGIONS,
    NETWORK_LABELS,
    NETWORKS,
    ProposalSettings,
)
from app.figures.detection.yolo_picture import shown_pixels
from app.pictures import CurrentPicture, as_photo
from app.wire import pack
from cnn.detection.generations import Generations, generations
from cnn.detection.region_proposals import STRATEGIES, Grouping, grouping, ranked
from cnn.detection.rpn import Proposals, rpn_proposals
from cnn.images.encode import resize_to, to_hwc
from cnn.models.cache import MODEL_CACHE
from cnn.weights.pretrained import is_there, load_pretrained, pretrained_record

MOST_KNOWN = 30
SAMPLE, CROP_SHOWN = 6, 72
PATIENCE = 0.3
"""Seconds after which an answer grows no further tree; the browser asks again for the rest."""


def _tree_bytes(tree: tuple[Grouping, float]) -> int:
    found = tree[0]
    return sum(map(tensor_bytes, (found.segments, found.boxes, found.pairs, found.similarity)))


_TREES: BoundedCache[tuple[Grouping, float]] = BoundedCache(48_000_000, _tree_bytes)
_PROPOSALS: BoundedCache[Proposals] = BoundedCache(4_000_000, lambda found: tensor_bytes(found.boxes) * 2)
_GENERATIONS: BoundedCache[Generations] = BoundedCache(
    32_000_000,
    lambda found: tensor_bytes(found.crops) + tensor_bytes(found.pooled) + tensor_bytes(found.proposals),
)
_ready: set[tuple[str, int]] = set()
_ready_lock = threading.Lock()


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, and the ids of parts that it has (`known`)."""
    sent = parameters.get("settings")
    settings = ProposalSettings.from_mapping(sent if isinstance(sent, Mapping) else {})
    return proposals_block(
        picture(), settings, known=known(parameters), header={"id": parameters.get("id", 0)}
    )


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:200] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def screen_words(language: str) -> dict[str, Any]:
    """Return what the browser's controls list: the detectors, by name."""
    return {"nets": [[name, NETWORK_LABELS[name][language]] for name in NETWORKS]}


def tree_of(picture: CurrentPicture, number: int) -> tuple[Grouping, float]:
    """Return one strategy's tree on the picture and the seconds it took, kept for a while."""

    def make() -> tuple[Grouping, float]:
        start = time.perf_counter()
        found = grouping(as_photo(picture), STRATEGIES[number])
        return found, time.perf_counter() - start

    tree = _TREES.get_or_make((picture.identity, number), make)
    with _ready_lock:
        _ready.add((picture.identity, number))
        if len(_ready) > 4000:
            _ready.clear()
    return tree


def first_trees(picture: CurrentPicture, settings: ProposalSettings) -> tuple[int, ...]:
    """Return the strategies that one answer waits for: all that were grown already, and more while there is time."""
    with _ready_lock:
        grown = [number for number in settings.chosen if (picture.identity, number) in _ready]
    start = time.perf_counter()
    for number in settings.chosen:
        if number not in grown and (not grown or time.perf_counter() - start < PATIENCE):
            tree_of(picture, number)
            grown.append(number)
    return tuple(sorted(grown))


def detector_of(name: str) -> tuple[nn.Module, bool]:
    """Return a Faster R-CNN and whether it has its published weights; else they are random (seed 0)."""
    record = pretrained_record(name)
    if is_there(record):
        return MODEL_CACHE.get(("pretrained", record.name), lambda: load_pretrained(record)), True
    return MODEL_CACHE.get(("random detector", name), lambda: random_detector(name)), False


def random_detector(name: str) -> nn.Module:
    """Return a Faster R-CNN with torchvision's first weights, drawn by seed 0."""
    from torchvision.models import get_model

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        model: nn.Module = get_model(name, weights=None, weights_backbone=None)
    return model.eval().requires_grad_(False)


def proposed(picture: CurrentPicture, name: str) -> tuple[Proposals, bool]:
    """Return the proposal network's regions, and whether its weights are trained."""
    model, trained = detector_of(name)
    key = (picture.identity, name, trained)
    return _PROPOSALS.get_or_make(key, lambda: rpn_proposals(model, as_photo(picture))), trained


def regions_of(
    picture: CurrentPicture, settings: ProposalSettings, numbers: tuple[int, ...]
) -> tuple[Tensor, Tensor, float]:
    """Return the boxes (R, 4) in the order of their rank, the strategy of each, and the seconds of the search."""
    trees = [tree_of(picture, number) for number in numbers]
    height, width = (int(n) for n in picture.pixels.shape[1:])
    boxes, owners = ranked(
        [tree for tree, _ in trees], (height, width), limit=MOST_REGIONS, seed=settings.seed
    )
    return boxes, torch.tensor(numbers)[owners], sum(seconds for _, seconds in trees)


def measured(picture: CurrentPicture, settings: ProposalSettings) -> tuple[Generations, bool]:
    """Return the three generations on the picture, measured once, and whether the weights are trained."""
    boxes, _, seconds = regions_of(picture, settings, settings.chosen)
    model, trained = detector_of(settings.net)
    key = (picture.identity, settings.net, settings.strategies, settings.seed, trained)
    image = as_photo(picture)
    return _GENERATIONS.get_or_make(
        key, lambda: generations(model, image, boxes, seconds, sample=SAMPLE)
    ), trained


def proposals_block(
    picture: CurrentPicture,
    settings: ProposalSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return picture, the shown tree, the regions in order, and the network's proposals or the generations.

    One answer grows trees for a moment; `missing` counts those that the browser is to ask for again. Parts with an id
    in `known` are left out.
    """
    numbers = first_trees(picture, settings)
    tree_number = settings.tree if settings.tree in numbers else numbers[0]
    tree, seconds = tree_of(picture, tree_number)
    boxes, owners, search_seconds = regions_of(picture, settings, numbers)
    block: dict[str, Any] = {
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
    if settings.source == "network" and settings.tab == "regions":
        found, trained = proposed(picture, settings.net)
        block["network"] = {
            "id": f"network:{picture.identity}:{settings.net}:{trained}", "trained": trained, "anchors": found.anchors,
            "levels": [list(level) for level in found.levels], "seconds": found.seconds,
        }  # fmt: skip
        parts["network"] = {"proposed": found.boxes.numpy(), "scores": found.scores.numpy()}
    if settings.tab == "generations" and not block["missing"]:
        block["generations"], parts["generations"] = _told(picture, settings)
    arrays = {
        name: array
        for part, made in parts.items()
        if block[part]["id"] not in known
        for name, array in made.items()
    }
    return pack(block, arrays)


def _described(number: int) -> dict[str, Any]:
    strategy = STRATEGIES[number]
    return {"colours": strategy.colours, "scale": strategy.scale, "weights": list(strategy.weights)}


def _told(
    picture: CurrentPicture, settings: ProposalSettings
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    found, trained = measured(picture, settings)
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
