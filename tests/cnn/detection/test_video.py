"""A video through a detector, steered on the way; tables against pycocotools and csv."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from cnn.detection.detect import detect, detections, raw_detections
from cnn.detection.video import coco_json, detect_video, detections_csv
from cnn.video import write_mp4
from tests.cnn.detection.detectors import detector, picture


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_mp4(path, [(picture(48, 64, seed) * 255).to(torch.uint8) for seed in (1, 1, 2, 2, 3)], 5)
    return path


def test_O9_every_frame_is_detected_as_a_picture_of_its_own(clip: Path) -> None:
    model = detector("ssd")
    records = list(
        detect_video(source=clip.read_bytes(), model=model, precision="exact", score_threshold=0.3, batch=2)
    )
    assert [(r.frame, r.frames) for r in records] == [(i, 5) for i in range(1, 6)]
    assert [r.seconds for r in records] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    for record in records:
        alone = detect(model, record.picture, score_threshold=0.3)
        assert torch.equal(record.found.labels, alone.labels)
        torch.testing.assert_close(record.found.boxes, alone.boxes, atol=1e-2, rtol=1e-3)
        assert record.found.timings.decode > 0
        assert record.speed > 0


def test_O9_thresholds_are_steered_on_the_way(clip: Path) -> None:
    run = detect_video(source=clip, model=lambda: detector("ssd"), score_threshold=0.0, every=2)
    first = next(run)
    assert len(first.found) > 0
    second = run.send({"score_threshold": 1.0, "unknown": 3})
    assert len(second.found) == 0
    assert second.number == 2
    run.close()


def test_O9_tables_hold_the_same_boxes() -> None:
    found = detections(raw_detections(detector("mask"), picture()), 0.1, limit=4)
    rows = list(csv.DictReader(io.StringIO(detections_csv([("a.jpg", found), ("=HYPERLINK()", found)]))))
    assert len(rows) == 2 * len(found) == 8
    assert float(rows[1]["x2"]) == pytest.approx(float(found.boxes[1, 2]), abs=0.01)
    assert rows[0]["category"] == found.names[0]
    assert rows[4]["picture"] == "'=HYPERLINK()"
    table = json.loads(json.dumps(coco_json([("a.jpg", found)])))
    assert table["images"] == [{"id": 1, "file_name": "a.jpg", "height": 70, "width": 90}]
    assert {c["id"] for c in table["categories"]} == set(found.labels.tolist())
    for index, entry in enumerate(table["annotations"]):
        x, y, width, height = entry["bbox"]
        assert [x, y, x + width, y + height] == pytest.approx(found.boxes[index].tolist(), rel=1e-5)
        runs = coco_mask.frPyObjects(entry["segmentation"], 70, 90)
        assert np.array_equal(coco_mask.decode(runs).astype(bool), found.mask(index).numpy())
        assert entry["area"] == int(found.mask(index).sum())


def test_O9_key_points_in_cocos_format() -> None:
    found = detections(raw_detections(detector("keypoint"), picture()), 0.1, limit=2)
    entry = coco_json([(0, found)])["annotations"][0]
    assert len(entry["keypoints"]) == 51
    assert entry["keypoints"][2::3] == [2.0] * 17
