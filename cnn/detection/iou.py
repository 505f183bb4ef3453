"""Intersection over union: how well two boxes agree (curriculum O5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.detection.boxes import expect_boxes

__all__ = ["BoxPair", "box_pair", "giou", "iou"]


@dataclass(frozen=True, slots=True, eq=False)
class BoxPair:
    """Two boxes and everything that goes into their IoU, areas in square pixels.

    `intersection` and `enclosing` are boxes (x1, y1, x2, y2); `intersection` is None where the boxes do not
    meet.
    """

    area_a: float
    area_b: float
    intersection: tuple[float, float, float, float] | None
    intersection_area: float
    union_area: float
    enclosing: tuple[float, float, float, float]
    iou: float
    giou: float


def iou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """The area two boxes share over the area they cover together, for every pair.

    Args:
        boxes_a: (N, 4), x1 y1 x2 y2. boxes_b: (M, 4).

    Returns:
        (N, M) in 0..1; 0 where a box has no area. From 0.5 on a box is usually called right.

    Raises:
        TypeError, ValueError: no finite boxes (see `cnn.detection.boxes`).
    """
    a, b = expect_boxes(boxes_a, "boxes_a"), expect_boxes(boxes_b, "boxes_b")
    shared, union = _areas(a, b)
    return torch.where(union > 0, shared / union, torch.zeros_like(union))


def giou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """IoU less the share of the enclosing box that neither covers: (N, M) in −1..1, so that boxes that do
    not meet
    still say how far apart they are.

    Raises: as `iou`. Source: Rezatofighi et al. 2019, "Generalized intersection over union".
    """
    a, b = expect_boxes(boxes_a, "boxes_a"), expect_boxes(boxes_b, "boxes_b")
    shared, union = _areas(a, b)
    sides = torch.maximum(a[:, None, 2:], b[None, :, 2:]) - torch.minimum(a[:, None, :2], b[None, :, :2])
    enclosing = sides.clamp(min=0).prod(-1)
    ratio = torch.where(union > 0, shared / union, torch.zeros_like(union))
    waste = torch.where(enclosing > 0, (enclosing - union) / enclosing, torch.zeros_like(union))
    return ratio - waste


def box_pair(box_a: Tensor, box_b: Tensor) -> BoxPair:
    """What a person reads while dragging two boxes (4,) each. Raises: as `iou`."""
    a, b = expect_boxes(box_a[None], "box_a").double(), expect_boxes(box_b[None], "box_b").double()
    shared, union = _areas(a, b)
    low, high = torch.maximum(a[0, :2], b[0, :2]), torch.minimum(a[0, 2:], b[0, 2:])
    meet = bool((high > low).all())
    outer = torch.cat([torch.minimum(a[0, :2], b[0, :2]), torch.maximum(a[0, 2:], b[0, 2:])]).tolist()
    corners = torch.cat([low, high]).tolist()
    return BoxPair(
        area_a=float(_area(a)[0]),
        area_b=float(_area(b)[0]),
        intersection=(corners[0], corners[1], corners[2], corners[3]) if meet else None,
        intersection_area=float(shared),
        union_area=float(union),
        enclosing=(outer[0], outer[1], outer[2], outer[3]),
        iou=float(iou(a, b)),
        giou=float(giou(a, b)),
    )


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)


def _areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The shared and the united area of every pair, (N, M) each."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    return shared, _area(a)[:, None] + _area(b)[None] - shared
