"""Selective search: about 2,000 regions that may hold an object, in the order they grow (curriculum O8)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from skimage.segmentation import felzenszwalb
from torch import Tensor

from cnn.detection.network import expect_picture
from cnn.detection.region_merging import described, merged, neighbours

__all__ = [
    "STRATEGIES",
    "Grouping",
    "MergeStep",
    "Regions",
    "Strategy",
    "grouping",
    "merge_steps",
    "ranked",
    "selective_search",
]

LONGEST = 320
SMALLEST_BOX = 8  # pixels a side, of the picture that is searched
MERGED_BELOW = 20  # pixels: smaller first segments join a neighbour


@dataclass(frozen=True, slots=True)
class Strategy:
    """One of the groupings that are put together.

    `colours` is "rgb", "lab" or "hsv"; `scale` the k of the first segmentation, larger for larger segments;
    `weights` of colour, texture, size and fill similarity.
    """

    colours: str
    scale: float
    weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


STRATEGIES = (
    Strategy("lab", 25),
    Strategy("lab", 25, (0.0, 1.0, 1.0, 1.0)),
    Strategy("hsv", 25),
    Strategy("hsv", 50, (0.0, 1.0, 1.0, 1.0)),
    Strategy("rgb", 50),
    Strategy("lab", 100, (0.0, 0.0, 1.0, 1.0)),
)


@dataclass(frozen=True, slots=True)
class MergeStep:
    """One merge: regions `first` and `second` become region `made`, with its box in pixels of the picture."""

    number: int
    first: int
    second: int
    made: int
    similarity: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """The tree of one strategy.

    Attributes:
        segments: (h, w) int32, the first segmentation of the searched picture, regions 0…R − 1.
        boxes: (R + M, 4) float32, x1 y1 x2 y2 in pixels of the picture given; R first ones, then one for
        each merge.
        pairs: (M, 2) int64, the regions of each merge. similarity: (M,), from first to last.
        strategy: how it was made.
    """

    segments: Tensor
    boxes: Tensor
    pairs: Tensor
    similarity: Tensor
    strategy: Strategy

    @property
    def first_regions(self) -> int:
        """R, the segments that the merging began with."""
        return len(self.boxes) - len(self.pairs)

    def mask(self, region: int) -> Tensor:
        """(h, w) bool of any region, on the searched picture. Raises: IndexError."""
        if not 0 <= region < len(self.boxes):
            raise IndexError(f"wanted a region in 0..{len(self.boxes) - 1}, got {region}")
        found, waiting = [], [region]
        while waiting:
            one = waiting.pop()
            if one < self.first_regions:
                found.append(one)
            else:
                waiting += self.pairs[one - self.first_regions].tolist()
        return torch.isin(self.segments, torch.tensor(found, dtype=self.segments.dtype))


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Proposals of all strategies.

    Attributes:
        boxes: (R, 4) float32, x1 y1 x2 y2 in pixels of the picture, no two the same, likeliest first.
        strategy: (R,) int64, the grouping each came from first. groupings: the trees.
        seconds: it took.
    """

    boxes: Tensor
    strategy: Tensor
    groupings: tuple[Grouping, ...]
    seconds: float


def selective_search(
    image: Tensor, *, strategies: Sequence[Strategy] = STRATEGIES, limit: int = 2000, seed: int = 0
) -> Regions:
    """Regions of a picture by merging alike neighbours, several ways, put together.

    A region's rank is its place from the top of its tree, times a number drawn from 0..1; low ranks come
    first, so
    that no strategy stands before the others.

    Args:
        image: uint8 or float in 0..1, (C, H, W) with 1 or 3 channels; searched at 320 px at most.
        limit: most boxes. seed: of the ranks.

    Raises:
        TypeError, ValueError: no picture, no strategy, a limit below 1.
    Source: Uijlings et al. 2013, "Selective search for object recognition"; first segments by Felzenszwalb
    and
    Huttenlocher 2004.
    """
    if not strategies or limit < 1:
        raise ValueError(f"wanted a strategy and a limit of at least 1, got {len(strategies)} and {limit}")
    start = time.perf_counter()
    groupings = tuple(grouping(image, strategy) for strategy in strategies)
    boxes, owners = ranked(groupings, (int(image.shape[-2]), int(image.shape[-1])), limit=limit, seed=seed)
    return Regions(boxes, owners, groupings, time.perf_counter() - start)


