"""What the region-proposals screen computes and keeps for a while: trees, proposals of a network, the generations."""

from __future__ import annotations

import threading
import time

import torch
from torch import Tensor, nn

from app.cache import BoundedCache, tensor_bytes
from app.figures.detection.region_proposals_settings import MOST_REGIONS, ProposalSettings
from app.pictures import CurrentPicture, as_photo
from cnn.detection.generations import Generations, generations
from cnn.detection.region_proposals import STRATEGIES, Grouping, grouping, ranked
from cnn.detection.rpn import Proposals, rpn_proposals
from cnn.models.cache import MODEL_CACHE
from cnn.weights.pretrained import is_there, load_pretrained, pretrained_record

SAMPLE = 6
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
_ready: set[tuple[object, ...]] = set()
_ready_lock = threading.Lock()


def tree_of(picture: CurrentPicture, number: int) -> tuple[Grouping, float]:
    """Return one strategy's tree on the picture and the seconds it took, kept for a while."""

    def make() -> tuple[Grouping, float]:
        start = time.perf_counter()
        found = grouping(as_photo(picture), STRATEGIES[number])
        return found, time.perf_counter() - start

    key = (picture.identity, number)
    tree = _TREES.get_or_make(key, make)
    note(key)
    return tree


def is_noted(key: tuple[object, ...]) -> bool:
    """Say whether a result is there."""
    with _ready_lock:
        return key in _ready


def note(key: tuple[object, ...]) -> None:
    """Remember that a result is there, so that an answer that may not wait can tell."""
    with _ready_lock:
        if len(_ready) > 4000:
            _ready.clear()
        _ready.add(key)


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


def network_key(picture: CurrentPicture, settings: ProposalSettings) -> tuple[object, ...]:
    """Return what names the proposal network's answer."""
    return (picture.identity, "network", settings.net)


def generations_key(picture: CurrentPicture, settings: ProposalSettings) -> tuple[object, ...]:
    """Return what names the measurement of the three generations."""
    return (picture.identity, "generations", settings.net, settings.strategies, settings.seed)
