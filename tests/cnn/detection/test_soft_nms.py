"""Soft-NMS against a slow loop written from the paper's pseudo code."""

from __future__ import annotations

import math

import pytest
import torch
from torchvision.ops import box_iou, nms

from cnn.detection.soft_nms import soft_nms_steps
from tests.cnn.detection.test_nms import scene


def slow(
    boxes: list[torch.Tensor], scores: list[float], method: str, sigma: float, level: float
) -> list[tuple[int, float]]:
    left, rest, taken = set(range(len(boxes))), list(scores), []
    while left:
        best = max(left, key=lambda i: (rest[i], -i))
        left.remove(best)
        taken.append((best, rest[best]))
        for i in set(left):
            overlap = float(box_iou(boxes[best][None], boxes[i][None]))
            if method == "gaussian":
                rest[i] *= math.exp(-(overlap**2) / sigma)
            elif overlap >= level:
                rest[i] *= 1 - overlap
            if rest[i] <= 0.001:
                left.remove(i)
    return taken


@pytest.mark.parametrize("method", ["gaussian", "linear"])
def test_O6_soft_nms_is_the_papers_loop(method: str) -> None:
    boxes, _, _ = scene(40, 7)
    scores = torch.linspace(0.99, 0.1, 40)[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    steps = soft_nms_steps(boxes, scores, method=method)
    wanted = slow(list(boxes), scores.tolist(), method, 0.5, 0.3)
    assert [step.kept for step in steps] == [index for index, _ in wanted]
    assert [step.score for step in steps] == pytest.approx([score for _, score in wanted], rel=1e-4)


def test_O6_soft_nms_lowers_what_hard_nms_removes() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [40, 40, 50, 50]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert nms(boxes, scores, 0.5).tolist() == [0, 2]
    steps = soft_nms_steps(boxes, scores)
    assert [step.kept for step in steps] == [0, 2, 1]
    assert steps[0].lowered.tolist() == [1]
    assert float(steps[0].after) == pytest.approx(0.8 * math.exp(-(0.9**2) / 0.5), rel=1e-5)
    assert float(steps[0].before) == pytest.approx(0.8)


def test_classes_do_not_touch_each_other_and_what_sinks_too_low_is_dropped() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10]] * 3)
    steps = soft_nms_steps(boxes, torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 0]), method="linear")
    assert [step.kept for step in steps] == [0, 1]
    assert steps[0].dropped.tolist() == [2]


def test_bad_settings_are_refused() -> None:
    boxes, scores, _ = scene(3, 0)
    for options in ({"method": "cubic"}, {"sigma": 0.0}, {"sigma": float("nan")}, {"score_threshold": 2.0}):
        with pytest.raises(ValueError, match=r"wanted|expected"):
            soft_nms_steps(boxes, scores, **options)  # type: ignore[arg-type]
