"""Non-max suppression that only compares boxes which could overlap enough; the result is torchvision's.

A box with IoU above t to another has a width and a height within a factor t of the other's, and a centre no
further
off than (1 − t) / 2t of its own width and height. So the boxes kept so far lie in a grid by their centres,
and each
new box meets only those in its own window of cells.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import batched_nms, nms

from cnn.detection.boxes import expect_boxes, expect_labels, expect_scores, expect_threshold

__all__ = ["fast_batched_nms", "fast_nms", "greedy_rounds"]

SMALLEST_WINDOWED = 0.05  # of the threshold; below it the windows are as large as the picture
MOST_CELLS = 512
VANILLA_ABOVE = 1000  # boxes: from here on torchvision's CPU code treats each class by itself
SLACK = 1.0 + 1e-4  # float32 may put an IoU just above the threshold


def fast_nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes kept, best score first: what `torchvision.ops.nms` returns, ties included.

    Args:
        boxes: (N, 4), x1 y1 x2 y2. scores: (N,). iou_threshold: 0..1; above it a box is suppressed.

    Returns:
        (K,) int64, on the device of the boxes.

    Raises:
        TypeError, ValueError: no finite boxes and scores, or a threshold outside 0..1.
    """
    found = expect_boxes(boxes)
    ratings = expect_scores(scores, len(found))
    threshold = expect_threshold(iou_threshold)
    if found.device.type != "cpu":
        return nms(found, ratings.to(found.dtype), threshold)
    order = ratings.sort(descending=True, stable=True)[1]
    return order[_kept(found, order, threshold)]


