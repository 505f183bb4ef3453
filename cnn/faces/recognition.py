"""Who is this? A gallery with one picture a person, and how the error grows with the number of people in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.faces.verification import distance

__all__ = ["GalleryError", "Recognition", "gallery_errors", "recognise"]


@dataclass(frozen=True, slots=True, eq=False)
class Recognition:
    """Who a picture shows.

    `index` is the nearest of the gallery, or None where even its distance is above τ; `distances` to all
    ``(K,)``; `order` the gallery's indices from near to far.
    """

    index: int | None
    distances: Tensor
    order: tuple[int, ...]
    threshold: float


@dataclass(frozen=True, slots=True)
class GalleryError:
    """How often 1:K recognition goes wrong, `people` = K, over `trials` seeded trials.

    Attributes:
        wrong: share of trials in which somebody else was nearer, or the person was beyond τ.
        mistaken: share in which the verdict names somebody else.
        independent: what 1 − (1 − false accepts)^(K−1)·(1 − false rejects) of the pairs would give, if the
            K − 1 other comparisons were independent of each other and any false accept were a mistake.
    """

    people: int
    trials: int
    wrong: float
    mistaken: float
    independent: float


def recognise(vector: Tensor, gallery: Tensor, threshold: float) -> Recognition:
    """The person of the gallery whose picture is nearest, if it is near enough: d ≤ τ.

    Args:
        vector: ``(D,)``. gallery: ``(K, D)``, one embedding a person (one-shot) or several rows for some.

    Raises:
        ValueError: an empty gallery.
    """
    if gallery.ndim != 2 or not len(gallery):
        raise ValueError(f"wanted a gallery (K, D) with K at least 1, got shape {tuple(gallery.shape)}")
    distances = distance(gallery, vector)
    order = tuple(distances.argsort(stable=True).tolist())
    known = float(distances[order[0]]) <= threshold
    return Recognition(order[0] if known else None, distances, order, threshold)


def gallery_errors(
    vectors: Tensor,
    labels: Tensor,
    sizes: Sequence[int],
    threshold: float,
    *,
    trials: int = 1000,
    seed: int = 0,
) -> tuple[GalleryError, ...]:
    """The error of 1:K recognition for each K: one picture a person is enrolled, another of one of them is asked.

    Args:
        vectors: ``(N, D)``; labels: int64 ``(N,)``; only people with two pictures are asked for.
        sizes: the K, from 1 to the number of people.

    Raises:
        ValueError: a K out of range, or nobody with two pictures.
    """
    members = [(labels == label).nonzero().flatten() for label in torch.unique(labels)]
    asked = [index for index, own in enumerate(members) if len(own) > 1]
    if not asked:
        raise ValueError("wanted at least one person with two pictures, got none")
    for size in sizes:
        if not 1 <= size <= len(members):
            raise ValueError(f"wanted gallery sizes from 1 to {len(members)}, got {size}")
    same = torch.triu(labels[:, None] == labels[None], 1)
    different = torch.triu(labels[:, None] != labels[None], 1)
    distances = distance(vectors[:, None], vectors[None])
    accepts = float((distances[different] <= threshold).float().mean()) if bool(different.any()) else 0.0
    rejects = float((distances[same] > threshold).float().mean())
    found = []
    for size in sizes:
        generator = torch.Generator().manual_seed(seed)
        wrong = mistaken = 0
        for _ in range(trials):
            near, mine, verdict = _trial(distances, members, asked, size, generator)
            if not mine or verdict > threshold:
                wrong += 1
            if not mine and near <= threshold:
                mistaken += 1
        independent = 1 - (1 - accepts) ** (size - 1) * (1 - rejects)
        found.append(GalleryError(size, trials, wrong / trials, mistaken / trials, independent))
    return tuple(found)


def _trial(
    distances: Tensor, members: list[Tensor], asked: list[int], size: int, generator: torch.Generator
) -> tuple[float, bool, float]:
    """The nearest distance, whether it is the asked person's, and that person's own distance."""
    person = asked[int(torch.randint(len(asked), (), generator=generator))]
    pair = members[person][torch.randperm(len(members[person]), generator=generator)[:2]]
    others = [index for index in range(len(members)) if index != person]
    chosen = torch.randperm(len(others), generator=generator)[: size - 1].tolist()
    enrolled = [int(pair[0])]
    for index in (others[c] for c in chosen):
        own = members[index]
        enrolled.append(int(own[int(torch.randint(len(own), (), generator=generator))]))
    row = distances[int(pair[1]), torch.tensor(enrolled)]
    nearest = int(row.argmin())
    return float(row[nearest]), nearest == 0, float(row[0])
