"""Anchor boxes from a data set's own boxes."""

import torch
from torch import Tensor


def size_iou(sizes: Tensor, anchors: Tensor) -> Tensor:
    """IoU of boxes laid corner on corner: (width, height) ``(N, 2)`` and ``(A, 2)`` → ``(N, A)`` in 0..1."""
    overlap = torch.minimum(sizes[:, None], anchors[None]).prod(-1)
    return overlap / (sizes.prod(-1)[:, None] + anchors.prod(-1)[None] - overlap)


def kmeans_anchors(sizes: Tensor, count: int, *, seed: int = 0, rounds: int = 100) -> Tensor:
    """`count` anchors ``(A, 2)`` by k-means with the distance 1 − IoU, smallest area first.

    Args:
        sizes: (width, height) of every box ``(N, 2)``, positive.

    Raises:
        ValueError: fewer boxes than anchors.
    Source: Redmon and Farhadi 2016, "YOLO9000".
    """
    if len(sizes) < count:
        raise ValueError(f"wanted at least {count} boxes, got {len(sizes)}")
    generator = torch.Generator().manual_seed(seed)
    anchors = sizes[torch.randperm(len(sizes), generator=generator)[:count]].clone()
    owner = torch.full((len(sizes),), -1)
    for _ in range(rounds):
        nearest = size_iou(sizes, anchors).argmax(1)
        if torch.equal(nearest, owner):
            break
        owner = nearest
        for index in range(count):
            if (owner == index).any():
                anchors[index] = sizes[owner == index].median(0).values
    return anchors[anchors.prod(1).argsort()]
