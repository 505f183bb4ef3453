"""The detection screen's code and files give the boxes on screen; what the browser has is not sent again."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from app.figures.detection.detect import block_id, card, detect_block, live_block, strip
from app.figures.detection.detect_files import detect_files, found_in, pytorch_code
from app.figures.detection.detect_settings import DetectSettings
from app.open_models import OpenNetwork, open_network
from app.pictures import CurrentPicture, picture_of
from app.wire import unpack
from cnn.detection.detect import detections, raw_detections
from cnn.detection.record import stored_raw
from cnn.wire import pack
from tests.cnn.detection.detectors import detector

CELLS = "cells_neutrophil"
HEADER = {"words": {"language": "en"}}


def opened(name: str = "yolo-cells") -> tuple[OpenNetwork, CurrentPicture]:
    return open_network(name, ""), picture_of(CELLS)


def ran(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "shown", "exec"), {})
    return out.getvalue()


@pytest.mark.parametrize(
    "settings",
    [DetectSettings(), DetectSettings(score=0.15, iou=0.3), DetectSettings(score=0.5, hide=(0, 2))],
    ids=["default", "lower", "one class"],
)
@pytest.mark.parametrize("name", ["yolo-cells", "yolo-everyday"])
def test_O9_the_code_prints_the_boxes_on_screen(name: str, settings: DetectSettings) -> None:
    network, picture = opened(name)
    found = found_in(network, picture, settings)
    printed = [line.split() for line in ran(pytorch_code(network, picture, settings)).splitlines()]
    assert len(printed) == len(found)
    for line, label, score, box in zip(
        printed, found.names, found.scores.tolist(), found.boxes.tolist(), strict=True
    ):
        assert line[0] == label
        assert float(line[1]) == pytest.approx(score, abs=6e-5)
        assert [float(value) for value in line[2:]] == pytest.approx(box, abs=0.06)


def test_O9_torchvisions_detectors_have_their_own_code() -> None:
    network, picture = opened()
    other = replace(network, model=detector("faster"), record=None)
    code = pytorch_code(other, picture, DetectSettings(iou=0.3, hide=(4,)))
    assert "detect(model, image, score_threshold=0.4, iou_threshold=0.3)" in code
    compile(code, "shown", "exec")


def test_O9_files_hold_what_is_shown() -> None:
    network, picture = opened()
    settings = DetectSettings(hide=(0,))
    found = found_in(network, picture, settings)
    files = {
        name: (file_name, make())
        for name, file_name, make, _ in detect_files(network, picture, settings, None)
    }
    rows = list(csv.DictReader(io.StringIO(files["csv"][1].decode())))
    assert [row["category"] for row in rows] == list(found.names)
    coco = json.loads(files["coco"][1])
    assert len(coco["annotations"]) == len(found) > 0
    shown = np.asarray(Image.open(io.BytesIO(files["png"][1])))
    assert shown.shape == (*picture.pixels.shape[1:], 3)
    assert files["png"][0] == "cells_neutrophil-detections.png"
    assert (shown != picture.pixels.permute(1, 2, 0).numpy()).any()


def test_O9_several_pictures_are_saved_in_one_table() -> None:
    network, picture = opened()
    files = {
        f[0]: f[2] for f in detect_files(network, picture, DetectSettings(many=True), None, strip("", "en"))
    }
    rows = list(csv.DictReader(io.StringIO(files["csv_all"]().decode())))
    assert sum(row["picture"] == CELLS for row in rows) == 22
    assert sum(row["picture"] == "cells_eosinophil" for row in rows) == 15
    assert len(json.loads(files["coco_all"]())["images"]) == 12


def test_O9_the_browser_gets_candidates_once() -> None:
    network, picture = opened()
    header, arrays = unpack(detect_block(network, picture, DetectSettings(), "", HEADER))
    assert header["id"] == block_id(network, picture)
    theirs = detections(raw_detections(network.model, picture.pixels, record=network.record), 0.4)
    ours = detections(
        stored_raw(pack(header["candidates"], {k: v for k, v in arrays.items() if k != "jpeg"})), 0.4
    )
    assert torch.equal(ours.boxes, theirs.boxes)
    assert Image.open(io.BytesIO(arrays["jpeg"].tobytes())).size == (320, 240)
    again, nothing = unpack(detect_block(network, picture, DetectSettings(), header["id"], HEADER))
    assert not nothing
    assert "candidates" not in again


@pytest.mark.parametrize(("net", "key", "offered"), [("yolo-cells", "temple", CELLS), ("yolo-everyday", CELLS, CELLS),
                                                     ("yolo-cells", CELLS, "cells_eosinophil")])  # fmt: skip
def test_a_picture_in_which_something_is_found_is_offered(net: str, key: str, offered: str) -> None:
    block = detect_block(open_network(net, ""), picture_of(key), DetectSettings(), "", HEADER)
    assert unpack(block)[0]["network"]["offer"]["pic"] == offered


@pytest.mark.parametrize("family", ["mask", "keypoint"])
def test_O9_masks_and_key_points_come_when_a_threshold_brings_boxes_in(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, picture = opened()
    other = replace(network, key=f"test-{family}", model=detector(family), record=None)
    monkeypatch.setattr("app.figures.detection.detect.open_network", lambda *_: other)
    ask: dict[str, Any] = {
        "id": 1,
        "session": "",
        "net": "x",
        "part": "instances",
        "index": [0, 3, -1, "x", 10**6],
    }
    header, arrays = unpack(live_block(ask, lambda: picture))
    assert header["part"] == "instances"
    assert arrays["index"].tolist() == [0, 3]
    assert len(arrays["patches" if family == "mask" else "points"]) == 2
    whole, arrays = unpack(live_block({**ask, "part": "picture"}, lambda: picture))
    assert whole["key"] == CELLS
    assert len(arrays["boxes"]) == len(arrays["scores"]) > 3


def test_fault_C2_settings_from_the_browser_are_read_or_left() -> None:
    assert DetectSettings.of({}) == DetectSettings()
    junk = {"source": "x", "score": "9", "iou": float("inf"), "hide": "1.x.2", "tags": 1, "many": "yes"}
    assert DetectSettings.of(junk) == DetectSettings(hide=(1, 2), many=True)
    kept = DetectSettings("video", 0.25, 0.6, (1, 3), False, True, False)
    assert DetectSettings.of(kept.to_browser()) == DetectSettings.of(kept.to_address()) == kept
    assert DetectSettings.of({"score": 7, "iou": -1}) == DetectSettings(score=0.95)


def test_the_card_shows_boxes() -> None:
    assert card(picture_of("temple").pixels).shape == (240, 240, 3)
    assert card(picture_of(CELLS).pixels).shape == (240, 240, 3)
