"""The shipped networks on real pictures: cells found, digits slid over."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnn.detection.detect import detect, detections, raw_detections
from cnn.detection.sliding_window import sliding_windows
from cnn.detection.yolo_cells import yolo_output
from cnn.images import load_image
from cnn.weights.builtin import builtin_record, load_builtin, normalised

IMAGES = Path(__file__).resolve().parents[3] / "assets" / "images"


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_O9_the_shipped_yolo_finds_red_cells_and_the_white_one(precision: str) -> None:
    found = detect(
        load_builtin("yolo-cells"), load_image(IMAGES / "cells_neutrophil.jpg"), precision=precision
    )
    assert found.categories == ("RBC", "WBC", "Platelets")
    assert found.counts()["WBC"] == 1
    assert found.counts()["RBC"] > 4


def test_O7_its_output_tensor_says_the_same() -> None:
    model, image = load_builtin("yolo-cells"), load_image(IMAGES / "cells_neutrophil.jpg")
    output = yolo_output(model, image)  # type: ignore[arg-type]
    raw = raw_detections(model, image)
    best = detections(raw, 0.5)
    anchor, row, column, _ = (int(i) for i in (output.scores == output.scores.max()).nonzero()[0])
    said = output.cell(row, column)[anchor]
    assert float(said.scores.max()) == pytest.approx(float(best.scores[0]), abs=1e-5)
    assert said.box == pytest.approx(best.boxes[0].tolist(), abs=0.5)


def test_O3_lenet_slides_over_two_digits() -> None:
    record = builtin_record("lenet5-mnist")
    canvas = torch.zeros(1, 32, 72)
    canvas[0, 8:24, 15:17] = 1.0  # a one
    canvas[0, 8:24, 55:57] = 1.0
    result = sliding_windows(load_builtin("lenet5-mnist"), normalised(canvas, record), window=32)
    assert result.same
    assert result.heat[:, 0, 0].argmax() == 1
    assert result.heat[:, 0, -1].argmax() == 1
