"""The grid's arithmetic by hand, there and back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.detection.grid import grid_boxes, grid_loss, grid_target, output_depth

ANCHORS = torch.tensor([[40.0, 120.0], [120.0, 40.0]])  # a person, a car


def test_O4_the_cell_of_the_centre_answers() -> None:
    # a 3×3 grid of 100-pixel cells; the box is centred at (140, 190): row 1, column 1
    target = grid_target(torch.tensor([[50.0, 175, 230, 205]]), torch.tensor([1]), (3, 3), (300, 300), 3)
    (place,) = target.assignments
    assert (place.row, place.column) == (1, 1)
    assert (place.b_x, place.b_y) == pytest.approx((0.4, 0.9))
    assert (place.b_h, place.b_w) == pytest.approx((0.3, 1.8))  # wider than its cell
    assert target.values[1, 1, 0].tolist() == pytest.approx([1, 0, 1, 0, 0.4, 0.9, 0.3, 1.8])
    assert target.values.shape == (3, 3, 1, 8)
    assert target.cares[0, 0, 0].tolist() == [True] + [False] * 7


def test_O7_depth_is_anchors_times_five_plus_classes() -> None:
    assert output_depth(2, 3) == 16  # the lecture's 3×3×2×8
    assert output_depth(5, 80) == 425  # 19×19×5×85
    target = grid_target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), (3, 3), (90, 90), 3, ANCHORS)
    assert target.depth == 16
    assert target.values.sum() == 0


def test_O7_person_and_car_with_one_centre_take_an_anchor_each_and_a_third_collides() -> None:
    boxes = torch.tensor([[95.0, 20, 145, 160], [60.0, 65, 180, 115], [70.0, 70, 170, 110]])
    target = grid_target(boxes, torch.tensor([0, 1, 1]), (3, 3), (300, 300), 3, ANCHORS)
    assert [(a.row, a.column, a.anchor) for a in target.assignments] == [(0, 1, 0), (0, 1, 1), (0, 1, 1)]
    assert [a.taken_by for a in target.assignments] == [None, None, 1]
    assert [a.object for a in target.collisions] == [2]
    assert target.values[..., 0].sum() == 2
    shared = 40 * 120 + 0.0
    assert target.assignments[0].anchor_iou[0] == pytest.approx(shared / (50 * 140))
    without = grid_target(boxes, torch.tensor([0, 1, 1]), (3, 3), (300, 300), 3)
    assert len(without.collisions) == 2


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 19),
    st.integers(1, 19),
    st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
    st.integers(1, 700),
    st.integers(1, 700),
)
def test_O4_decoding_gives_the_box_back(
    rows: int, columns: int, numbers: list[float], height: int, width: int
) -> None:
    x, y = sorted(numbers[:2]), sorted(numbers[2:])
    box = torch.tensor([[x[0] * width, y[0] * height, x[1] * width, y[1] * height]])
    if not (box[0, 0] < box[0, 2] <= width and box[0, 1] < box[0, 3] <= height):
        return
    target = grid_target(box, torch.tensor([0]), (rows, columns), (height, width), 1)
    place = target.assignments[0]
    assert 0 <= place.b_x <= 1
    assert 0 <= place.b_y <= 1
    decoded = grid_boxes(target.values, (height, width))[place.row, place.column, 0]
    assert (decoded - box[0]).abs().max() < 1e-3 * max(height, width)


def test_O4_loss_leaves_out_what_empty_cells_say() -> None:
    target = grid_target(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([0]), (2, 2), (40, 40), 2)
    predicted = target.values + 0.5
    slow = 0.0
    for row in range(2):
        for column in range(2):
            entries = 7 if (row, column) == (0, 0) else 1
            slow += entries * 0.25
    assert grid_loss(predicted, target).total == pytest.approx(slow)
    assert grid_loss(target.values, target).total == 0


@pytest.mark.parametrize(
    ("box", "label", "anchors"),
    [
        ([0.0, 0, 41, 10], 0, None),
        ([-1.0, 0, 10, 10], 0, None),
        ([5.0, 5, 5, 10], 0, None),
        ([0.0, 0, 10, 10], 2, None),
        ([0.0, 0, 10, 10], 0, torch.tensor([[0.0, 3.0]])),
        ([0.0, 0, float("nan"), 10], 0, None),
    ],
)
def test_objects_that_do_not_fit_are_refused(
    box: list[float], label: int, anchors: torch.Tensor | None
) -> None:
    with pytest.raises(ValueError, match="wanted"):
        grid_target(torch.tensor([box]), torch.tensor([label]), (2, 2), (40, 40), 2, anchors)


def test_a_grid_without_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        grid_target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), (101, 100), (40, 40), 2)
