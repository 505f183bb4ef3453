"""What a pixel has to do with the score of a class, and the gradient that most answers begin with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn.hooks import evaluating, locked


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each pixel does to the score of a class.

    Attributes:
        method: of ``cnn.attribution.pixels.METHODS`` or "occlusion".
        target: the class.
        values: (C, H, W) as the method gives them.
        heat: (H, W): the sum over channels where `signed`, else the sum of absolute values.
        signed: whether negative numbers mean evidence against the class.
        warning: "" | "zero" | "not_finite".
        gap: for integrated gradients how much the values' sum misses of the score's change; else 0.
    """

    method: str
    target: int
    values: Tensor
    heat: Tensor
    signed: bool
    warning: str
    gap: float = 0.0


def evidence(method: str, target: int, values: Tensor, signed: bool, gap: float = 0.0) -> Attribution:
    """Return values (C, H, W) with their heat; numbers that are not finite count as 0 there and are warned of."""
    warning = "" if bool(torch.isfinite(values).all()) else "not_finite"
    clean = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    heat = clean.sum(dim=0) if signed else clean.abs().sum(dim=0)
    if not warning and not bool(heat.any()):
        warning = "zero"
    return Attribution(method, target, values, heat, signed, warning, gap)


def as_batch(image: Tensor) -> Tensor:
    """Return (1, C, H, W) of an image (C, H, W) or (1, C, H, W), cut off any graph."""
    return (image if image.ndim == 4 else image[None]).detach()


def class_scores(model: nn.Module, images: Tensor) -> Tensor:
    """Return the scores (N, K), without a graph.

    Raises:
        ValueError: the network has no class scores.
    """
    with locked(model), evaluating(model), torch.no_grad():
        return _checked(model(images))


def class_of(model: nn.Module, images: Tensor, target: int | None) -> int:
    """Return the class that is meant; only for None, the most probable one, the network has to run."""
    return int(class_scores(model, images)[0].argmax()) if target is None else target


def class_gradients(model: nn.Module, images: Tensor, target: int) -> Tensor:
    """Return the gradients (N, C, H, W) of each image's own score, by one pass forward and back.

    Raises:
        ValueError: the network has no class scores. IndexError: no such class.
    """
    with locked(model), evaluating(model), torch.inference_mode(False), torch.enable_grad():
        pixels = images.detach().clone().requires_grad_()
        score = column_of(model(pixels), target).sum()
        (gradients,) = torch.autograd.grad(score, pixels, allow_unused=True, materialize_grads=True)
    return gradients


def column_of(scores: object, target: int) -> Tensor:
    """Return the scores (N,) of a class.

    Raises:
        ValueError: these are no scores of classes. IndexError: no such class.
    """
    found = _checked(scores)
    if not 0 <= target < found.shape[1]:
        raise IndexError(f"wanted a class in 0..{found.shape[1] - 1}, got {target}")
    return found[:, target]


def _checked(scores: object) -> Tensor:
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        raise ValueError("wanted a network with class scores (N, K)")
    return scores
