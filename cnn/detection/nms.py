"""Non-max suppression one round at a time (curriculum O6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from cnn.detection.boxes import expect_boxes, expect_labels, expect_scores, expect_threshold
from cnn.detection.fast_nms import VANILLA_ABOVE, apart, best_first, greedy_rounds
from cnn.detection.iou import iou

__all__ = ["NMSStep", "candidates", "kept_boxes", "lecture_nms", "nms_steps"]

LECTURE_SCORE, LECTURE_IOU = 0.6, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class NMSStep:
    """One round: the best box left is kept, and those of its class that overlap it too much go.

    Attributes:
        number: of the round, from 1.
        kept: index of the box that is kept.
        label: its class.
        suppressed: (S,) int64, indices of the boxes that go, best first.
        iou: (S,) float, IoU of the kept box with each of them.
    """

    number: int
    kept: int
    label: int
    suppressed: Tensor
    iou: Tensor
    _scene: _Scene = field(repr=False)

    @property
    def spared(self) -> Tensor:
        """(R,) int64: boxes of the class that were compared in this round and stay, best first."""
        order, decided, labels = self._scene.order, self._scene.decided, self._scene.labels
        return order[(labels[order] == self.label) & (decided[order] > self.number)]

    @property
    def spared_iou(self) -> Tensor:
        """(R,) IoU of the kept box with each of `spared`, at most the threshold."""
        boxes = self._scene.boxes
        return iou(boxes[self.kept][None], boxes[self.spared])[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What the rounds share: boxes (N, 4), labels (N,), best first `order` (N,), the round `decided` (N,)."""

    boxes: Tensor
    labels: Tensor
    order: Tensor
    decided: Tensor


def nms_steps(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    labels: Tensor | None = None,
    *,
    inclusive: bool = False,
) -> tuple[NMSStep, ...]:
    """Every round of per-class non-max suppression; the kept boxes are those of
    `torchvision.ops.batched_nms`, in
    its order.

    Args:
        boxes: (N, 4), x1 y1 x2 y2 in pixels. scores: (N,). labels: (N,) whole numbers, None for one class.
        iou_threshold: 0..1; boxes with an IoU above it go.
        inclusive: those with an IoU of exactly the threshold go too.

    Returns:
        one step for each kept box, best score first; of equal scores the earlier box is first.

    Raises:
        TypeError, ValueError: shapes that do not fit, numbers that are not finite, a threshold outside 0..1.
    """
    found = expect_boxes(boxes).cpu()
    ratings = expect_scores(scores, len(found)).cpu()
    classes = expect_labels(labels, len(found)).cpu()
    threshold = expect_threshold(iou_threshold)
    order = ratings.sort(descending=True, stable=True)[1]
    owner = torch.empty(len(found), dtype=torch.int64)
    overlap = torch.empty(len(found), dtype=torch.float64)
    apart_enough = labels is None or len(found) <= VANILLA_ABOVE
    moved = found if labels is None or not apart_enough else apart(found, classes)
    parts = [order] if apart_enough else [order[classes[order] == label] for label in classes.unique()]  # type: ignore[no-untyped-call]
    for part in parts:
        owners, overlaps = greedy_rounds(moved, part, threshold, inclusive=inclusive)
        owner[part], overlap[part] = torch.from_numpy(owners)[part], torch.from_numpy(overlaps)[part]
    chosen = order[owner[order] == order]
    if not apart_enough:
        chosen = best_first(ratings, chosen.sort()[0])
    return _rounds(found, classes, order, chosen, owner, overlap)


def _rounds(
    boxes: Tensor, labels: Tensor, order: Tensor, chosen: Tensor, owner: Tensor, overlap: Tensor
) -> tuple[NMSStep, ...]:
    number = torch.zeros(len(boxes), dtype=torch.int64)
    number[chosen] = torch.arange(1, len(chosen) + 1)
    scene = _Scene(boxes, labels, order, number[owner])
    gone = order[owner[order] != order]
    gone = gone[scene.decided[gone].sort(stable=True)[1]]
    counts = torch.bincount(scene.decided[gone], minlength=len(chosen) + 1)[1:].tolist()
    return tuple(
        NMSStep(index, int(kept), int(labels[kept]), suppressed, overlap[suppressed].to(boxes.dtype), scene)
        for index, (kept, suppressed) in enumerate(zip(chosen, gone.split(counts), strict=True), start=1)  # type: ignore[no-untyped-call]
    )


def kept_boxes(steps: Sequence[NMSStep]) -> Tensor:
    """(K,) int64: the indices of the kept boxes, best score first."""
    return torch.tensor([step.kept for step in steps], dtype=torch.int64)


def candidates(scores: Tensor, score_threshold: float = LECTURE_SCORE) -> Tensor:
    """(N,) bool: the boxes that go on to suppression. A score of the threshold or less is discarded."""
    return expect_scores(scores, len(scores)) > expect_threshold(score_threshold, "score_threshold")


def lecture_nms(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor | None = None,
    *,
    score_threshold: float = LECTURE_SCORE,
    iou_threshold: float = LECTURE_IOU,
) -> tuple[NMSStep, ...]:
    """The lecture's procedure: discard p_c ≤ 0.6, then, per class, suppress IoU ≥ 0.5 with the best one left.

    Args, Returns, Raises: as `nms_steps`; indices count the boxes given.
    """
    found = expect_boxes(boxes)
    index = candidates(expect_scores(scores, len(found)), score_threshold).nonzero()[:, 0]
    classes = expect_labels(labels, len(found))[index]
    steps = nms_steps(found[index], scores[index], iou_threshold, classes, inclusive=True)
    return tuple(_renumbered(step, index) for step in steps)


def _renumbered(step: NMSStep, index: Tensor) -> NMSStep:
    """The step with indices of all boxes instead of the candidates'."""
    scene = step._scene
    boxes = scene.boxes.new_full((int(index.max()) + 1, 4), 0.0).index_copy(0, index, scene.boxes)
    labels = torch.full((len(boxes),), -1).index_copy(0, index, scene.labels)
    decided = torch.zeros(len(boxes), dtype=torch.int64).index_copy(0, index, scene.decided)
    wider = _Scene(boxes, labels, index[scene.order], decided)
    return replace(step, kept=int(index[step.kept]), suppressed=index[step.suppressed], _scene=wider)
