"""How far two runtimes are apart in a picture: what the best boxes of one have in the candidates of the other."""

from __future__ import annotations

import torch
from torch import Tensor

from cnn.detection.candidates import Candidates
from cnn.detection.fast_nms import fast_batched_nms
from cnn.detection.iou import iou

__all__ = ["BOX_TOLERANCE", "LEAST_IOU", "MOST_COMPARED", "SCORE_TOLERANCE", "box_distance"]

BOX_TOLERANCE = 0.1
"""Another runtime may be farther from torch's float32 by this than torch's own 16 bits are."""
MOST_COMPARED = 20
LEAST_IOU = 0.75
LEAST_PIXELS = 2.0
SCORE_TOLERANCE = 0.1


def box_distance(first: Candidates, second: Candidates, iou_threshold: float) -> float:
    """The share, 0..1, of the 20 best boxes after suppression that have no partner among the other's candidates.

    A partner has the same class, a score at most 0.1 away, and an IoU of at least 0.75 or corners within 2 pixels. Looked
    at from both sides, the larger share. 1 where numbers are not finite or there are more places.
    """
    if first.total != second.total:
        return 1.0
    shares = [0.0]
    for mine, others in ((first, second), (second, first)):
        if not bool(mine.boxes.isfinite().all() & mine.scores.isfinite().all()):
            return 1.0
        best = fast_batched_nms(mine.boxes, mine.scores, mine.labels, iou_threshold)[:MOST_COMPARED]
        alone = [not _has_partner(mine.boxes[i], mine.scores[i], mine.labels[i], others) for i in best]
        shares.append(sum(alone) / max(1, len(alone)))
    return max(shares)


def _has_partner(box: Tensor, score: Tensor, label: Tensor, others: Candidates) -> bool:
    near = others.boxes[(others.labels == label) & ((others.scores - score).abs() <= SCORE_TOLERANCE)]
    if not len(near):
        return False
    close = (near - box).abs().amax(1) <= LEAST_PIXELS  # boxes without an area overlap nothing
    return bool(torch.logical_or(close, iou(box[None], near)[0] >= LEAST_IOU).any())
