"""What the classes of pixels add up to: areas, outlines, and objects told apart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ClassArea", "Outline", "Pieces", "areas", "instance_labels", "outlines", "pieces"]

MOST_OUTLINES = 2000


@dataclass(frozen=True, slots=True)
class ClassArea:
    """How much of a picture a class covers: `pixels`, and `share` in 0..1."""

    label: int
    name: str
    pixels: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A closed outline: `points` (P, 2) float32, x and y in pixels; `label` its class; `area` in square
    pixels."""

    label: int
    points: Tensor
    area: float


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Connected pieces of classes: `labels` (H, W) int64, 0 or 1 + the number of the piece; `classes` (N,) int64."""

    labels: Tensor
    classes: Tensor


def areas(labels: Tensor, categories: tuple[str, ...]) -> tuple[ClassArea, ...]:
    """The classes that occur in labels (H, W), the largest first. Raises: ValueError."""
    counts = torch.bincount(_labels(labels).flatten().long(), minlength=len(categories))
    if len(counts) > len(categories):
        raise ValueError(f"wanted labels below {len(categories)}, got {len(counts) - 1}")
    found = [
        ClassArea(label, categories[label], count, count / labels.numel())
        for label, count in enumerate(counts.tolist())
        if count
    ]
    return tuple(sorted(found, key=lambda area: -area.pixels))


def outlines(labels: Tensor, *, smallest: float = 1.0) -> tuple[Outline, ...]:
    """The outer and inner outlines of every class of labels (H, W), the largest first, 2,000 at most.

    Outlines run through the centres of the border pixels; those of less than `smallest` square pixels are
    left out.
    """
    rows = _labels(labels).cpu().numpy().astype(np.uint8)
    found = []
    for label in np.unique(rows).tolist():
        mask = (rows == label).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            area = float(cv2.contourArea(contour))
            if area >= smallest:
                points = torch.from_numpy(contour.reshape(-1, 2).astype(np.float32))
                found.append(Outline(label, points, area))
    return tuple(sorted(found, key=lambda outline: -outline.area)[:MOST_OUTLINES])


def pieces(labels: Tensor, *, smallest: int = 1, without: tuple[int, ...] = ()) -> Pieces:
    """What hangs together of one class, the largest first, 2,000 at most: the nearest to objects that classes of
    pixels can tell. Pixels touch at edges and corners; pieces of less than `smallest` pixels and the classes `without`
    are left out.
    """
    rows = _labels(labels).cpu().numpy().astype(np.uint8)
    found: list[tuple[int, int, NDArray[np.bool_]]] = []
    for label in np.unique(rows).tolist():
        if label in without:
            continue
        count, numbers, facts, _ = cv2.connectedComponentsWithStats(
            (rows == label).astype(np.uint8), connectivity=8
        )
        for number in range(1, count):
            pixels = int(facts[number, cv2.CC_STAT_AREA])
            if pixels >= smallest:
                found.append((pixels, label, numbers == number))
    found.sort(key=lambda piece: -piece[0])
    out = torch.zeros(labels.shape, dtype=torch.int64)
    for place, (_, _, mask) in enumerate(found[:MOST_OUTLINES]):
        out[torch.from_numpy(mask)] = place + 1
    return Pieces(out, torch.tensor([label for _, label, _ in found[:MOST_OUTLINES]], dtype=torch.int64))


def instance_labels(masks: Tensor, scores: Tensor | None = None) -> Tensor:
    """(H, W) int64: 0, or 1 + the number of the mask that covers the pixel; of several the one with the best
    score.

    Beside a semantic result it shows what that leaves out: objects of one class that touch are one region
    there.

    Args:
        masks: (K, H, W) bool. scores: (K,), None where the first masks are the best.

    Raises:
        ValueError: other shapes.
    """
    if masks.ndim != 3 or (scores is not None and tuple(scores.shape) != (len(masks),)):
        raise ValueError(f"wanted masks of shape (K, H, W) and K scores, got {tuple(masks.shape)}")
    out = torch.zeros(masks.shape[1:], dtype=torch.int64)
    order = torch.arange(len(masks)) if scores is None else scores.argsort(descending=True, stable=True)
    for index in reversed(order.tolist()):
        out[masks[index].bool().cpu()] = index + 1
    return out


def _labels(labels: Tensor) -> Tensor:
    if labels.ndim != 2 or labels.is_floating_point() or not labels.numel():
        raise ValueError(f"wanted labels as whole numbers (H, W), got {labels.dtype} {tuple(labels.shape)}")
    if int(labels.min()) < 0 or int(labels.max()) > 255:
        raise ValueError(f"wanted labels in 0..255, got {int(labels.min())}..{int(labels.max())}")
    return labels