def fast_batched_nms(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    """Per class: indices of the boxes kept, best score first, as `torchvision.ops.batched_nms` returns them.

    Args, Returns, Raises: as `fast_nms`; labels: (N,) whole numbers.
    """
    found = expect_boxes(boxes)
    ratings = expect_scores(scores, len(found))
    classes = expect_labels(labels, len(found))
    threshold = expect_threshold(iou_threshold)
    if found.device.type != "cpu":
        return batched_nms(found, ratings.to(found.dtype), classes, threshold)
    if len(found) <= VANILLA_ABOVE:
        return fast_nms(apart(found, classes), ratings, threshold)
    order = ratings.sort(descending=True, stable=True)[1]
    by_class = order[classes[order].sort(stable=True)[1]]
    counts = classes.unique(return_counts=True)[1].tolist()  # type: ignore[no-untyped-call]
    keep = torch.zeros(len(found), dtype=torch.bool)
    for part in by_class.split(counts):  # type: ignore[no-untyped-call]
        keep[part[_kept(found, part, threshold)]] = True
    return best_first(ratings, keep.nonzero()[:, 0])


def apart(boxes: Tensor, labels: Tensor) -> Tensor:
    """The boxes of each class moved away from all others, as torchvision does it, with its rounding.

    Boxes with negative coordinates may still meet those of the next class there.
    """
    if not len(boxes):
        return boxes
    return boxes + (labels.to(boxes) * (boxes.max() + torch.ones((), dtype=boxes.dtype)))[:, None]


def best_first(scores: Tensor, index: Tensor) -> Tensor:
    """`index` by falling score; equal scores in the order torchvision's class-by-class code leaves them
    in."""
    return index[scores[index].sort(descending=True)[1]]


def greedy_rounds(
    boxes: Tensor, order: Tensor, iou_threshold: float, *, inclusive: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Who suppresses whom when every pair is compared, in torchvision's arithmetic.

    Args:
        boxes: (N, 4) float. order: (N,), best first. inclusive: an IoU equal to the threshold suppresses too.

    Returns:
        for each box the box that suppressed it, itself if it was kept; and the IoU of the two, NaN if it was
        kept.
    """
    corners = np.ascontiguousarray(boxes.numpy())
    return _greedy(corners, np.ascontiguousarray(order.numpy()), iou_threshold, inclusive)


def _kept(boxes: Tensor, order: Tensor, threshold: float) -> Tensor:
    """Bool (len(order),): which of the boxes, in that order, stay."""
    corners = np.ascontiguousarray(boxes.numpy()[order.numpy()])
    if threshold < SMALLEST_WINDOWED or len(corners) < 64:
        owner, _ = _greedy(corners, np.arange(len(corners)), threshold, False)
        return torch.from_numpy(owner == np.arange(len(corners)))
    return torch.from_numpy(_windowed(corners, threshold, *_grid(corners)))


def _grid(corners: NDArray[np.floating]) -> tuple[float, float, float, float, int, int]:
    """Origin, cell size and number of cells of a grid over the centres of the boxes that have an area."""
    real = corners[((corners[:, 2:] - corners[:, :2]) > 0).all(1)].astype(np.float64)
    if not len(real):
        return 0.0, 0.0, 1.0, 1.0, 1, 1
    centres = (real[:, :2] + real[:, 2:]) / 2
    low, extent = centres.min(0), np.maximum(np.ptp(centres, axis=0), 1e-12)
    cell = np.maximum(np.median(real[:, 2:] - real[:, :2], axis=0), extent / MOST_CELLS)
    columns, rows = (extent / cell).astype(int) + 1
    return low[0], low[1], cell[0], cell[1], int(columns), int(rows)


@numba.njit(cache=True, nogil=True)
def _greedy(corners, order, threshold, inclusive):  # type: ignore[no-untyped-def]
    n = len(order)
    owner = np.full(len(corners), -1, np.int64)
    overlap = np.full(len(corners), np.nan, np.float64)
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    zero = corners.dtype.type(0)
    level = np.float64(corners.dtype.type(threshold))
    for first in range(n):
        i = order[first]
        if owner[i] >= 0:
            continue
        owner[i] = i
        for second in range(first + 1, n):
            j = order[second]
            if owner[j] >= 0:
                continue
            w = max(zero, min(corners[i, 2], corners[j, 2]) - max(corners[i, 0], corners[j, 0]))
            h = max(zero, min(corners[i, 3], corners[j, 3]) - max(corners[i, 1], corners[j, 1]))
            shared = w * h
            union = areas[i] + areas[j] - shared
            ratio = np.float64(shared / union) if union != 0 else np.nan
            if ratio > threshold or (inclusive and ratio == level):
                owner[j] = i
                overlap[j] = ratio
    return owner, overlap


@numba.njit(cache=True, nogil=True)
def _windowed(corners, threshold, left, top, cell_w, cell_h, columns, rows):  # type: ignore[no-untyped-def]
    n = len(corners)
    keep = np.zeros(n, np.bool_)
    heads = np.full(columns * rows, -1, np.int64)
    following = np.full(n, -1, np.int64)
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    zero = corners.dtype.type(0)
    reach = SLACK * (1.0 - threshold) / (2.0 * threshold) + 1e-4
    for j in range(n):
        x1, y1, x2, y2 = corners[j, 0], corners[j, 1], corners[j, 2], corners[j, 3]
        w, h = np.float64(x2) - np.float64(x1), np.float64(y2) - np.float64(y1)
        if not (w > 0 and h > 0):  # overlaps nothing
            keep[j] = True
            continue
        cx, cy = (np.float64(x1) + np.float64(x2)) / 2, (np.float64(y1) + np.float64(y2)) / 2
        first_column = max(0, int((cx - reach * w - left) / cell_w))
        last_column = min(columns - 1, int((cx + reach * w - left) / cell_w))
        first_row = max(0, int((cy - reach * h - top) / cell_h))
        last_row = min(rows - 1, int((cy + reach * h - top) / cell_h))
        free = True
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                i = heads[row * columns + column]
                while i >= 0:
                    wide = max(zero, min(corners[i, 2], x2) - max(corners[i, 0], x1))
                    high = max(zero, min(corners[i, 3], y2) - max(corners[i, 1], y1))
                    shared = wide * high
                    union = areas[i] + areas[j] - shared
                    if union != 0 and np.float64(shared / union) > threshold:
                        free = False
                        break
                    i = following[i]
                if not free:
                    break
            if not free:
                break
        if free:
            keep[j] = True
            home_column = min(columns - 1, max(0, int((cx - left) / cell_w)))
            home_row = min(rows - 1, max(0, int((cy - top) / cell_h)))
            home = home_row * columns + home_column
            following[j] = heads[home]
            heads[home] = j
    return keep
