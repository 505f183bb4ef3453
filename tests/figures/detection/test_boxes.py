"""What the boxes screen sends, prints as code and gives away; its arithmetic in the browser against PyTorch's."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.ops import batched_nms

from app.figures.detection.boxes import (
    CLASS_COLOURS,
    boxes_block,
    card,
    drawing,
    kept_by_torchvision,
    live_block,
    scene_of,
    shown_for,
)
from app.figures.detection.boxes_code import pytorch_code
from app.figures.detection.boxes_files import box_files
from app.pictures import picture_of
from app.wire import unpack
from cnn.detection.box_settings import BoxSettings, drawn_boxes, drawn_text, example_drawing
from cnn.detection.iou import box_pair
from cnn.detection.nms import lecture_nms
from cnn.detection.soft_nms import soft_nms_steps

JavaScript = Callable[..., Any]
CASES: list[dict[str, Any]] = [
    {},
    {"inclusive": False, "per_class": False, "iou": 0.45, "score": 0.3, "soft": "gaussian"},
    {"source": "mine", "photo": "own", "soft": "linear"},
    {"source": "mine", "photo": "own", "drawn": ";", "score": 0.0},
]


@pytest.mark.parametrize("values", CASES, ids=str)
def test_O6_code_gives_the_boxes_that_the_screen_keeps(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BoxSettings.from_mapping(values)
    shown = shown_for(picture_of(""), settings)
    files = {name: make() for name, _, make, _ in box_files(shown, settings)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(shown, settings), space)
    scene = scene_of(shown, settings)
    kept = kept_by_torchvision(scene, settings)
    assert space["kept"].tolist() == kept.tolist()
    torch.testing.assert_close(space["boxes"], scene.boxes)
    torch.testing.assert_close(space["scores"], scene.scores)
    stored = np.load(io.BytesIO(files["npz"]))
    assert np.array_equal(stored["kept"], kept.numpy())
    lines = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    assert len(lines) == int((scene.scores > settings.score).sum())
    assert {int(line["box"]) for line in lines if line["fate"] == "kept"} == set(kept.tolist())
    if settings.soft != "none":
        index = (scene.scores > settings.score).nonzero()[:, 0]
        labels = scene.labels[index] if settings.per_class else None
        steps = soft_nms_steps(
            scene.boxes[index], scene.scores[index], labels, method=settings.soft,
            sigma=settings.sigma, iou_threshold=settings.iou,
        )  # fmt: skip
        assert space["soft"] == {int(index[step.kept]): step.score for step in steps}


def test_O6_the_default_is_the_lectures_rule() -> None:
    settings = BoxSettings()
    assert (settings.score, settings.iou, settings.inclusive) == (0.6, 0.5, True)
    scene = scene_of(shown_for(picture_of("cells_neutrophil"), settings), settings)
    steps = lecture_nms(scene.boxes, scene.scores, scene.labels)
    assert len(steps) > 5
    assert sorted(step.kept for step in steps) == sorted(kept_by_torchvision(scene, settings).tolist())
    halves = torch.tensor([[0.0, 0, 3, 2], [1, 0, 4, 2]])  # IoU exactly one half
    both = torch.tensor([0.9, 0.8])
    kept = batched_nms(halves, both, torch.zeros(2, dtype=torch.int64), settings.exact_threshold)
    assert kept.tolist() == [0]


def crowds() -> list[dict[str, Any]]:
    """Boxes of many kinds: ties in score, equal boxes, boxes without area, more than torchvision moves apart."""
    cases = []
    for seed, count in enumerate((0, 1, 2, 7, 40, 200, 1300)):
        draw = torch.Generator().manual_seed(seed)
        corners = torch.rand(count, 2, generator=draw) * 300
        sides = torch.rand(count, 2, generator=draw) * 90
        boxes = torch.cat([corners, corners + sides], 1)
        scores = torch.rand(count, generator=draw)
        labels = torch.randint(0, 4, (count,), generator=draw)
        if count > 6:
            boxes[::5] = boxes[1]
            boxes[3, 2:] = boxes[3, :2]
            scores[::4] = 0.75
            boxes[2::7] = boxes[2::7].round()
        cases.append({"boxes": boxes, "scores": scores, "labels": labels})
    return cases


RUN_NMS = """argument.map(({ boxes, scores, labels, threshold, options }) => suppressionRounds(Float32Array.from(boxes.flat()),
  Float32Array.from(scores), Int32Array.from(labels), threshold, options).map(({ kept, suppressed }) => [kept, suppressed]))"""


def test_O6_the_browsers_suppression_is_torchvisions(javascript: JavaScript) -> None:
    sent, wanted = [], []
    for case in crowds():
        for threshold in (0.1, 0.45, 0.5, 0.7):
            for per_class in (True, False):
                labels = case["labels"] if per_class else torch.zeros_like(case["labels"])
                kept = batched_nms(case["boxes"], case["scores"], labels, threshold)
                wanted.append(sorted(kept.tolist()))
                part = {name: value.tolist() for name, value in case.items()}
                sent.append({**part, "threshold": threshold, "options": {"perClass": per_class}})
    for rounds, kept, case in zip(
        javascript("boxes/suppression.js", RUN_NMS, sent), wanted, sent, strict=True
    ):
        assert sorted(one for one, _ in rounds) == kept
        everyone = [*kept, *(gone for _, suppressed in rounds for gone in suppressed)]
        assert sorted(everyone) == list(range(len(case["scores"])))


def test_O6_an_iou_of_the_threshold_goes_as_in_the_lecture(javascript: JavaScript) -> None:
    case = crowds()[4]
    halves = {"boxes": [[0, 0, 3, 2], [1, 0, 4, 2]], "scores": [0.9, 0.8], "labels": [0, 0], "threshold": 0.5}
    crowd = {**{name: value.tolist() for name, value in case.items()}, "threshold": 0.45}
    sent = [
        {**one, "options": {"inclusive": inclusive}} for one in (halves, crowd) for inclusive in (True, False)
    ]
    found = [[kept for kept, _ in rounds] for rounds in javascript("boxes/suppression.js", RUN_NMS, sent)]
    assert found[:2] == [[0], [0, 1]]
    exact = BoxSettings(iou=0.45).exact_threshold
    assert sorted(found[2]) == sorted(
        batched_nms(case["boxes"], case["scores"], case["labels"], exact).tolist()
    )


@pytest.mark.parametrize("method", ["gaussian", "linear"])
def test_O6_the_browsers_soft_scores_are_those_of_the_package(javascript: JavaScript, method: str) -> None:
    case = crowds()[4]
    steps = soft_nms_steps(
        case["boxes"], case["scores"], case["labels"], method=method, iou_threshold=0.5, sigma=0.4
    )
    expression = """softRounds(Float32Array.from(argument.boxes.flat()), Float32Array.from(argument.scores),
      Int32Array.from(argument.labels), { method: argument.method, threshold: 0.5, sigma: 0.4 }).rounds
      .map(({ kept, score, lowered, after }) => ({ kept, score, lowered, after }))"""
    sent = {**{name: value.tolist() for name, value in case.items()}, "method": method}
    found = javascript("boxes/suppression.js", expression, sent)
    assert [one["kept"] for one in found] == [step.kept for step in steps]
    for one, step in zip(found, steps, strict=True):
        assert one["score"] == pytest.approx(step.score, abs=1e-6)
        assert one["lowered"] == step.lowered.tolist()
        assert one["after"] == pytest.approx(step.after.tolist(), abs=1e-6)


def test_O5_the_browser_reads_the_same_areas_and_iou(javascript: JavaScript) -> None:
    draw = torch.Generator().manual_seed(3)
    pairs = [torch.randint(0, 40, (2, 2, 2), generator=draw).sort(1)[0].reshape(2, 4) for _ in range(60)]
    found = javascript(
        "shared/overlap.js", "argument.map(([a, b]) => overlapOf(a, b))", [p.tolist() for p in pairs]
    )
    for (a, b), one in zip(pairs, found, strict=True):
        pair = box_pair(a.float(), b.float())
        assert one["iou"] == pytest.approx(pair.iou, abs=1e-7)
        areas = pair.area_a, pair.area_b, pair.intersection_area, pair.union_area
        assert (one["areaA"], one["areaB"], one["shared"], one["union"]) == pytest.approx(areas)
        assert (tuple(one["meets"]) if one["meets"] else None) == pair.intersection


def test_dragging_keeps_a_box_inside_the_picture(javascript: JavaScript) -> None:
    expression = """({ moved: movedBox([10, 20, 40, 60], 500, -500, [100, 120], 1), snapped: movedBox([10, 20, 40, 60], 2.4, 2.6, [100, 120], 1),
      crossed: resizedBox([10, 20, 40, 60], "se", 2.2, 90.8, [100, 120], 1), flat: resizedBox([10, 20, 120, 60], "w", 400, 30, [100, 120], 1),
      grip: handleAt([10, 20, 40, 60], 41, 59, 4), none: handleAt([10, 20, 40, 60], 25, 40, 4),
      smallest: boxAt([{ box: [0, 0, 100, 100] }, { box: [10, 10, 30, 30] }], 20, 20), outside: boxAt([{ box: [0, 0, 9, 9] }], 20, 20) })"""
    found = javascript("shared/box_geometry.js", expression)
    assert found["moved"] == [90, 0, 120, 40]
    assert found["snapped"] == [12, 23, 42, 63]
    assert found["crossed"] == [2, 20, 10, 91]
    assert found["flat"] == [119, 20, 120, 60]
    assert (found["grip"], found["none"], found["smallest"], found["outside"]) == ("se", None, 1, -1)


def test_a_scene_in_the_browser_knows_each_boxs_fate(javascript: JavaScript) -> None:
    settings = BoxSettings(soft="gaussian")
    scene = scene_of(shown_for(picture_of("cells_eosinophil"), settings), settings)
    expression = """(() => { const s = new Scene(Float32Array.from(argument.boxes.flat()), Float32Array.from(argument.scores),
      Int32Array.from(argument.labels), argument.settings); const fates = (step) => s.index.map((i) => s.fate(i, step));
      const tally = (step) => fates(step).reduce((all, fate) => ({ ...all, [fate]: (all[fate] || 0) + 1 }), {});
      return { above: s.index.length, kept: s.kept, steps: s.steps, first: tally(1), second: tally(2), last: tally(s.last), soft: s.softKept.length }; })()"""
    sent = {
        "boxes": scene.boxes.tolist(),
        "scores": scene.scores.tolist(),
        "labels": scene.labels.tolist(),
        "settings": settings.to_mapping(),
    }
    found = javascript("boxes/scene.js", expression, sent)
    kept = kept_by_torchvision(scene, settings)
    assert sorted(found["kept"]) == sorted(kept.tolist())
    assert found["above"] == int((scene.scores > 0.6).sum())
    assert found["first"] == {"open": found["above"]}
    assert found["second"]["now"] == 1
    assert found["last"] == {"kept": len(kept), "gone": found["above"] - len(kept)}
    assert found["steps"] == len(kept) + 3
    assert found["soft"] >= len(kept)


def test_the_default_picture_gives_way_to_one_with_something_to_find() -> None:
    shown = shown_for(picture_of(""), BoxSettings())
    assert (shown.note, shown.picture.key, shown.model) == ("example", "cells_neutrophil", "yolo-cells")
    own = shown_for(picture_of(""), BoxSettings(photo="own"))
    assert (own.note, own.picture.key) == ("nothing", "temple")
    assert own.own_best <= 0.6
    chosen = shown_for(picture_of("cat"), BoxSettings())
    assert (chosen.note, chosen.picture.key) == ("nothing", "cat")
    assert shown_for(picture_of("cells_eosinophil"), BoxSettings()).note == ""
    asked = shown_for(picture_of("cat"), BoxSettings(photo="example", model="yolo-everyday"))
    assert float(asked.output.scores.max()) > 0.6


def test_parts_that_the_browser_has_are_not_sent_again() -> None:
    settings = BoxSettings()
    shown = shown_for(picture_of("cells_neutrophil"), settings)
    header, arrays = unpack(boxes_block(shown, settings))
    assert arrays["boxes"].shape == (header["grid"][0] * header["grid"][1] * 5 * 3, 4)
    again, rest = unpack(
        boxes_block(shown, settings, known=[header["picture"]["id"], header["candidates"]["id"]])
    )
    assert again["candidates"] == header["candidates"]
    assert set(rest) == {"kept"}


@pytest.mark.parametrize(
    "junk",
    [{}, {"settings": 3}, {"settings": {"iou": "x", "drawn": "1,2;a,b,c,d,e,f", "step": 1e99}, "known": 7}],
)
def test_live_answers_junk_with_the_default(junk: dict[str, Any]) -> None:
    header, _ = unpack(live_block(junk, lambda: picture_of("")))
    assert header["settings"]["iou"] == 0.5


def test_drawn_boxes_are_read_back_and_cut_to_the_picture() -> None:
    boxes = example_drawing((300, 451))
    assert drawn_boxes(drawn_text(boxes), (300, 451), 3) == boxes
    read = drawn_boxes("-5,10,9000,20,7,44;1,1,1,9,1,0;nan,0,1,1,1,0;1,2,3", (300, 451), 3)
    assert [(b.corners, b.score, b.label) for b in read] == [((0.0, 10.0, 451.0, 20.0), 1.0, 2)]
    assert len(drawn_boxes(";".join(["0,0,9,9,1,0"] * 90), (300, 451), 3)) == 40
    for size in ((1, 1), (3, 2000), (64, 64)):
        for box in example_drawing(size):
            x1, y1, x2, y2 = box.corners
            assert 0 <= x1 < x2 <= size[1]
            assert 0 <= y1 < y2 <= size[0]
    settings = BoxSettings(source="mine", drawn=drawn_text(boxes[:2]), photo="own")
    assert drawing(shown_for(picture_of("cat"), settings), settings) == boxes[:2]


def test_card_and_colours(javascript: JavaScript) -> None:
    shown = card(torch.full((1, 90, 120), 100, dtype=torch.uint8))
    assert shown.shape == (90, 120, 3)
    assert (shown == np.array(CLASS_COLOURS[0])).all(2).sum() > 30
    hexes = javascript("shared/class_colours.js", "CLASS_COLOURS")
    assert [tuple(int(text[i : i + 2], 16) for i in (1, 3, 5)) for text in hexes] == list(CLASS_COLOURS)
