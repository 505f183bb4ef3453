"""What the region-proposals screen computes and keeps for a while: trees, proposals of a network, the generations."""

from __future__ import annotations

import threading
import time

import torch
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.figures.detection.region_proposals_settings import MOST_REGIONS, ProposalSettings
from app.pictures import CurrentPicture, as_photo
from cnn.detection.generations import Generations, generations
from cnn.detection.proposal_run import ProposalStep, is_trained, proposal_detector
from cnn.detection.region_proposals import STRATEGIES, Grouping, grouping, ranked
from cnn.detection.rpn import Proposals, rpn_proposals

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


def first_trees(picture: CurrentPicture, settings: ProposalSettings, patience: float) -> tuple[int, ...]:
    """Return the strategies that one answer waits for: all that were grown already, at least one, and more while there
    is patience, in seconds."""
    grown = list(grown_trees(picture, settings))
    start = time.perf_counter()
    for number in settings.chosen:
        if number not in grown and (not grown or time.perf_counter() - start < patience):
            tree_of(picture, number)
            grown.append(number)
    return tuple(sorted(grown))


def grown_trees(picture: CurrentPicture, settings: ProposalSettings) -> tuple[int, ...]:
    """Return the chosen strategies whose trees are there already."""
    with _ready_lock:
        return tuple(number for number in settings.chosen if (picture.identity, number) in _ready)


def keep(picture: CurrentPicture, settings: ProposalSettings, record: ProposalStep) -> None:
    """Take over what a step of a job for these settings brought."""
    if record.grown is not None:
        tree, key = (record.grown.tree, record.grown.seconds), (picture.identity, record.grown.number)
        _TREES.get_or_make(key, lambda: tree)
        note(key)
    trained = is_trained(settings.net)
    if record.proposals is not None:
        proposals = record.proposals
        _PROPOSALS.get_or_make((picture.identity, settings.net, trained), lambda: proposals)
        note(network_key(picture, settings))
    if record.generations is not None:
        found = record.generations
        _GENERATIONS.get_or_make(_measured_key(picture, settings, trained), lambda: found)
        note(generations_key(picture, settings))


def proposed(picture: CurrentPicture, name: str) -> tuple[Proposals, bool]:
    """Return the proposal network's regions, and whether its weights are trained."""
    trained = is_trained(name)
    key = (picture.identity, name, trained)
    return _PROPOSALS.get_or_make(
        key, lambda: rpn_proposals(proposal_detector(name)[0], as_photo(picture))
    ), trained


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

    def make() -> Generations:
        boxes, _, seconds = regions_of(picture, settings, settings.chosen)
        model, _ = proposal_detector(settings.net)
        return generations(model, as_photo(picture), boxes, seconds, sample=SAMPLE)

    trained = is_trained(settings.net)
    return _GENERATIONS.get_or_make(_measured_key(picture, settings, trained), make), trained


def _measured_key(picture: CurrentPicture, settings: ProposalSettings, trained: bool) -> tuple[object, ...]:
    return (picture.identity, settings.net, settings.strategies, settings.seed, trained)


def network_key(picture: CurrentPicture, settings: ProposalSettings) -> tuple[object, ...]:
    """Return what names the proposal network's answer."""
    return (picture.identity, "network", settings.net)


def generations_key(picture: CurrentPicture, settings: ProposalSettings) -> tuple[object, ...]:
    """Return what names the measurement of the three generations."""
    return (picture.identity, "generations", settings.net, settings.strategies, settings.seed)
