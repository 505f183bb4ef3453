"""IoU against torchvision and against counted pixels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou

from cnn.detection.iou import box_pair, giou, iou


def boxes(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=generator) * 100
    return torch.cat([corners, corners + 1 + torch.rand(count, 2, generator=generator) * 60], 1)


def counted(a: list[int], b: list[int]) -> float:
    """IoU of boxes with whole corners by counting the unit squares."""
    cover_a = {(x, y) for x in range(a[0], a[2]) for y in range(a[1], a[3])}
    cover_b = {(x, y) for x in range(b[0], b[2]) for y in range(b[1], b[3])}
    both = cover_a | cover_b
    return len(cover_a & cover_b) / len(both) if both else 0.0


def test_O5_iou_and_giou_are_torchvisions() -> None:
    a, b = boxes(40, 1), boxes(30, 2)
    torch.testing.assert_close(iou(a, b), box_iou(a, b))
    torch.testing.assert_close(giou(a, b), generalized_box_iou(a, b))
    assert iou(a, b).shape == (40, 30)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=8, max_size=8))
def test_O5_iou_is_what_counting_squares_gives(numbers: list[int]) -> None:
    x = sorted(numbers[:2]) + sorted(numbers[2:4])
    y = sorted(numbers[4:6]) + sorted(numbers[6:])
    a, b = [x[0], y[0], x[1], y[1]], [x[2], y[2], x[3], y[3]]
    assert float(iou(torch.tensor([a]), torch.tensor([b]))) == pytest.approx(counted(a, b), abs=1e-6)


def test_O5_half_is_exactly_half() -> None:
    assert float(iou(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[0.0, 0, 10, 5]]))) == 0.5


def test_O5_a_pair_spells_out_what_goes_into_the_ratio() -> None:
    pair = box_pair(torch.tensor([0.0, 0, 4, 4]), torch.tensor([2.0, 1, 6, 3]))
    assert (pair.area_a, pair.area_b, pair.intersection_area, pair.union_area) == (16, 8, 4, 20)
    assert pair.intersection == (2, 1, 4, 3)
    assert pair.enclosing == (0, 0, 6, 4)
    assert pair.iou == pytest.approx(0.2)
    assert pair.giou == pytest.approx(0.2 - 4 / 24)
    assert box_pair(torch.tensor([0.0, 0, 1, 1]), torch.tensor([5.0, 5, 6, 6])).intersection is None


def test_boxes_without_area_or_swapped_corners_overlap_nothing() -> None:
    odd = torch.tensor([[3.0, 3, 3, 9], [9.0, 9, 2, 2], [0.0, 0, 0, 0]])
    good = torch.tensor([[0.0, 0, 10, 10]])
    assert iou(odd, good).tolist() == [[0], [0], [0]]
    assert iou(odd, odd).tolist() == torch.zeros(3, 3).tolist()
    assert giou(odd, good).isfinite().all()


def test_no_boxes_give_an_empty_matrix() -> None:
    assert iou(torch.zeros(0, 4), boxes(3, 0)).shape == (0, 3)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.tensor([[0.0, 0, float("nan"), 1]]), ValueError, "wanted finite boxes_a, got nan"),
        (torch.zeros(4), ValueError, r"\(N, 4\)"),
        ([[0, 0, 1, 1]], TypeError, "tensor"),
    ],
)
def test_what_is_no_box_is_refused(bad: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        iou(bad, boxes(1, 0))  # type: ignore[arg-type]
