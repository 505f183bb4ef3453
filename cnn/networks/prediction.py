"""From a picture to a prediction: the pre-processing step by step, and the classes with the highest
scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode, functional

_LUMA = (0.299, 0.587, 0.114)
_LONGEST = 32  # times the shorter side


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPicture:
    """What was done to a picture before the network saw it.

    Attributes:
        resized: (C, h, w) uint8 after resizing and with the channels the network reads.
        cropped: (C, H, W) uint8, what the network sees.
        batch: (1, C, H, W) float32, (cropped / 255 − mean) / std.
        box: (x1, y1, x2, y2) of what the network sees, in pixels of the picture given.
    """

    resized: Tensor
    cropped: Tensor
    batch: Tensor
    box: tuple[float, float, float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A point of the network's picture as one of the picture given."""
        x1, y1, x2, y2 = self.box
        height, width = self.cropped.shape[-2:]
        return x1 + x * (x2 - x1) / width, y1 + y * (y2 - y1) / height


def prepared_picture(
    image: Tensor,
    input_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    *,
    resize: int = 0,
    interpolation: str = "bilinear",
) -> PreparedPicture:
    """A picture as a network expects it: the shorter side resized, the middle cut out, each channel
    normalised.

    Args:
        image: uint8 (C, H, W), C 1 or 3.
        input_shape: (C, H, W) the network reads.
        mean, std: per channel, of pixels in 0..1.
        resize: the shorter side before the middle is cut out; 0 takes the larger of the network's sides.
        interpolation: "bilinear", "bicubic" or "nearest"; smoothed when it shrinks, as torchvision does.

    Raises:
        ValueError: for other pictures.
    Source: torchvision.transforms._presets.ImageClassification, which this equals.
    """
    if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[0] not in {1, 3}:
        raise ValueError(f"wanted a uint8 picture (1 or 3, H, W), got {image.dtype} {tuple(image.shape)}")
    channels, height, width = input_shape
    image, (left, top) = _bounded(image)
    picture = _with_channels(image, channels)
    shorter = resize or max(height, width)
    resized = functional.resize(
        picture, [shorter], interpolation=InterpolationMode(interpolation), antialias=True
    )
    cropped = functional.center_crop(resized, [height, width])
    batch = functional.normalize(functional.convert_image_dtype(cropped), list(mean), list(std))[None]
    x1, y1, x2, y2 = _box(image, resized, height, width)
    return PreparedPicture(resized, cropped, batch, (x1 + left, y1 + top, x2 + left, y2 + top))


def _bounded(image: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """The middle of a strip, where a picture is one, and (x, y) of its corner: a line of pixels as tall as a network's
    input would be longer than the memory."""
    rows, columns = image.shape[1:]
    keep = _LONGEST * min(rows, columns)
    top, left = max(rows - keep, 0) // 2, max(columns - keep, 0) // 2
    return image[:, top : rows - top, left : columns - left], (left, top)


def _with_channels(image: Tensor, channels: int) -> Tensor:
    if image.shape[0] == channels:
        return image
    if channels == 3:
        return image.expand(3, -1, -1)
    weights = torch.tensor(_LUMA)[:, None, None]
    return (image.float() * weights).sum(dim=0, keepdim=True).round().to(torch.uint8)


def _box(image: Tensor, resized: Tensor, height: int, width: int) -> tuple[float, float, float, float]:
    scale_x, scale_y = image.shape[2] / resized.shape[2], image.shape[1] / resized.shape[1]
    left = (
        round((resized.shape[2] - width) / 2.0)
        if resized.shape[2] >= width
        else -((width - resized.shape[2]) // 2)
    )
    top = (
        round((resized.shape[1] - height) / 2.0)
        if resized.shape[1] >= height
        else -((height - resized.shape[1]) // 2)
    )
    return left * scale_x, top * scale_y, (left + width) * scale_x, (top + height) * scale_y


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class of a prediction."""

    index: int
    category: str
    probability: float
    logit: float


def top_classes(logits: Tensor, categories: Sequence[str], count: int = 5) -> tuple[ClassScore, ...]:
    """The classes with the highest scores, the best first; equal ones by their index.

    Args:
        logits: (K,) or (1, K).
        categories: K names; a missing name is the class's number.
        count: how many.

    Raises:
        ValueError: for other shapes.
    """
    scores = logits[0] if logits.ndim == 2 and logits.shape[0] == 1 else logits
    if scores.ndim != 1:
        raise ValueError(f"wanted logits (K,) or (1, K), got {tuple(logits.shape)}")
    probabilities = scores.float().softmax(dim=0)
    order = scores.argsort(descending=True, stable=True)[:count].tolist()
    return tuple(
        ClassScore(
            index,
            categories[index] if index < len(categories) else str(index),
            float(probabilities[index]),
            float(scores[index]),
        )
        for index in order
    )


def predicted(
    model: nn.Module, batch: Tensor, categories: Sequence[str], count: int = 5
) -> tuple[ClassScore, ...]:
    """The classes a network sees in one prepared picture, (1, C, H, W), the best first."""
    with torch.no_grad():
        return top_classes(model(batch), categories, count)
