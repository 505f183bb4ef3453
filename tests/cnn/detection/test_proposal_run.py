"""Region proposals as a job: its records, put together, are what the direct calls give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from cnn.detection.generations import PARTS, generations
from cnn.detection.proposal_run import (
    GrownTree,
    ProposalStep,
    proposal_detector,
    proposal_run,
    steps_of,
)
from cnn.detection.region_proposals import STRATEGIES, Grouping, grouping, selective_search
from cnn.detection.rpn import rpn_proposals
from cnn.jobs import JobOptions, submit
from tests.cnn.detection.detectors import picture

NETWORK = "fasterrcnn_mobilenet_v3_large_320_fpn"


def same_tree(one: Grouping, other: Grouping) -> bool:
    tensors = ("segments", "boxes", "pairs", "similarity")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in tensors)


def done_as_job(**parameters: Any) -> list[ProposalStep]:
    options = JobOptions(session="p", kind="proposals", heavy=False, history=99)
    job = submit(proposal_run, options=options, **parameters)
    assert job.wait(120) == "finished", job.error
    return [record for _, record in job.records_since()]


def test_O8_a_jobs_trees_and_regions_are_the_searchs() -> None:
    image = picture(60, 90)
    records = done_as_job(image=image, strategies=(0, 2, 5))
    whole = selective_search(image, strategies=[STRATEGIES[i] for i in (0, 2, 5)])
    trees = [record.grown.tree for record in records if record.grown]
    assert [record.grown.number for record in records if record.grown] == [0, 2, 5]
    assert all(map(same_tree, trees, whole.groupings))
    assert [(record.step, record.steps) for record in records] == [(k, 3) for k in range(4)]
    assert [record.part for record in records] == ["tree", "tree", "tree", ""]


def test_O8_a_jobs_last_state_is_the_direct_measurement() -> None:
    image = picture(60, 90)
    direct = selective_search(image, strategies=[STRATEGIES[i] for i in (1, 3)], seed=4)
    kept = GrownTree(1, grouping(image, STRATEGIES[1]), 0.25)
    records = done_as_job(
        image=image, strategies=(1, 3), grown=(kept,), wanted="generations", network=NETWORK, seed=4, sample=6
    )
    grown = [record.grown for record in records if record.grown]
    assert [found.number for found in grown] == [3]
    assert [record.part for record in records] == ["tree", "network", *PARTS, ""]
    assert [record.step for record in records] == list(range(steps_of("generations", 1) + 1))
    last = records[-1].generations
    seconds = 0.25 + grown[0].seconds
    wanted = generations(proposal_detector(NETWORK)[0], image, direct.boxes, seconds, sample=6)
    timeless = [[replace(row, network_seconds=0.0) for row in found.rows] for found in (last, wanted)]
    assert timeless[0] == timeless[1]
    for name in ("boxes", "crops", "pooled", "proposals"):
        torch.testing.assert_close(getattr(last, name), getattr(wanted, name))


def test_O8_a_jobs_proposals_are_the_networks() -> None:
    image = picture(50, 70)
    records = done_as_job(image=image, strategies=(0,), wanted="network", network=NETWORK)
    assert [record.part for record in records] == ["network", "proposals", "tree", ""]
    assert same_tree(records[-1].grown.tree, grouping(image, STRATEGIES[0]))
    found, wanted = records[-2].proposals, rpn_proposals(proposal_detector(NETWORK)[0], image)
    torch.testing.assert_close(found.boxes, wanted.boxes)
    torch.testing.assert_close(found.scores, wanted.scores)
    assert (found.anchors, found.levels) == (wanted.anchors, wanted.levels)
    assert records[-1].step == records[-1].steps == steps_of("network", 1)


def test_what_is_wanted_must_be_known() -> None:
    with pytest.raises(ValueError, match="search, network or generations"):
        next(proposal_run(picture(8, 8), strategies=(0,), wanted="boxes"))
