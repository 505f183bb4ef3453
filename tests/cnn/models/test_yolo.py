import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnn.models.anchors import kmeans_anchors, size_iou
from cnn.models.yolo import YOLO, cell_boxes, decode, letterbox, split_raw

ANCHORS = torch.tensor([[20.0, 30.0], [60.0, 40.0]])


def test_O7_the_output_is_as_deep_as_anchors_times_five_plus_classes():
    model = YOLO(3, ((10, 10), (20, 20), (40, 30))).eval()
    assert model(torch.zeros(1, 3, 96, 128)).shape == (1, 3 * (5 + 3), 6, 8)
    assert sum(p.numel() for p in model.parameters()) <= 2_000_000


def test_O4_decoding_equals_a_slow_loop_over_cells_and_anchors():
    raw = torch.randn(2, 2 * (5 + 3), 3, 4)
    boxes, scores = decode(raw, ANCHORS)
    index = 0
    for anchor in range(2):
        for row in range(3):
            for column in range(4):
                t = raw[1, anchor * 8 : anchor * 8 + 8, row, column].tolist()
                sigmoid = [1 / (1 + math.exp(-v)) for v in t]
                x, y = (sigmoid[0] * 2 - 0.5 + column) * 16, (sigmoid[1] * 2 - 0.5 + row) * 16
                w, h = ANCHORS[anchor, 0].item() * math.exp(t[2]), ANCHORS[anchor, 1].item() * math.exp(t[3])
                expected = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
                torch.testing.assert_close(boxes[1, index], torch.tensor(expected), rtol=1e-4, atol=1e-3)
                expected = [sigmoid[4] * s for s in sigmoid[5:]]
                torch.testing.assert_close(scores[1, index], torch.tensor(expected), rtol=1e-4, atol=1e-5)
                index += 1
    assert index == boxes.shape[1]


def test_a_zero_output_is_the_anchor_in_the_middle_of_its_cell():
    boxes = cell_boxes(torch.zeros(1, 2, 3, 3, 8), ANCHORS)
    torch.testing.assert_close(boxes[0, 1, 2, 0], torch.tensor([8 - 30.0, 40 - 20.0, 8 + 30.0, 40 + 20.0]))


def test_channels_that_do_not_fit_the_anchors_are_refused():
    with pytest.raises(ValueError, match="multiple of 2"):
        split_raw(torch.zeros(1, 15, 3, 3), ANCHORS)


@given(height=st.integers(1, 400), width=st.integers(1, 400))
def test_the_letterbox_is_whole_cells_and_keeps_the_shape(height, width):
    canvas, scale = letterbox(torch.full((3, height, width), 255, dtype=torch.uint8), 96)
    assert canvas.shape[1] % 32 == 0
    assert canvas.shape[2] % 32 == 0
    assert max(canvas.shape[1:]) == 96
    assert scale == pytest.approx(96 / max(height, width))
    inside = canvas[:, : max(1, round(height * scale)), : max(1, round(width * scale))]
    torch.testing.assert_close(inside, torch.ones_like(inside))
    assert float((canvas == 0.5).sum()) == canvas.numel() - inside.numel()


def test_O7_sizes_of_three_kinds_give_three_anchors():
    generator = torch.Generator().manual_seed(1)
    centres = torch.tensor([[10.0, 10.0], [50.0, 100.0], [200.0, 60.0]])
    sizes = centres.repeat(40, 1) * (1 + 0.05 * torch.randn(120, 2, generator=generator))
    anchors = kmeans_anchors(sizes, 3)
    torch.testing.assert_close(
        anchors, torch.tensor([[10.0, 10.0], [50, 100], [200, 60]]), rtol=0.05, atol=0.5
    )
    assert anchors.prod(1).tolist() == sorted(anchors.prod(1).tolist())
    with pytest.raises(ValueError, match="at least 3"):
        kmeans_anchors(sizes[:2], 3)


def test_O5_the_iou_of_sizes_is_that_of_boxes_laid_corner_on_corner():
    from torchvision.ops import box_iou

    sizes, anchors = torch.rand(7, 2) * 90 + 1, torch.rand(4, 2) * 90 + 1
    expected = box_iou(torch.cat([torch.zeros(7, 2), sizes], 1), torch.cat([torch.zeros(4, 2), anchors], 1))
    torch.testing.assert_close(size_iou(sizes, anchors), expected)