def ranked(
    groupings: Sequence[Grouping], size: tuple[int, int], *, limit: int = 2000, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """The boxes of several trees in the order of `selective_search`: (R, 4) float32, and (R,) the tree of each.

    Args:
        groupings: at least one. size: (height, width) of the picture in pixels.
    """
    generator = np.random.default_rng(seed)
    ranks, boxes, owners = [], [], []
    smallest = SMALLEST_BOX * max(1.0, max(size) / LONGEST)
    for index, group in enumerate(groupings):
        found = group.boxes.numpy()
        ranks.append(np.arange(len(found), 0, -1) * generator.random(len(found)))
        boxes.append(found)
        owners.append(np.full(len(found), index))
    order = np.argsort(np.concatenate(ranks), kind="stable")
    every, owner = np.concatenate(boxes)[order], np.concatenate(owners)[order]
    large = ((every[:, 2:] - every[:, :2]) >= min(smallest, *size)).all(1)
    every, owner = every[large], owner[large]
    first = np.sort(np.unique(every, axis=0, return_index=True)[1])[:limit]
    return torch.from_numpy(every[first].copy()), torch.from_numpy(owner[first].astype(np.int64))


def grouping(image: Tensor, strategy: Strategy) -> Grouping:
    """The tree of one strategy. Raises: as `selective_search`; ValueError for unknown colours."""
    picture = expect_picture(image)
    height, width = image.shape[-2:]
    scale = min(1.0, LONGEST / max(picture.shape[1:]))
    size = tuple(max(1, round(side * scale)) for side in picture.shape[1:])
    rows = np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy())
    if scale < 1:
        rows = cv2.resize(rows, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    colours = _converted(rows, strategy.colours)
    least = min(MERGED_BELOW, size[0] * size[1])
    segments = felzenszwalb(colours, scale=strategy.scale, sigma=0.8, min_size=least, channel_axis=2)
    segments = np.unique(segments, return_inverse=True)[1].reshape(size).astype(np.int32)
    count = int(segments.max()) + 1
    steps, boxes, _ = merged(
        *described(colours, segments.astype(np.int64), count),
        neighbours(segments).astype(np.int64).reshape(-1, 2),
        float(segments.size),
        np.array(strategy.weights),
    )
    boxes *= np.array([width / size[1], height / size[0]] * 2)
    return Grouping(
        segments=torch.from_numpy(segments),
        boxes=torch.from_numpy(boxes.astype(np.float32)),
        pairs=torch.from_numpy(steps[:, :2].astype(np.int64)),
        similarity=torch.from_numpy(steps[:, 2].copy()),
        strategy=strategy,
    )


def merge_steps(group: Grouping) -> Iterator[MergeStep]:
    """The merges of one tree, the most alike first."""
    for number, (first, second) in enumerate(group.pairs.tolist()):
        made = group.first_regions + number
        x1, y1, x2, y2 = group.boxes[made].tolist()
        yield MergeStep(number + 1, first, second, made, float(group.similarity[number]), (x1, y1, x2, y2))


def _converted(rows: np.ndarray, colours: str) -> np.ndarray:
    """Float32 (H, W, 3) in 0..1."""
    if colours == "rgb":
        return rows
    if colours == "hsv":
        return cv2.cvtColor(rows, cv2.COLOR_RGB2HSV) / np.array([360, 1, 1], np.float32)
    if colours == "lab":
        lab = cv2.cvtColor(rows, cv2.COLOR_RGB2LAB)
        return ((lab + np.array([0, 128, 128], np.float32)) / np.array([100, 255, 255], np.float32)).clip(
            0, 1
        )
    raise ValueError(f"wanted colours rgb, lab or hsv, got {colours!r}")
