"""Candidates as bytes: what is made of them is what is made of the network's own; drawings show what was found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnn.detection.detect import detections, raw_detections
from cnn.detection.drawing import colour_of, drawn
from cnn.detection.record import SENT_ABOVE, packed_raw, raw_block, stored_raw
from cnn.detection.video import RawFrame
from cnn.detection.video_run import drawn_frame, frame_parts, plain_thresholds
from cnn.images.gallery import picture as photo
from cnn.weights import load_builtin
from tests.cnn.detection.detectors import FAMILIES, detector, picture


@pytest.mark.parametrize("family", FAMILIES)
def test_O9_the_block_gives_what_the_network_gives_at_any_thresholds(family: str) -> None:
    raw = raw_detections(detector(family), picture())
    block = packed_raw(raw, score_threshold=SENT_ABOVE)
    again = stored_raw(block)
    for score, overlap in ((0.06, None), (0.2, 0.3), (0.4, 0.7)):
        ours, theirs = detections(again, score, overlap), detections(raw, score, overlap)
        assert torch.equal(ours.boxes, theirs.boxes)
        assert torch.equal(ours.scores, theirs.scores)
        assert torch.equal(ours.labels, theirs.labels)
        assert ours.names == theirs.names
    ours, theirs = detections(again, SENT_ABOVE), detections(raw, SENT_ABOVE)
    if theirs.mask_patches is not None:
        assert ours.mask_patches is not None
        assert (ours.mask_patches - theirs.mask_patches).abs().max() <= 0.5 / 255 + 1e-6
    if theirs.keypoints is not None:
        assert ours.keypoints is not None
        torch.testing.assert_close(ours.keypoints, theirs.keypoints, atol=1e-2, rtol=1e-4)
        torch.testing.assert_close(ours.keypoint_scores, theirs.keypoint_scores)


def test_O9_what_is_sent_is_the_best_and_the_ratio_leads_into_the_picture() -> None:
    raw = raw_detections(load_builtin("yolo-cells"), photo("cells_neutrophil"))
    header, arrays = raw_block(raw, most=40)
    assert len(arrays["scores"]) == 40
    assert (np.diff(arrays["scores"]) <= 0).all()
    kept = detections(raw, 0.5)
    assert header["categories"] == list(kept.categories)
    moved = arrays["boxes"] * np.float32([*header["ratio"], *header["ratio"]])
    height, width = header["size"]
    moved = moved.clip(0, [width, height, width, height])
    for box in kept.boxes.numpy()[:3]:
        assert np.abs(moved - box).max(1).min() < 1e-3


@pytest.mark.parametrize("junk", [b"", b"\x05\0\0\0{}   ", b"\x10\0\0\0" + b" " * 40])
def test_fault_junk_is_no_block(junk: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        stored_raw(junk)


def test_O9_a_drawing_has_the_boxes_colour_on_its_edges_and_leaves_the_rest() -> None:
    image = photo("cells_neutrophil")
    found = detections(raw_detections(load_builtin("yolo-cells"), image), 0.9)
    assert 0 < len(found) < 10
    shown = drawn(image, found, labels=False)
    assert shown.shape == image.shape
    for box, label in zip(found.boxes.tolist(), found.labels.tolist(), strict=True):
        row, column = round((box[1] + box[3]) / 2), min(round(box[0]), image.shape[2] - 1)
        near = shown[:, row, max(0, column - 1) : column + 2].float()
        assert (near - torch.tensor(colour_of(label)).float()[:, None]).abs().sum(0).min() < 120
    changed = (shown != image).any(0)
    assert 0 < changed.float().mean() < 0.3
    with pytest.raises(ValueError, match="wanted a picture"):
        drawn(image[:, :-2], found)


def test_O9_a_frame_is_kept_and_drawn_at_the_thresholds_of_later() -> None:
    image = photo("cells_neutrophil")
    raw = raw_detections(load_builtin("yolo-cells"), image, precision="fast")
    parts = frame_parts(RawFrame(1, 1, 0, 0.0, image, raw, 5.0, 1.0))
    many = drawn_frame(parts.picture, parts.result, {"score": 0.3, "tags": False})
    few = drawn_frame(parts.picture, parts.result, {"score": 0.95, "tags": False})
    none = drawn_frame(parts.picture, parts.result, {"score": 0.3, "hide": [0, 1, 2], "tags": False})
    assert (many != image).sum() > (few != image).sum() > 0
    assert torch.equal(none, image)


def test_fault_C2_a_browsers_settings_are_read_or_left() -> None:
    names = ("a", "b", "c")
    assert plain_thresholds({"score": 0.25, "iou": 0.6, "hide": [1]}, names) == {
        "score_threshold": 0.25, "iou_threshold": 0.6, "classes": [0, 2],
    }  # fmt: skip
    for junk in (
        {},
        {"score": "x", "iou": None, "hide": "1"},
        {"score": float("nan"), "iou": True, "hide": [[]]},
    ):
        assert plain_thresholds(junk, names) == {
            "score_threshold": 0.4, "iou_threshold": None, "classes": None,
        }  # fmt: skip
