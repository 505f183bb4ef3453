"""What the YOLO grid screen sends, prints as code and gives away; its targets in the browser against the package's."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.figures.detection.yolo_grid import (
    answer_of,
    card,
    grid_block,
    live_block,
    objects_of,
    pinned_cell,
    points_for,
    shown_for,
    target_of,
)
from app.figures.detection.yolo_grid_code import pytorch_code
from app.figures.detection.yolo_grid_files import grid_files
from app.pictures import picture_of
from app.wire import unpack
from cnn.detection.grid import grid_boxes, grid_loss
from cnn.detection.grid_settings import GridSettings, anchor_shapes
from cnn.detection.landmarks import FACE, PARTS, points_of, points_text
from cnn.detection.targets import landmark_target, localisation_target

JavaScript = Callable[..., Any]
CASES: list[dict[str, Any]] = [
    {"row": 7, "column": 2},
    {"view": "target"},
    {"view": "target", "rows": 1, "columns": 1, "anchors": 0, "answer": "0.9,0.8,0.1,0.1,0.5,0.5,0.4,0.3"},
    {
        "view": "target",
        "rows": 19,
        "columns": 19,
        "anchors": 5,
        "guess": 0.1,
        "row": 2,
        "column": 3,
        "anchor": 4,
    },
    {"view": "landmarks"},
    {"view": "landmarks", "face": False, "photo": "own"},
]


@pytest.mark.parametrize("values", CASES, ids=str)
def test_O1_O2_O4_O7_code_gives_the_same_numbers(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = GridSettings.from_mapping(values)
    shown = shown_for(picture_of(""), settings)
    files = {name: make() for name, _, make, _ in grid_files(shown, settings)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(shown, settings), space)
    stored, lines = (
        np.load(io.BytesIO(files["npz"])),
        list(csv.DictReader(io.StringIO(files["csv"].decode()))),
    )
    if settings.view == "output":
        torch.testing.assert_close(space["raw"][0], shown.output.raw)
        torch.testing.assert_close(space["boxes"], shown.output.boxes)
        torch.testing.assert_close(space["scores"], shown.output.scores)
        assert np.array_equal(stored["raw"], shown.output.raw.numpy())
        assert len(lines) == shown.output.boxes[..., 0].numel()
    elif settings.view == "target":
        target = target_of(settings, shown.size)
        assert torch.equal(space["target"].values, target.values)
        assert space["loss"].total == grid_loss(answer_of(settings, target), target).total
        assert np.array_equal(stored["values"], target.values.numpy())
        assert sum(float(line["squared_error"]) for line in lines) == pytest.approx(
            space["loss"].total, rel=1e-5
        )
    else:
        points = torch.tensor(points_for(shown, settings))
        wanted = landmark_target(points if settings.face else None, shown.size)
        torch.testing.assert_close(space["y"], wanted.values, atol=1e-5, rtol=0)
        assert len(space["y"]) == len(lines) == 129
        assert sum(int(line["counts"]) for line in lines) == (129 if settings.face else 1)


RUN_TARGET = """(() => { const t = new GridTarget(argument.objects, argument.grid, argument.size, 3, argument.shapes);
  const values = [], cares = [];
  for (let r = 0; r < t.rows; r++) for (let c = 0; c < t.columns; c++) for (let a = 0; a < t.anchors; a++) { const v = t.vector(r, c, a); values.push(v.values); cares.push(v.cares); }
  return { values, cares, depth: t.depth, names: t.names, places: t.assignments, loss: t.loss(() => argument.answer), box: t.box(argument.answer, 0, 0) }; })()"""


@pytest.mark.parametrize("grid", [(3, 3), (1, 1), (4, 19)])
@pytest.mark.parametrize("anchors", [0, 2, 5])
def test_O4_O7_the_browsers_target_is_the_packages(
    javascript: JavaScript, grid: tuple[int, int], anchors: int
) -> None:
    draw = torch.Generator().manual_seed(anchors)
    low = torch.randint(0, 200, (9, 2), generator=draw)
    corners = torch.cat([low, low + torch.randint(8, 100, (9, 2), generator=draw)], 1).tolist()
    objects = ";".join(",".join(map(str, [*box, 1, place % 3])) for place, box in enumerate(corners))
    settings = GridSettings(view="target", rows=grid[0], columns=grid[1], anchors=anchors, objects=objects)
    size = (300, 451)
    target, answer = target_of(settings, size), answer_of(settings, target_of(settings, size))
    found = javascript(
        "yolo_grid/grid_target.js",
        RUN_TARGET,
        {
            "objects": [{"box": list(b.corners), "label": b.label} for b in objects_of(settings, size)],
            "grid": grid,
            "size": size,
            "shapes": anchor_shapes(anchors, size),
            "answer": answer[0, 0, 0].tolist(),
        },
    )
    entries = target.values.reshape(-1, 8)
    torch.testing.assert_close(torch.tensor(found["values"]), entries, atol=1e-5, rtol=1e-5)
    assert found["cares"] == target.cares.reshape(-1, 8).tolist()
    assert (found["depth"], found["names"]) == (target.depth, list(target.names))
    for one, place in zip(found["places"], target.assignments, strict=True):
        assert (one["row"], one["column"], one["anchor"]) == (place.row, place.column, place.anchor)
        assert one["takenBy"] == place.taken_by
        assert one["overlaps"] == pytest.approx(place.anchor_iou, abs=1e-6)
    assert found["loss"]["total"] == pytest.approx(grid_loss(answer, target).total, rel=1e-5)
    assert found["box"] == pytest.approx(grid_boxes(answer, size)[0, 0, 0].tolist(), abs=1e-3)


def test_O7_two_objects_in_one_cell_collide_until_there_are_anchors() -> None:
    without = target_of(GridSettings(view="target", anchors=0), (427, 640))
    assert [place.object for place in without.collisions] == [1]
    with_two = target_of(GridSettings(view="target", anchors=2), (427, 640))
    assert not with_two.collisions
    first, second = with_two.assignments[:2]
    assert (first.row, first.column) == (second.row, second.column)
    assert (first.anchor, second.anchor) == (0, 1)
    assert with_two.depth == 16
    assert max(first.b_h, second.b_w) > 1  # larger than the cell


def test_O1_one_cell_is_plain_localisation() -> None:
    size = (427, 640)
    settings = GridSettings(view="target", rows=1, columns=1, anchors=0, objects="64,100,320,300,1,2")
    target = target_of(settings, size)
    wanted = localisation_target(2, (64.0, 100.0, 320.0, 300.0), size)
    assert target.names == wanted.names
    torch.testing.assert_close(target.values[0, 0, 0], wanted.values)
    nothing = target_of(GridSettings(view="target", rows=1, columns=1, anchors=0, objects=";"), size)
    assert nothing.cares.flatten().tolist() == [True] + [False] * 7
    guess = GridSettings(view="target", rows=1, columns=1, anchors=0, objects=";", guess=0.3)
    assert grid_loss(answer_of(guess, nothing), nothing).total == pytest.approx(0.09)


def test_O2_sixty_four_points_in_parts() -> None:
    assert len(FACE) == 64
    assert [end for _, _, end in PARTS][:-1] == [first for _, first, _ in PARTS][1:]
    assert (PARTS[0][1], PARTS[-1][2]) == (0, 64)
    points = points_of("", (427, 640))
    assert points_of(points_text(points), (427, 640)) == pytest.approx(
        [pytest.approx(p, abs=0.06) for p in points]
    )
    assert points_of("1,2;3", (427, 640)) == points
    cut = points_of(";".join(["900,-5"] * 64), (427, 640))
    assert set(cut) == {(640.0, 0.0)}


def test_O4_the_block_holds_the_networks_own_tensor() -> None:
    settings = GridSettings()
    shown = shown_for(picture_of("cells_neutrophil"), settings)
    header, arrays = unpack(grid_block(shown, settings))
    output = header["output"]
    assert output["depth"] == len(output["anchors"]) * (5 + len(output["categories"])) == 40
    assert arrays["raw"].shape == (40, *output["grid"])
    for reading in shown.output.cell(7, 2):
        a = reading.anchor
        assert arrays["raw"].reshape(5, 8, *output["grid"])[a, :, 7, 2].tolist() == reading.raw.tolist()
        assert arrays["boxes"][a, 7, 2].tolist() == list(reading.box)
        assert arrays["scores"][a, 7, 2].tolist() == reading.scores.tolist()
    again, rest = unpack(grid_block(shown, settings, known=[header["picture"]["id"], output["id"]]))
    assert not rest
    assert again["output"] == output


def test_pinned_places_stay_inside_the_grid() -> None:
    settings = GridSettings(view="target", row=90, column=90, anchor=4)
    assert pinned_cell(settings, target_of(settings, (50, 50))) == (2, 2, 1)
    for size in ((1, 1), (2, 3000)):
        assert target_of(GridSettings(view="target"), size).values.shape == (3, 3, 2, 8)


@pytest.mark.parametrize(
    "junk", [{}, {"settings": []}, {"settings": {"rows": "x", "view": 9, "answer": "a"}}]
)
def test_live_answers_junk_with_the_default(junk: dict[str, Any]) -> None:
    header, _ = unpack(live_block({**junk, "language": "ko"}, lambda: picture_of("")))
    assert (header["settings"]["rows"], header["settings"]["view"]) == (3, "output")
    assert header["note"]["own"] == picture_of("", language="ko").name


def test_a_picture_with_a_face_for_the_points() -> None:
    shown = shown_for(picture_of(""), GridSettings(view="landmarks"))
    assert (shown.note, shown.picture.key) == ("face", "astronaut")
    assert shown_for(picture_of("cat"), GridSettings(view="landmarks")).picture.key == "cat"
    assert shown_for(picture_of(""), GridSettings(view="target")).picture.key == "temple"


def test_card() -> None:
    assert card(torch.zeros(3, 80, 120, dtype=torch.uint8)).any(2).sum() > 200
