"""Masks and key points of the boxes that stay, from the feature maps that were computed before."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.roi_heads import (
    keypointrcnn_inference,
    maskrcnn_inference,
    paste_masks_in_image,
)

from cnn.detection.candidates import Candidates
from cnn.hooks import evaluating, locked

__all__ = ["InstanceHeads", "pasted"]

MASK_SIDE = 28


class InstanceHeads:
    """The mask or key point head of one picture; what it gave for a candidate is kept and not computed again.

    Args:
        model: a torchvision Mask R-CNN or Keypoint R-CNN. features: its feature maps of the picture.
        size: (height, width) of the network's input.
    """

    def __init__(
        self,
        model: GeneralizedRCNN,
        features: dict[str, Tensor],
        candidates: Candidates,
        size: tuple[int, int],
    ) -> None:
        self._model, self._features, self._candidates, self._size = model, features, candidates, size
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[Tensor, ...]] = {}

    @property
    def computed(self) -> int:
        """Candidates whose mask or points have been computed so far."""
        return len(self._kept)

    def masks(self, index: Tensor) -> Tensor:
        """Probabilities (K, 28, 28) inside each of the candidates' boxes."""
        rows = self._of(index, self._masks)
        return torch.stack([row[0] for row in rows]) if rows else torch.zeros(0, MASK_SIDE, MASK_SIDE)

    def keypoints(self, index: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Points (K, count, 3), x and y in pixels of the network's input and 1, and their scores (K,
        count)."""
        rows = self._of(index, self._points)
        if not rows:
            return torch.zeros(0, count, 3), torch.zeros(0, count)
        return torch.stack([row[0] for row in rows]), torch.stack([row[1] for row in rows])

    def _of(self, index: Tensor, compute: Any) -> list[tuple[Tensor, ...]]:
        wanted = index.tolist()
        with self._lock, locked(self._model), evaluating(self._model), torch.inference_mode():
            missing = [i for i in wanted if i not in self._kept]
            if missing:
                boxes = self._candidates.boxes[missing]
                labels = self._candidates.labels[missing]
                for i, row in zip(missing, compute(boxes, labels), strict=True):
                    self._kept[i] = row
        return [self._kept[i] for i in wanted]

    def _masks(self, boxes: Tensor, labels: Tensor) -> list[tuple[Tensor, ...]]:
        heads: Any = self._model.roi_heads
        pooled = heads.mask_roi_pool(self._features, [boxes], [self._size])
        logits = heads.mask_predictor(heads.mask_head(pooled)).float()
        return [(mask.cpu(),) for mask in maskrcnn_inference(logits, [labels])[0][:, 0]]

    def _points(self, boxes: Tensor, labels: Tensor) -> list[tuple[Tensor, ...]]:
        heads: Any = self._model.roi_heads
        pooled = heads.keypoint_roi_pool(self._features, [boxes], [self._size])
        logits = heads.keypoint_predictor(heads.keypoint_head(pooled)).float()
        points, scores = keypointrcnn_inference(logits, [boxes])
        return list(zip(points[0].cpu(), scores[0].cpu(), strict=True))


def pasted(patches: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Probabilities (K, 28, 28) stretched into their boxes (K, 4): (K, H, W) float in 0..1."""
    return paste_masks_in_image(patches[:, None], boxes, size)[:, 0]
