"""What a network that finds one object, or the points of a face, has to output (curriculum O1, O2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.checks import expect_integer
from cnn.detection.boxes import expect_boxes

__all__ = ["Target", "TargetLoss", "box_target", "landmark_target", "localisation_target", "squared_error"]

LANDMARKS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A target vector.

    Attributes:
        values: float32, any shape; 0 where nobody cares.
        cares: bool, the same shape; False marks a don't-care.
        names: of the entries along the last axis.
    """

    values: Tensor
    cares: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TargetLoss:
    """A squared error: `terms` of the target's shape, 0 where nobody cares, and their sum `total`."""

    terms: Tensor
    total: float


def localisation_target(
    category: int | None,
    box: Sequence[float] | Tensor | None,
    image_size: tuple[int, int],
    num_classes: int = 3,
) -> Target:
    """y = [p_c, c1…cC, b_x, b_y, b_h, b_w] of a picture with one object, or with none.

    Args:
        category: 0…C − 1, or None for a picture of background; then everything but p_c = 0 is a don't-care.
        box: (4,), x1 y1 x2 y2 in pixels; None with category None.
        image_size: (height, width) in pixels.

    Returns:
        (5 + C,); b_x, b_y are the centre and b_h, b_w the size, as shares of the picture.

    Raises:
        TypeError, ValueError: a category without a box or the reverse, a box outside the picture.
    """
    classes = expect_integer(num_classes, "num_classes", minimum=1)
    values = torch.zeros(5 + classes)
    cares = torch.zeros(5 + classes, dtype=torch.bool)
    cares[0] = True
    if (category is None) != (box is None):
        raise ValueError(f"wanted a category and a box, or neither, got {category} and {box}")
    if category is not None and box is not None:
        if not 0 <= expect_integer(category, "category") < classes:
            raise ValueError(f"wanted a category in 0..{classes - 1}, got {category}")
        values[0] = values[1 + category] = 1.0
        values[1 + classes :] = box_target(torch.as_tensor(box, dtype=torch.float32), image_size)
        cares[:] = True
    return Target(values, cares, entry_names(classes))


def entry_names(num_classes: int) -> tuple[str, ...]:
    """p_c, c1…, b_x, b_y, b_h, b_w."""
    return ("p_c", *(f"c{index}" for index in range(1, num_classes + 1)), "b_x", "b_y", "b_h", "b_w")


def box_target(box: Tensor, image_size: tuple[int, int]) -> Tensor:
    """(b_x, b_y, b_h, b_w) of a box (4,), as shares of a picture of (height, width). Raises: ValueError."""
    height, width = (expect_integer(side, "image_size", minimum=1) for side in image_size)
    x1, y1, x2, y2 = expect_boxes(box[None], "box")[0].tolist()
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise ValueError(f"wanted a box with an area inside {width}×{height}, got {(x1, y1, x2, y2)}")
    return torch.tensor(
        [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (y2 - y1) / height, (x2 - x1) / width]
    )


def landmark_target(points: Tensor | None, image_size: tuple[int, int], count: int = LANDMARKS) -> Target:
    """[face, l_1x, l_1y, …]: 1 + 2·64 = 129 numbers for 64 points of a face.

    Args:
        points: (count, 2), x and y in pixels, or None where there is no face: then they are don't-cares.
        image_size: (height, width) in pixels.

    Returns:
        (1 + 2·count,), points as shares of the picture.

    Raises:
        ValueError: another number of points, or one outside the picture.
    """
    height, width = (expect_integer(side, "image_size", minimum=1) for side in image_size)
    number = expect_integer(count, "count", minimum=1)
    values = torch.zeros(1 + 2 * number)
    cares = torch.zeros(1 + 2 * number, dtype=torch.bool)
    cares[0] = True
    if points is not None:
        if tuple(points.shape) != (number, 2):
            raise ValueError(f"wanted points of shape ({number}, 2), got {tuple(points.shape)}")
        shares = points.float() / torch.tensor([width, height])
        if not bool(((shares >= 0) & (shares <= 1)).all()):
            raise ValueError(
                f"wanted points inside {width}×{height}, got {points.amin(0)} to {points.amax(0)}"
            )
        values[0], values[1:], cares[:] = 1.0, shares.flatten(), True
    names = ("face", *(f"l_{index}{axis}" for index in range(1, number + 1) for axis in "xy"))
    return Target(values, cares, names)


def squared_error(predicted: Tensor, target: Target) -> TargetLoss:
    """Σ (ŷ − y)² over the entries that count: all of them where p_c = 1, only p_c itself where p_c = 0.

    Raises:
        ValueError: another shape than the target's, or a number that is not finite.
    """
    if predicted.shape != target.values.shape:
        raise ValueError(
            f"wanted a prediction of shape {tuple(target.values.shape)}, got {tuple(predicted.shape)}"
        )
    if not bool(predicted.isfinite().all()):
        raise ValueError("wanted finite predictions, got one that is not")
    terms = torch.where(target.cares, (predicted.float() - target.values).square(), 0.0)
    return TargetLoss(terms, float(terms.double().sum()))
