"""The browser's thresholds and suppression give, to the box, what torch gives; its masks are torchvision's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection.roi_heads import paste_masks_in_image

from cnn.detection.detect import RawDetections, detections, raw_detections
from cnn.detection.record import raw_block, sent_order
from cnn.images.gallery import picture
from cnn.weights import load_builtin
from tests.cnn.detection.detectors import detector
from tests.cnn.detection.detectors import picture as colours

Run = Callable[..., Any]
SELECT = """(() => {
  const arrays = {};
  for (const [name, type] of [["boxes", Float32Array], ["scores", Float32Array], ["labels", Int32Array]]) arrays[name] = { data: type.from(argument[name]) };
  const found = new Candidates(argument.header, arrays);
  return argument.settings.map(([score, iou, hide]) => { const { kept, lost, above } = found.select(score, iou, hide);
    return { kept, above, lost: lost.length, boxes: kept.map((place) => found.boxOf(place)) }; });
})()"""
SETTINGS = [
    (0.4, 0, []),
    (0.05, 0, []),
    (0.05, 0.05, []),
    (0.05, 0.95, []),
    (0.2, 0.3, [0]),
    (0.61, 0.5, [1, 2]),
    (0.95, 0, []),
]


def raw_of(name: str) -> RawDetections:
    if name in ("yolo-cells", "yolo-everyday"):
        return raw_detections(load_builtin(name), picture("cells_neutrophil"))
    return raw_detections(detector(name), colours())


@pytest.mark.parametrize("name", ["yolo-cells", "yolo-everyday", "ssd", "retinanet", "fcos", "faster"])
def test_O9_thresholds_in_the_browser_give_what_torch_gives(name: str, javascript: Run) -> None:
    raw = raw_of(name)
    header, arrays = raw_block(raw)
    argument = {"header": header, "settings": SETTINGS, **{k: v.ravel().tolist() for k, v in arrays.items()}}
    answers = javascript("detect/found.js", SELECT, argument)
    order = sent_order(raw).tolist()
    assert any(answer["kept"] for answer in answers)
    for (score, overlap, hidden), ours in zip(SETTINGS, answers, strict=True):
        classes = [k for k in range(len(raw.reading.categories)) if k not in hidden]
        theirs = detections(raw, score, overlap or None, classes)
        assert [order[place] for place in ours["kept"]] == theirs.index.tolist()
        np.testing.assert_array_equal(
            np.array(ours["boxes"], np.float32).reshape(-1, 4), theirs.boxes.numpy()
        )
        assert ours["above"] == int((raw.candidates.scores > score).sum())


def test_O9_more_than_a_thousand_boxes_are_suppressed_class_by_class(javascript: Run) -> None:
    from torchvision.ops import batched_nms

    generator = torch.Generator().manual_seed(5)
    corners = torch.rand(1500, 2, generator=generator) * 200
    boxes = torch.cat([corners, corners + 5 + 40 * torch.rand(1500, 2, generator=generator)], 1)
    labels, scores = torch.randint(0, 4, (1500,), generator=generator), torch.linspace(0.99, 0.1, 1500)
    for count in (1500, 900):
        argument = {"boxes": boxes[:count].ravel().tolist(), "labels": labels[:count].tolist(), "n": count}
        kept = javascript(
            "detect/found.js",
            "suppressed(Float32Array.from(argument.boxes), Int32Array.from(argument.labels), [...Array(argument.n).keys()], 0.45).kept",
            argument,
        )
        assert kept == batched_nms(boxes[:count], scores[:count], labels[:count], 0.45).tolist()


def test_O9_masks_are_pasted_as_torchvision_pastes_them(javascript: Run) -> None:
    generator = torch.Generator().manual_seed(1)
    patch = (torch.rand(1, 1, 28, 28, generator=generator) * 255).round()
    for box in ([10.3, 5.2, 61.7, 44.9], [-6.0, 20.0, 30.5, 70.0], [70.2, 40.0, 99.9, 59.9]):
        whole = paste_masks_in_image(patch / 255, torch.tensor([box]), (60, 100))[0, 0] > 0.5
        ours = javascript(
            "detect/found.js",
            "(() => { const m = pastedMask(Uint8Array.from(argument.patch), argument.box, [60, 100]); return { ...m, inside: [...m.inside] }; })()",
            {"patch": patch.ravel().tolist(), "box": box},
        )
        shown = np.zeros((60, 100), bool)
        inside = np.array(ours["inside"], bool).reshape(ours["height"], ours["width"])
        shown[ours["top"] : ours["top"] + ours["height"], ours["left"] : ours["left"] + ours["width"]] = (
            inside
        )
        assert (shown != whole.numpy()).sum() <= 2  # a probability of exactly one half, to rounding
        assert shown.any()


def test_a_camera_message_is_what_the_server_reads(javascript: Run) -> None:
    from app.routes.camera import _parts

    sent = javascript(
        "shared/camera.js",
        "[...packFrame({ id: 3, kind: 'detect', parameters: { name: '세포' } }, Uint8Array.from([255, 216, 7]))]",
    )
    header, data = _parts(bytes(sent))
    assert header == {"id": 3, "kind": "detect", "parameters": {"name": "세포"}}
    assert data == b"\xff\xd8\x07"
