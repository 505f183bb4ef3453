"""What the region-proposals screen sends, draws, gives away and prints as code."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from app.figures.detection import region_proposals_job
from app.figures.detection.region_proposals import (
    card,
    live_block,
    proposals_block,
    screen_words,
)
from app.figures.detection.region_proposals_files import listed, proposal_files, pytorch_code
from app.figures.detection.region_proposals_job import ProposalRuns
from app.figures.detection.region_proposals_runs import tree_of
from app.figures.detection.region_proposals_settings import FIELDS, NETWORKS, ProposalSettings
from app.language import LANGUAGES, Words
from app.pictures import as_photo, picture_of
from app.wire import unpack
from cnn.detection.generations import generations
from cnn.detection.proposal_run import proposal_detector
from cnn.detection.region_proposals import STRATEGIES, grouping, merge_steps, ranked
from cnn.detection.rpn import rpn_proposals
from cnn.jobs import QueueFull

MODULE = "region_proposals/region_proposals.js"
SMALL = "matrix"


def small() -> Any:
    values = ";".join(
        ",".join(str((r * c) % 7 + (40 if r > 8 and c > 10 else 0)) for c in range(24)) for r in range(20)
    )
    return picture_of(SMALL, values)


def block_of(known: tuple[str, ...] = (), **values: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    settings = ProposalSettings.from_mapping(values)
    for number in settings.chosen:
        tree_of(small(), number)
    return unpack(proposals_block(small(), settings, known=known))


def test_O8_the_block_holds_tree_and_regions_in_order() -> None:
    header, arrays = block_of(tree=2)
    tree, _ = tree_of(small(), 2)
    steps = list(merge_steps(tree))
    assert header["missing"] == 0
    assert arrays["segments"].max() + 1 == header["tree"]["first"] == tree.first_regions
    assert [tuple(box) for box in arrays["merged"].tolist()] == [step.box for step in steps]
    boxes, owners = listed(small(), ProposalSettings())
    assert np.array_equal(arrays["boxes"], boxes.numpy())
    assert arrays["owners"].tolist() == owners
    ids = tuple(header[part]["id"] for part in ("picture", "tree", "regions"))
    assert not block_of(known=ids, tree=2)[1]


def followed(settings: ProposalSettings, picture: Any, session: str = "s") -> list[dict[str, Any]]:
    """What the live route tells, asked until nothing is missing."""
    told, end = [], time.monotonic() + 120
    while time.monotonic() < end:
        answer = live_block({"settings": settings.to_mapping(), "session": session}, lambda: picture)
        told.append(unpack(answer)[0])
        if not told[-1]["missing"]:
            return told
        time.sleep(0.05)
    raise AssertionError(told[-1])


def test_what_takes_long_is_left_to_a_job_that_the_live_route_follows() -> None:
    values = "1,2,3;4,5,60;7,8,9;3,3,3"
    settings = ProposalSettings(tab="generations", strategies="0")
    picture = picture_of(SMALL, values)
    rerun = {"live": {"path": "x", "token": "y"}}
    first, _ = unpack(proposals_block(picture, settings, header=rerun))
    assert (first["missing"], first["work"]) == (1, None)
    assert "generations" not in first
    told = followed(settings, picture)
    asked = told[-1]
    assert (asked["missing"], asked["work"], len(asked["generations"]["rows"])) == (0, None, 3)
    assert {answer["work"]["state"] for answer in told[:-1]} <= {"queued", "running", "finished"}
    again, _ = unpack(proposals_block(picture, settings, header=rerun))
    assert again["generations"] == asked["generations"]


@pytest.mark.parametrize("values", [{}, {"source": "network"}, {"tab": "generations"}], ids=str)
def test_O8_a_jobs_picture_is_the_one_computed_at_once(values: dict[str, Any]) -> None:
    pixels = ";".join(
        ",".join(str((3 * r * c + len(str(values))) % 90) for c in range(26)) for r in range(22)
    )
    settings = ProposalSettings.from_mapping({**values, "strategies": "024"})
    picture = picture_of(SMALL, pixels)
    followed(settings, picture)
    told, arrays = unpack(proposals_block(picture, settings))
    image = as_photo(picture)
    trees = [grouping(image, STRATEGIES[number]) for number in settings.chosen]
    boxes, _ = ranked(trees, (22, 26), limit=2000, seed=settings.seed)
    assert np.array_equal(arrays["boxes"], boxes.numpy())
    assert np.array_equal(arrays["segments"], trees[0].segments.numpy())
    model, _ = proposal_detector(settings.net)
    if settings.source == "network":
        np.testing.assert_allclose(
            arrays["proposed"], rpn_proposals(model, image).boxes, rtol=1e-5, atol=1e-4
        )
    if settings.tab == "generations":
        direct = generations(model, image, boxes, 0.0, sample=6)
        counts = [(row.passes, row.regions, row.multiply_adds) for row in direct.rows]
        rows = told["generations"]["rows"]
        assert [(row["passes"], row["regions"], row["multiply_adds"]) for row in rows] == counts
        np.testing.assert_allclose(arrays["pooled"], direct.pooled, rtol=1e-4, atol=1e-5)


def test_a_person_stops_the_job_and_goes_on() -> None:
    picture = picture_of(SMALL, "9,2,3,9;4,5,6,9;7,8,9,9;1,1,1,5")
    settings = ProposalSettings(tab="generations", strategies="013")

    def told(session: str, action: str = "") -> Any:
        parameters = {"settings": settings.to_mapping(), "session": session, "action": action}
        return unpack(live_block(parameters, lambda: picture))[0]

    stopped = told("stops", "stop")
    assert (stopped["work"]["state"], stopped["action"]) == ("cancelled", "stop")
    begun = told("stops")
    assert begun["work"]["state"] in ("queued", "running")
    assert told("stops", "stop")["work"]["state"] == "cancelled"
    later = told("stops")
    assert (later["work"]["state"], later["missing"] > 0) == ("cancelled", True)
    assert told("stops", "start")["work"]["state"] in ("queued", "running")
    assert not followed(settings, picture, "stops")[-1]["missing"]


def test_other_settings_end_the_job_before_and_a_full_queue_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = picture_of(SMALL, "9,2,3,1;4,5,6,2;7,8,9,3;1,1,8,5")
    runs = ProposalRuns()
    settings = ProposalSettings(tab="generations", strategies="25")
    runs.follow("one", picture, settings, "")
    job = runs._runs["one"].job
    runs.follow("one", picture, replace(settings, seed=7), "")
    assert job.state in ("cancelled", "finished")
    assert runs._runs["one"].job is not job
    runs.follow("one", picture, settings, "stop")

    def full(*_: Any, **__: Any) -> None:
        raise QueueFull(20)

    monkeypatch.setattr(region_proposals_job, "submit", full)
    refused = runs.follow("two", picture, settings, "")
    assert refused is not None
    assert refused["state"] == "refused"
    assert all(refused["error"].values())


def test_trees_follow_one_after_the_other() -> None:
    picture = picture_of(SMALL, "1,2,3,9;4,5,6,9;7,8,9,9;1,1,1,1")
    settings, seen = ProposalSettings(), []
    for _ in range(7):
        header, _ = unpack(proposals_block(picture, settings))
        seen.append(header["missing"])
        if not header["missing"]:
            break
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0


@pytest.mark.parametrize(
    "values", [{}, {"strategies": "13", "seed": 4}, {"source": "network"}, {"tab": "generations"}], ids=str
)
def test_O8_code_gives_the_same_boxes(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, settings = (
        small(),
        ProposalSettings.from_mapping({**values, "targets": "0,0,500,500;400,400,1000,1000"}),
    )
    made = {name: make() for name, _, make, _ in proposal_files(picture, settings)}
    (tmp_path / "picture.png").write_bytes(made["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(picture, settings), space)
    boxes, _ = listed(picture, settings)
    if settings.tab == "generations":
        header, _ = block_of(**values)
        told = [
            (row["name"], row["passes"], row["regions"], row["multiply_adds"])
            for row in header["generations"]["rows"]
        ]
        assert told == [(r.pipeline.name, r.passes, r.regions, r.multiply_adds) for r in space["rows"]]
    torch.testing.assert_close(space["boxes"], boxes, atol=1e-3, rtol=1e-5)
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    assert len(rows) == len(boxes)
    if "best" in space:
        shown = [max(float(row[f"iou_{i}"]) for row in rows[: settings.n]) for i in (1, 2)]
        assert space["best"].tolist() == pytest.approx(shown, abs=1e-4)
    assert made["view"].startswith(b"\x89PNG")


def test_O8_coverage_in_the_browser_is_torchvisions(javascript: Callable[..., Any]) -> None:
    generator = torch.Generator().manual_seed(5)
    corners = torch.rand(60, 2, 2, generator=generator).sort(1).values * 100
    boxes = corners.reshape(60, 4)
    targets = torch.tensor([[10.0, 10, 60, 70], [30.0, 5, 90, 40]])
    script = """(() => { const c = coverage(Float32Array.from(argument.boxes), argument.targets);
      return { mean: [...c.mean], found: c.found, best: c.best, last: c.winners.map((w) => w.at(-1)) }; })()"""
    found = javascript(MODULE, script, {"boxes": boxes.reshape(-1).tolist(), "targets": targets.tolist()})
    overlaps = box_iou(boxes, targets)
    wanted = overlaps.cummax(0).values
    assert found["mean"] == pytest.approx(wanted.mean(1).tolist(), abs=1e-5)
    assert found["last"] == overlaps.argmax(0).tolist()
    hits = [[k + 1 for k, value in enumerate(column) if value >= 0.5] for column in overlaps.T.tolist()]
    assert found["found"] == [hit[0] if hit else 0 for hit in hits]


def test_O8_merging_in_the_browser_is_the_tree(javascript: Callable[..., Any]) -> None:
    tree, _ = tree_of(small(), 0)
    image = torch.arange(3 * 20 * 24).reshape(3, 20, 24) % 251
    argument = {
        "segments": tree.segments.reshape(-1).tolist(), "shape": list(tree.segments.shape), "first": tree.first_regions,
        "pairs": tree.pairs.reshape(-1).tolist(), "image": image.reshape(-1).tolist(),
    }  # fmt: skip
    script = """(() => { const m = new Merging({ segments: { data: argument.segments, shape: argument.shape }, pairs: { data: argument.pairs }, first: argument.first },
        { data: argument.image, shape: [3, 20, 24] });
      return [0, 1, 3, m.merges].map((step) => { m.go(step); return { left: m.left, roots: argument.segments.map((_, i) => m.rootAt(Math.floor(i / 24), i % 24)), size: m.size(m.rootAt(0, 0)) }; }); })()"""
    found = javascript(MODULE, script, argument)
    merges = len(tree.pairs)
    assert merges >= 3
    for step, state in zip((0, 1, 3, merges), found, strict=True):
        assert state["left"] == tree.first_regions - step == len(set(state["roots"]))
        roots = torch.tensor(state["roots"]).reshape(20, 24)
        assert torch.equal(tree.mask(int(roots[0, 0])), roots == roots[0, 0])
        assert state["size"] == int((roots == roots[0, 0]).sum())


@pytest.mark.parametrize(
    "junk",
    [
        None,
        [],
        {"strategies": "", "targets": "x", "net": "../x", "n": "many"},
        {"strategies": "999", "targets": "0,0,0,0;9999,9999,9999,9999", "tree": 5, "step": 10**9},
        {"strategies": "3", "tree": 0},
    ],
)
def test_fault_C1_junk_over_the_socket_gives_a_block(junk: Any) -> None:
    header, arrays = unpack(live_block({"settings": junk, "known": {"a": 1}}, small))
    assert len(arrays["boxes"])
    assert header["tree"]["number"] in header["regions"]["numbers"]


@pytest.mark.parametrize("matrix", ["1", "7,7,7", "1,2;3,4"])
@pytest.mark.parametrize(
    "values", [{}, {"source": "network"}, {"tab": "generations", "strategies": "0"}], ids=str
)
def test_fault_A6_any_picture(matrix: str, values: dict[str, Any]) -> None:
    settings = ProposalSettings.from_mapping(values)
    header, arrays = unpack(proposals_block(picture_of(SMALL, matrix), settings))
    assert json.dumps(header, allow_nan=False)
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_tables_and_records_agree() -> None:
    assert {field.name: field.default for field in FIELDS} == ProposalSettings().to_mapping()
    assert ProposalSettings(targets="0,0,500,1000").boxes(200, 100) == [(0, 0, 50, 200)]
    for language in LANGUAGES:
        words = Words(language, "detection", "region_proposals")
        assert [name for name, _ in screen_words(language)["nets"]] == list(NETWORKS)
        assert all(words.has(f"colours_{strategy.colours}") for strategy in STRATEGIES)


@pytest.mark.parametrize("shape", [(3, 213, 320), (1, 64, 64), (3, 320, 20)])
def test_card(shape: tuple[int, ...]) -> None:
    photo = torch.zeros(shape, dtype=torch.uint8)
    photo[:, shape[1] // 4 : shape[1] // 2, 4:16] = 200
    photo[:, shape[1] // 2 :, 10:] = 90
    drawn = card(photo)
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) >= 3
