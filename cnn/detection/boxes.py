"""What counts as boxes and scores: the checks that all of detection shares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["expect_boxes", "expect_labels", "expect_scores", "expect_threshold"]


def expect_boxes(boxes: Any, name: str = "boxes") -> Tensor:
    """`boxes` as finite floating-point (N, 4), x1 y1 x2 y2; whole numbers and halves become float32.

    Boxes without area and boxes with swapped corners are allowed: they overlap nothing.

    Raises: TypeError for anything but a dense real tensor; ValueError for another shape or a number that is
    not
    finite.
    """
    if not isinstance(boxes, Tensor) or boxes.layout != torch.strided or boxes.is_complex():
        raise TypeError(f"wanted {name} as a dense real tensor (N, 4), got {type(boxes).__name__}")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"wanted {name} of shape (N, 4), got {tuple(boxes.shape)}")
    return _finite(_floating(boxes), name)


def expect_scores(scores: Any, count: int, name: str = "scores") -> Tensor:
    """`scores` as finite floating-point (N,) for `count` boxes. Raises: TypeError, ValueError."""
    if not isinstance(scores, Tensor) or scores.is_complex():
        raise TypeError(f"wanted {name} as a real tensor (N,), got {type(scores).__name__}")
    if tuple(scores.shape) != (count,):
        raise ValueError(f"wanted {name} of shape ({count},), one for each box, got {tuple(scores.shape)}")
    return _finite(_floating(scores), name)


def expect_labels(labels: Any, count: int, name: str = "labels") -> Tensor:
    """`labels` as int64 (N,) for `count` boxes; None gives zeros. Raises: TypeError, ValueError."""
    if labels is None:
        return torch.zeros(count, dtype=torch.int64)
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"wanted {name} as a tensor of whole numbers (N,), got {_kind(labels)}")
    if tuple(labels.shape) != (count,):
        raise ValueError(f"wanted {name} of shape ({count},), one for each box, got {tuple(labels.shape)}")
    return labels.long()


def expect_threshold(value: Any, name: str = "iou_threshold") -> float:
    """`value` as a float in 0..1. Raises: TypeError, ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"wanted {name} as a number in 0..1, got {type(value).__name__}")
    if not 0 <= value <= 1:
        raise ValueError(f"wanted {name} in 0..1, got {value}")
    return float(value)


def _kind(value: Any) -> str:
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


def _floating(values: Tensor) -> Tensor:
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def _finite(values: Tensor, name: str) -> Tensor:
    if not bool(values.isfinite().all()):
        first = tuple((~values.isfinite()).nonzero()[0].tolist())
        raise ValueError(f"wanted finite {name}, got {values[first].item()} at {first}")
    return values
