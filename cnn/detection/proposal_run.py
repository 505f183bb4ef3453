"""Region proposals as long work: trees of selective search one after the other, then what a detector makes of them (O8)."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn.detection.generations import PARTS, Generations, measured_parts
from cnn.detection.region_proposals import STRATEGIES, Grouping, grouping, ranked
from cnn.detection.rpn import Proposals, rpn_proposals
from cnn.models.cache import MODEL_CACHE
from cnn.weights.pretrained import is_there, load_pretrained, pretrained_record

__all__ = [
    "GrownTree",
    "ProposalStep",
    "is_trained",
    "proposal_detector",
    "proposal_run",
    "random_detector",
    "steps_of",
]

_AFTER = {"search": "", "network": "", "generations": "network"}  # what follows the last tree


@dataclass(frozen=True, slots=True, eq=False)
class GrownTree:
    """The tree of `STRATEGIES[number]` and the seconds that it took."""

    number: int
    tree: Grouping
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class ProposalStep:
    """`step` of `steps` are done; the rest is set where this step brought it.

    `grown`: a tree; `proposals` of the network; `generations` of R-CNN; `part`: what comes next, "tree", "network", one
    of `cnn.detection.generations.PARTS`, or "" at the end.
    """

    step: int
    steps: int
    part: str
    grown: GrownTree | None = None
    proposals: Proposals | None = None
    generations: Generations | None = None


def steps_of(wanted: str, missing: int) -> int:
    """Return how many steps `proposal_run` has with `missing` trees."""
    return missing + {"search": 0, "network": 2, "generations": 1 + len(PARTS)}[wanted]


def proposal_run(
    image: Tensor,
    *,
    strategies: Sequence[int],
    grown: Sequence[GrownTree] = (),
    wanted: str = "search",
    network: str = "",
    limit: int = 2000,
    seed: int = 0,
    sample: int = 8,
) -> Generator[ProposalStep, None, None]:
    """Grow the trees that are missing and run the detector, for its proposals before them; for `cnn.jobs`.

    The trees are those of `grouping`, the boxes those of `selective_search`, the results those of `rpn_proposals` and
    `generations`.

    Args:
        image: uint8 or float in 0..1, (C, H, W) with 1 or 3 channels. strategies: places in `STRATEGIES`.
        grown: trees that are there already. wanted: "search", "network" for its proposals, or "generations".
        network: a Faster R-CNN of torchvision, by name. limit, seed: as in `selective_search`. sample: as in
            `generations`.

    Raises:
        ValueError: no picture, another `wanted`. KeyError: no such network. WeightsError: its file is damaged.
    """
    if wanted not in ("search", "network", "generations"):
        raise ValueError(f"wanted search, network or generations, got {wanted!r}")
    trees = {found.number: found for found in grown}
    missing = [number for number in strategies if number not in trees]
    steps, step = steps_of(wanted, len(missing)), 0
    if wanted == "network":
        yield ProposalStep(0, steps, "network")
        model, _ = proposal_detector(network)
        yield ProposalStep(1, steps, PARTS[0])
        step, found = 2, rpn_proposals(model, image)
        yield ProposalStep(step, steps, "tree" if missing else "", proposals=found)
    else:
        yield ProposalStep(0, steps, "tree" if missing else _AFTER[wanted])
    for place, number in enumerate(missing, start=1):
        start = time.perf_counter()
        tree = grouping(image, STRATEGIES[number])
        trees[number] = GrownTree(number, tree, time.perf_counter() - start)
        step += 1
        yield ProposalStep(
            step, steps, "tree" if place < len(missing) else _AFTER[wanted], grown=trees[number]
        )
    if wanted != "generations":
        return
    model, _ = proposal_detector(network)
    chosen = [trees[number] for number in strategies]
    size = (int(image.shape[-2]), int(image.shape[-1]))
    boxes, _ = ranked([found.tree for found in chosen], size, limit=limit, seed=seed)
    parts = measured_parts(model, image, boxes, sum(found.seconds for found in chosen), sample=sample)
    while True:
        try:
            part = next(parts)
        except StopIteration as end:
            yield ProposalStep(steps, steps, "", generations=end.value)
            return
        step += 1
        yield ProposalStep(step, steps, part)


def proposal_detector(name: str) -> tuple[nn.Module, bool]:
    """Return a Faster R-CNN of torchvision, shared, and whether it has its published weights; else they are random.

    Raises:
        KeyError: no such network. WeightsError: its file is damaged.
    """
    record = pretrained_record(name)
    if is_trained(name):
        return MODEL_CACHE.get(("pretrained", record.name), lambda: load_pretrained(record)), True
    return MODEL_CACHE.get(("random detector", name), lambda: random_detector(name)), False


def is_trained(name: str) -> bool:
    """Say whether the published weights of a network are on this machine. Raises: KeyError: no such network."""
    return is_there(pretrained_record(name))


def random_detector(name: str) -> nn.Module:
    """Return a Faster R-CNN with torchvision's first weights, drawn by seed 0."""
    from torchvision.models import get_model

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        model: nn.Module = get_model(name, weights=None, weights_backbone=None)
    return model.eval().requires_grad_(False)
