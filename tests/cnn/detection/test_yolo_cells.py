"""What a cell says, computed by hand from the raw tensor, and against the detector's own candidates."""

from __future__ import annotations

import math

import pytest
import torch

from cnn.detection.detect import raw_detections
from cnn.detection.yolo_cells import yolo_output
from cnn.models.yolo import YOLO
from tests.cnn.detection.detectors import detector, picture


@pytest.fixture(scope="module")
def yolo() -> YOLO:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = YOLO(2, ((20, 30), (60, 40), (90, 90))).eval()
        torch.nn.init.normal_(model.head.weight, std=2.0)
        return model


def test_O7_depth_grid_and_a_cell_by_hand(yolo: YOLO) -> None:
    output = yolo_output(yolo, picture(120, 160))
    assert output.grid == (12, 16)  # 256 pixels wide, 192 high, cells of 16
    assert output.depth == 3 * (5 + 2)
    assert output.extent == (12.0, 16.0)
    row, column = 4, 7
    for index, said in enumerate(output.cell(row, column)):
        t = output.raw[index * 7 : index * 7 + 7, row, column].tolist()
        assert said.raw.tolist() == t
        sigma = [1 / (1 + math.exp(-value)) for value in t]
        assert said.p_object == pytest.approx(sigma[4], rel=1e-4)
        assert said.scores.tolist() == pytest.approx([sigma[4] * s for s in sigma[5:]], rel=1e-4)
        assert said.centre == pytest.approx((sigma[0] * 2 - 0.5, sigma[1] * 2 - 0.5), abs=1e-5)
        width = [20, 60, 90][index] * math.exp(max(-6, min(4, t[2])))
        assert said.size[0] == pytest.approx(width, rel=1e-4)
        x = (column + said.centre[0]) * 16 / output.scale
        assert (said.box[0] + said.box[2]) / 2 == pytest.approx(x, rel=1e-3, abs=1e-2)
        assert said.box[2] - said.box[0] == pytest.approx(width / output.scale, rel=1e-3)


def test_O9_the_cells_are_the_detectors_candidates(yolo: YOLO) -> None:
    image = picture(100, 90)
    output, raw = yolo_output(yolo, image), raw_detections(yolo, image, score_floor=0.0)
    torch.testing.assert_close(raw.candidates.scores, output.scores[output.scores > 0])
    best = output.scores.flatten(0, 2).amax(1).argmax()
    x1, y1, x2, y2 = output.boxes.flatten(0, 2)[best].tolist()
    wanted = [max(0, x1), max(0, y1), min(90, x2), min(100, y2)]
    assert raw.boxes[raw.candidates.scores.argmax()].tolist() == pytest.approx(wanted, abs=0.05)


def test_A6_one_pixel_has_cells_too(yolo: YOLO) -> None:
    output = yolo_output(yolo, torch.zeros(1, 1, 1, dtype=torch.uint8))
    assert output.boxes.isfinite().all()
    with pytest.raises(IndexError, match="wanted a cell"):
        output.cell(99, 0)
    with pytest.raises(TypeError, match="our YOLO"):
        yolo_output(detector("ssd"), picture())  # type: ignore[arg-type]
