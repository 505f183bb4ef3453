"""How well a segmentation agrees with a mask: IoU and Dice of every class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["IGNORED", "ClassScore", "MaskScores", "mask_scores"]

IGNORED = 255


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: pixels that are right, that are only predicted, that are only in the mask; and what they
    make."""

    label: int
    both: int
    predicted_only: int
    mask_only: int
    iou: float
    dice: float


@dataclass(frozen=True, slots=True, eq=False)
class MaskScores:
    """Agreement of a prediction with a mask.

    Attributes:
        classes: those that occur in the prediction or the mask. mean_iou, mean_dice: their means, NaN
        without any.
        accuracy: share of the pixels that are right. pixels: how many counted.
        confusion: (K, K) int64, mask classes down, predicted classes across.
    """

    classes: tuple[ClassScore, ...]
    mean_iou: float
    mean_dice: float
    accuracy: float
    pixels: int
    confusion: Tensor


def mask_scores(labels: Tensor, mask: Tensor, num_classes: int, *, ignored: int = IGNORED) -> MaskScores:
    """IoU = both / (both + only one of them); Dice = 2·both / (predicted + in the mask).

    Args:
        labels, mask: whole numbers (H, W). ignored: the value of mask pixels that do not count.

    Raises:
        ValueError: other shapes, or a class that is not in 0…K − 1.
    """
    if labels.shape != mask.shape or labels.is_floating_point() or mask.is_floating_point():
        raise ValueError(
            f"wanted labels and mask as whole numbers of one shape, got {tuple(labels.shape)} {labels.dtype} "
            f"and {tuple(mask.shape)} {mask.dtype}"
        )
    counts = mask.cpu().long() != ignored
    found, truth = labels.cpu().long()[counts], mask.cpu().long()[counts]
    for name, values in (("labels", found), ("mask", truth)):
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < num_classes:
            raise ValueError(
                f"wanted {name} in 0..{num_classes - 1}, got {int(values.min())}..{int(values.max())}"
            )
    flat = torch.bincount(truth * num_classes + found, minlength=num_classes**2)
    confusion = flat.view(num_classes, num_classes)
    classes = tuple(score for label in range(num_classes) if (score := _class_score(confusion, label)))
    total = int(confusion.sum())
    nothing = float("nan")
    return MaskScores(
        classes=classes,
        mean_iou=sum(c.iou for c in classes) / len(classes) if classes else nothing,
        mean_dice=sum(c.dice for c in classes) / len(classes) if classes else nothing,
        accuracy=float(confusion.diag().sum()) / total if total else nothing,
        pixels=total,
        confusion=confusion,
    )


def _class_score(confusion: Tensor, label: int) -> ClassScore | None:
    both = int(confusion[label, label])
    predicted, real = int(confusion[:, label].sum()), int(confusion[label].sum())
    if predicted + real == 0:
        return None
    return ClassScore(
        label=label,
        both=both,
        predicted_only=predicted - both,
        mask_only=real - both,
        iou=both / (predicted + real - both),
        dice=2 * both / (predicted + real),
    )
