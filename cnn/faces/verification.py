"""Is this the same person? Embeddings, their distance, and what a threshold τ does to both kinds of error."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.hooks import evaluating, locked
from cnn.weights.builtin import Builtin, normalised

__all__ = ["ErrorRates", "Verification", "distance", "embed", "error_rates", "pair_distances", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on two pictures: the same person where `distance` ≤ `threshold`."""

    distance: float
    threshold: float
    same: bool


@dataclass(frozen=True, slots=True, eq=False)
class ErrorRates:
    """Both errors of a verification at every threshold, over all pairs of a labelled set.

    Attributes:
        thresholds: float32 ``(T,)``, ascending.
        false_accepts: share of the pairs of different people with d ≤ τ, ``(T,)``.
        false_rejects: share of the pairs of one person with d > τ, ``(T,)``.
        equal_error: threshold at which the two are nearest to each other, and their mean there.
        same, different: distances of the pairs, ``(P,)`` and ``(Q,)``.
    """

    thresholds: Tensor
    false_accepts: Tensor
    false_rejects: Tensor
    equal_error: tuple[float, float]
    same: Tensor
    different: Tensor


def embed(model: nn.Module, images: Tensor | Sequence[Tensor], *, record: Builtin | None = None) -> Tensor:
    """Embeddings ``(N, D)`` of pictures, float32 on the CPU.

    Args:
        model: ``(N, C, H, W)`` → ``(N, D)``; run in evaluation mode, then left as it was.
        images: ``(N, C, H, W)``, or pictures ``(C, H, W)`` of any sizes; uint8, or floating point in 0..1.
        record: of the built-in network: its size, channels and normalisation are applied. Without it the
            pictures go in as they are (uint8 divided by 255).

    Raises:
        ValueError: no pictures, other axes, or pictures of several sizes without a record.
    """
    pictures = [_floats(image) for image in images]
    if not pictures:
        raise ValueError("wanted at least one picture, got none")
    if record is not None:
        pictures = [_fitted(picture, record) for picture in pictures]
    if len({picture.shape for picture in pictures}) > 1:
        raise ValueError(f"wanted pictures of one shape, got {sorted({tuple(p.shape) for p in pictures})}")
    batch = torch.stack(pictures)
    if record is not None:
        batch = normalised(batch, record)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with torch.inference_mode(), locked(model), evaluating(model):
        parts = [model(part.to(device)).float().cpu() for part in torch.split(batch, 64)]
    return torch.cat(parts).clone()


def distance(a: Tensor, b: Tensor) -> Tensor:
    """d = ‖a − b‖², the squared Euclidean distance of embeddings; 0..4 where they have length 1.

    Shapes: ``(..., D)`` and ``(..., D)``, broadcast against each other → ``(...)``.

    Raises:
        ValueError: embeddings of different lengths.
    Source: Schroff et al. 2015, "FaceNet".
    """
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"wanted embeddings of one length, got {a.shape[-1]} and {b.shape[-1]}")
    return (a - b).pow(2).sum(-1)


def verify(a: Tensor, b: Tensor, threshold: float) -> Verification:
    """The verdict on two embeddings ``(D,)``: the same person where d ≤ τ."""
    d = float(distance(a, b))
    return Verification(d, threshold, d <= threshold)


def pair_distances(vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Distances of all pairs of ``(N, D)``: those with one label, and those with two.

    Raises:
        ValueError: labels of another number than the vectors.
    """
    if len(vectors) != len(labels):
        raise ValueError(f"wanted a label for each of {len(vectors)} embeddings, got {len(labels)}")
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    distances = distance(vectors[first], vectors[second])
    same = labels[first] == labels[second]
    return distances[same], distances[~same]


def error_rates(vectors: Tensor, labels: Tensor, *, count: int = 201) -> ErrorRates:
    """False accepts and false rejects at `count` thresholds from 0 to the largest distance.

    Args:
        vectors: ``(N, D)``; labels: int64 ``(N,)``.

    Raises:
        ValueError: no pair of one person, or none of two.
    """
    same, different = pair_distances(vectors, labels)
    if not len(same) or not len(different):
        raise ValueError(f"wanted pairs of one person and of two, got {len(same)} and {len(different)}")
    thresholds = torch.linspace(0, float(torch.cat([same, different]).max()), count)
    accepted = _share_at_most(different, thresholds)
    rejected = 1 - _share_at_most(same, thresholds)
    nearest = int((accepted - rejected).abs().argmin())
    equal = float(thresholds[nearest]), float((accepted[nearest] + rejected[nearest]) / 2)
    return ErrorRates(thresholds, accepted, rejected, equal, same, different)


def _share_at_most(values: Tensor, thresholds: Tensor) -> Tensor:
    return torch.searchsorted(values.sort().values, thresholds, right=True) / len(values)


def _floats(image: Tensor) -> Tensor:
    if image.ndim != 3 or image.numel() == 0:
        raise ValueError(f"wanted pictures (C, H, W), got shape {tuple(image.shape)}")
    return image.float() / 255 if image.dtype == torch.uint8 else image.float()


def _fitted(image: Tensor, record: Builtin) -> Tensor:
    """In the record's channels (gray by the usual luminance weights) and size."""
    if record.channels == 1 and image.shape[0] == 3:
        image = (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)
    elif record.channels == 3 and image.shape[0] == 1:
        image = image.expand(3, -1, -1)
    size = record.input_size
    if 0 not in size and tuple(image.shape[-2:]) != size:
        image = F.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]
    return image
