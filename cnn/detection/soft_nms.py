"""Soft-NMS: overlapping boxes lose score instead of being thrown away."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.checks import expect_choice
from cnn.detection.boxes import expect_boxes, expect_labels, expect_scores, expect_threshold
from cnn.detection.iou import iou

__all__ = ["METHODS", "SoftNMSStep", "soft_nms_steps"]

METHODS = ("gaussian", "linear")
MOST_BOXES = 5000


@dataclass(frozen=True, slots=True, eq=False)
class SoftNMSStep:
    """One round: the best box left is taken, and the scores of those that overlap it sink.

    Attributes:
        number: of the round, from 1.
        kept: index of the box taken. score: what its score was by then. label: its class.
        lowered: (S,) int64, indices of the boxes of its class whose score sinks.
        iou: (S,) IoU with the box taken. before, after: (S,) their scores.
        dropped: (D,) int64, those of `lowered` that fell below the score threshold.
    """

    number: int
    kept: int
    score: float
    label: int
    lowered: Tensor
    iou: Tensor
    before: Tensor
    after: Tensor
    dropped: Tensor


def soft_nms_steps(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor | None = None,
    *,
    method: str = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
) -> tuple[SoftNMSStep, ...]:
    """Every round of soft-NMS, per class, until no score is left above `score_threshold`.

    Args:
        boxes: (N, 4), at most 5,000. scores: (N,) ≥ 0. labels: (N,) or None for one class.
        method: "gaussian", s ← s·e^(−IoU²/σ); or "linear", s ← s·(1 − IoU) where IoU ≥ `iou_threshold`.
        sigma: of the Gaussian, above 0.

    Raises:
        TypeError, ValueError: as `nms_steps`; an unknown method; σ ≤ 0; too many boxes.
    Source: Bodla et al. 2017, "Soft-NMS: improving object detection with one line of code".
    """
    found = expect_boxes(boxes)
    rest = expect_scores(scores, len(found)).to(torch.float64, copy=True)
    classes = expect_labels(labels, len(found))
    expect_choice(method, METHODS, "method")
    threshold = expect_threshold(iou_threshold)
    lowest = expect_threshold(score_threshold, "score_threshold")
    if len(found) > MOST_BOXES:
        raise ValueError(f"wanted at most {MOST_BOXES} boxes, got {len(found)}")
    if not 0 < sigma < float("inf"):
        raise ValueError(f"wanted a sigma above 0, got {sigma}")
    left = rest > lowest
    steps: list[SoftNMSStep] = []
    while bool(left.any()):
        best = int(rest.masked_fill(~left, -1).argmax())
        left[best] = False
        others = (left & (classes == classes[best])).nonzero()[:, 0]
        ratio = iou(found[best][None], found[others])[0].double()
        touched = ratio > 0 if method == "gaussian" else (ratio >= threshold) & (ratio > 0)
        others, ratio = others[touched], ratio[touched]
        before = rest[others]
        after = before * ((-ratio.square() / sigma).exp() if method == "gaussian" else 1 - ratio)
        rest[others] = after
        dropped = others[after <= lowest]
        left[dropped] = False
        steps.append(
            SoftNMSStep(
                len(steps) + 1,
                best,
                float(rest[best]),
                int(classes[best]),
                others,
                ratio,
                before,
                after,
                dropped,
            )
        )
    return tuple(steps)
