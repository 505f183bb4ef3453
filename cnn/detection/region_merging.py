"""The arithmetic of selective search: regions described by histograms, and merged by similarity."""

from __future__ import annotations

from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOUR_BINS", "TEXTURE_BINS", "described", "merged", "neighbours"]

COLOUR_BINS, TEXTURE_BINS, ORIENTATIONS = 25, 10, 8

Array = NDArray[Any]


def described(picture: Array, segments: Array, count: int) -> tuple[Array, Array, Array, Array]:
    """Every region's sizes, boxes and histograms.

    Args:
        picture: float32 (H, W, 3) in 0..1. segments: int (H, W) in 0..count − 1.

    Returns:
        sizes (R,) pixels, boxes (R, 4) x1 y1 x2 y2, colour (R, 75) and texture (R, 240) histograms that sum
        to 1.
    """
    flat = segments.ravel()
    sizes = np.bincount(flat, minlength=count).astype(np.float64)
    colour = [_histogram(flat, picture[..., c], COLOUR_BINS, 0.0, 1.0, count) for c in range(3)]
    texture = []
    for channel in range(3):
        smooth = cv2.GaussianBlur(picture[..., channel], (0, 0), 1.0)
        dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1)
        dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1)
        for index in range(ORIENTATIONS):
            angle = 2 * np.pi * index / ORIENTATIONS
            slope = np.maximum(dx * np.cos(angle) + dy * np.sin(angle), 0)
            texture.append(_histogram(flat, slope, TEXTURE_BINS, 0.0, max(float(slope.max()), 1e-6), count))
    grid: Array = np.indices(segments.shape)
    rows, columns = grid[0], grid[1]
    boxes = np.empty((count, 4))
    boxes[:, 0], boxes[:, 1] = _least(flat, columns, count), _least(flat, rows, count)
    boxes[:, 2], boxes[:, 3] = 1 - _least(flat, -columns, count), 1 - _least(flat, -rows, count)
    return sizes, boxes, _shares(colour), _shares(texture)


def _histogram(flat: Array, values: Array, bins: int, low: float, high: float, count: int) -> Array:
    level = ((values.ravel() - low) * (bins / (high - low))).astype(np.int64).clip(0, bins - 1)
    return np.bincount(flat * bins + level, minlength=count * bins).reshape(count, bins)


def _shares(parts: list[Array]) -> Array:
    joined = np.concatenate(parts, axis=1).astype(np.float64)
    return joined / np.maximum(joined.sum(1, keepdims=True), 1)


def _least(flat: Array, values: Array, count: int) -> Array:
    out = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(out, flat, values.ravel())
    return out


def neighbours(segments: Array) -> Array:
    """Pairs (E, 2) of regions that touch, left or above first, each once."""
    across = np.stack([segments[:, :-1].ravel(), segments[:, 1:].ravel()], 1)
    down = np.stack([segments[:-1].ravel(), segments[1:].ravel()], 1)
    pairs = np.sort(np.concatenate([across, down]), 1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


@numba.njit(cache=True, nogil=True)
def merged(sizes, boxes, colour, texture, pairs, area, weights):  # type: ignore[no-untyped-def]
    """Merge the most similar neighbours until nothing touches.

    Args:
        weights: (4,) of colour, texture, size and fill similarity.

    Returns:
        for each merge the two regions and the similarity, (M, 3): region R + m is made by merge m; and boxes
        (R + M, 4), sizes (R + M,).
    """
    first = len(sizes)
    most = 2 * first
    size, box = np.zeros(most), np.zeros((most, 4))
    hues, edges = np.zeros((most, colour.shape[1])), np.zeros((most, texture.shape[1]))
    size[:first], box[:first], hues[:first], edges[:first] = sizes, boxes, colour, texture
    left, right = list(pairs[:, 0]), list(pairs[:, 1])
    likeness = [
        _similarity(left[e], right[e], size, box, hues, edges, area, weights) for e in range(len(left))
    ]
    steps = np.zeros((max(first - 1, 0), 3))
    made = 0
    seen = np.full(most, -1)
    while len(likeness) > 0:
        best = 0
        for e in range(len(likeness)):
            if likeness[e] > likeness[best]:
                best = e
        a, b, new = left[best], right[best], first + made
        steps[made, 0], steps[made, 1], steps[made, 2] = a, b, likeness[best]
        made += 1
        size[new] = size[a] + size[b]
        hues[new] = (hues[a] * size[a] + hues[b] * size[b]) / size[new]
        edges[new] = (edges[a] * size[a] + edges[b] * size[b]) / size[new]
        box[new, :2] = np.minimum(box[a, :2], box[b, :2])
        box[new, 2:] = np.maximum(box[a, 2:], box[b, 2:])
        kept = 0
        around = []
        for e in range(len(likeness)):
            p, q = left[e], right[e]
            if p in (a, b) or q in (a, b):
                other = q if p in (a, b) else p
                if other != a and other != b and seen[other] != new:
                    seen[other] = new
                    around.append(other)
            else:
                left[kept], right[kept], likeness[kept] = p, q, likeness[e]
                kept += 1
        del left[kept:], right[kept:], likeness[kept:]
        for other in around:
            left.append(other)
            right.append(new)
            likeness.append(_similarity(other, new, size, box, hues, edges, area, weights))
    return steps[:made], box[: first + made], size[: first + made]


@numba.njit(cache=True, nogil=True)
def _similarity(a, b, size, box, hues, edges, area, weights):  # type: ignore[no-untyped-def]
    total = 0.0
    if weights[0] > 0:
        total += weights[0] * np.minimum(hues[a], hues[b]).sum()
    if weights[1] > 0:
        total += weights[1] * np.minimum(edges[a], edges[b]).sum()
    total += weights[2] * (1 - (size[a] + size[b]) / area)
    width = max(box[a, 2], box[b, 2]) - min(box[a, 0], box[b, 0])
    height = max(box[a, 3], box[b, 3]) - min(box[a, 1], box[b, 1])
    return total + weights[3] * (1 - (width * height - size[a] - size[b]) / area)
