"""The class of every pixel (curriculum S1), from torchvision's networks or our U-Nets."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights
from torchvision.models.segmentation._utils import _SimpleSegmentationModel
from torchvision.models.segmentation.lraspp import LRASPP

from cnn.checks import expect_choice, expect_image
from cnn.hooks import evaluating, locked
from cnn.models.prepared import HalfPrecision, prepared
from cnn.models.record import IMAGENET_MEAN, IMAGENET_STD
from cnn.models.unet import UNet
from cnn.weights.builtin import BUILTIN, Builtin

__all__ = [
    "PRECISIONS",
    "Segmentation",
    "SegmenterError",
    "categories_of",
    "network_input",
    "segment",
    "segment_batch",
]

PRECISIONS = ("exact", "fast")
TORCHVISION_SIDE = 520
LONGEST_INPUT = 1333
LEAST_INPUT = 32
MOST_PROBABILITIES = 48_000_000  # numbers: 192 MB
FAST_PARTS = ("backbone", "classifier")
MAX_BATCH = 16


class SegmenterError(TypeError):
    """A network whose outputs are no classes of pixels that are known here."""


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """What a network says of every pixel.

    Attributes:
        labels: (H, W) uint8, the likeliest class; H, W of the picture.
        probabilities: (K, h, w) float32, summing to 1 over the classes; of the picture's size, or scaled
        down where
            that would be more than 48 million numbers.
        categories: the name of each class.
        input_size: (height, width) the network read.
        seconds: of "preprocess", "network" and "postprocess".
    """

    labels: Tensor
    probabilities: Tensor
    categories: tuple[str, ...]
    input_size: tuple[int, int]
    seconds: Mapping[str, float]

    def pixel(self, row: int, column: int) -> Tensor:
        """(K,) the probability of each class at a pixel of the picture. Raises: IndexError."""
        height, width = self.labels.shape
        if not (0 <= row < height and 0 <= column < width):
            raise IndexError(f"wanted a pixel inside {height}×{width}, got ({row}, {column})")
        rows, columns = self.probabilities.shape[1:]
        return self.probabilities[:, row * rows // height, column * columns // width]


@dataclass(frozen=True, slots=True)
class _Reading:
    categories: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: int
    size: int  # pixels: of the shorter side for torchvision, of the longer side for a U-Net
    shorter: bool


def segment(
    model: nn.Module,
    image: Tensor,
    *,
    precision: str = "exact",
    record: Builtin | None = None,
    probabilities: bool = True,
) -> Segmentation:
    """The class of every pixel of a picture.

    Args:
        model: one of torchvision's semantic networks (FCN, DeepLabV3, LRASPP), or our U-Net; on any device.
        Used under
            its lock.
        image: uint8 or float in 0..1, (C, H, W) with 1 or 3 channels, of any size.
        precision: "exact"; or "fast", a copy with batch norms folded in, channels last and in 16 bits where
        the
            device is made for it.
        record: of a U-Net that did not ship.
        probabilities: False leaves them out (K, 0, 0): live frames need the labels only.

    Raises:
        SegmenterError: another kind of network. TypeError, ValueError: no picture.
    """
    return segment_batch(model, [image], precision=precision, record=record, probabilities=probabilities)[0]


def segment_batch(
    model: nn.Module,
    images: Sequence[Tensor],
    *,
    precision: str = "exact",
    record: Builtin | None = None,
    probabilities: bool = True,
) -> tuple[Segmentation, ...]:
    """The same for 1 to 16 pictures of one size in one pass, for video. Raises: as `segment`; ValueError."""
    expect_choice(precision, PRECISIONS, "precision")
    reading = _reading(model, record)
    if not 1 <= len(images) <= MAX_BATCH or len({tuple(i.shape[-2:]) for i in images}) > 1:
        raise ValueError(f"wanted 1 to {MAX_BATCH} pictures of one size, got {len(images)}")
    fast = precision == "fast"
    runner: Any = prepared(model, ("",) if isinstance(model, UNet) else FAST_PARTS) if fast else model
    device = next(model.parameters()).device
    with locked(runner), _ready(runner, fast), torch.inference_mode():
        start = time.perf_counter()
        x = torch.cat([_fitted(image, reading).to(device) for image in images])
        x = (x - _channels(reading.mean, x)) / _channels(reading.std, x)
        x = x.contiguous(memory_format=torch.channels_last) if fast else x
        middle = time.perf_counter()
        logits = _logits(runner, x, fast).float()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        end = time.perf_counter()
        pairs = zip(images, logits, strict=True)
        read = [
            _of_picture(one, (int(i.shape[-2]), int(i.shape[-1])), reading.categories, probabilities)
            for i, one in pairs
        ]
        last = time.perf_counter()
    stages = (middle - start, end - middle, last - end)
    seconds = dict(
        zip(("preprocess", "network", "postprocess"), (s / len(images) for s in stages), strict=True)
    )
    size = (int(x.shape[2]), int(x.shape[3]))
    return tuple(Segmentation(*labels, reading.categories, size, seconds) for labels in read)


def network_input(model: nn.Module, image: Tensor, *, record: Builtin | None = None) -> Tensor:
    """A picture as the network reads it: (1, C, h, w) float32, scaled and normalised, on the network's device.

    Args and raises: as `segment`.
    """
    reading = _reading(model, record)
    x = _fitted(image, reading).to(next(model.parameters()).device)
    return (x - _channels(reading.mean, x)) / _channels(reading.std, x)


def categories_of(model: nn.Module, *, record: Builtin | None = None) -> tuple[str, ...]:
    """The names of the network's classes, in the order of its outputs. Raises: SegmenterError."""
    return _reading(model, record).categories


def _reading(model: nn.Module, record: Builtin | None) -> _Reading:
    if isinstance(model, UNet):
        channels = int(next(model.parameters()).shape[1])
        count = model.head.out_channels
        known = record or next(
            (
                r
                for r in BUILTIN
                if r.task == "segmentation" and r.channels == channels and len(r.categories) == count
            ),
            None,
        )
        if known is None:
            names = tuple(f"class {index}" for index in range(count))
            return _Reading(names, (0.5,) * channels, (0.25,) * channels, channels, 512, False)
        return _Reading(known.categories, known.mean, known.std, channels, max(known.input_size), False)
    if not isinstance(model, _SimpleSegmentationModel | LRASPP):
        raise SegmenterError(
            f"wanted an FCN, DeepLabV3 or LRASPP of torchvision or our U-Net, got {type(model).__name__}"
        )
    layers = [m for m in model.classifier.modules() if isinstance(m, nn.Conv2d)]
    count = layers[-1].out_channels
    voc = tuple(DeepLabV3_ResNet50_Weights.DEFAULT.meta["categories"])
    names = voc if count == len(voc) else tuple(f"class {index}" for index in range(count))
    return _Reading(names, IMAGENET_MEAN, IMAGENET_STD, 3, TORCHVISION_SIDE, True)


def _fitted(image: Tensor, reading: _Reading) -> Tensor:
    """(1, C, h, w) float in 0..1, scaled as the network wants it; the sides keep their proportion where they
    can."""
    picture = expect_image(image)
    if picture.shape[0] not in (1, 3):
        raise ValueError(f"wanted a picture of 1 or 3 channels, got {picture.shape[0]}")
    if not (picture.dtype == torch.uint8 or picture.is_floating_point()):
        raise TypeError(f"wanted a picture as uint8 or float in 0..1, got {picture.dtype}")
    if picture.is_floating_point() and not bool(((picture >= 0) & (picture <= 1)).all()):
        raise ValueError("wanted a float picture with values in 0..1, got others")
    height, width = picture.shape[1:]
    scale = reading.size / (min(height, width) if reading.shorter else max(height, width))
    scale = min(scale, LONGEST_INPUT / max(height, width))
    size = tuple(max(LEAST_INPUT, round(side * scale)) for side in (height, width))
    scaled = _scaled(picture, (size[0], size[1]))
    if reading.channels == 1 and scaled.shape[1] == 3:
        weights = torch.tensor([0.299, 0.587, 0.114], device=scaled.device).view(1, 3, 1, 1)
        return (scaled * weights).sum(1, keepdim=True)
    return scaled.expand(-1, reading.channels, -1, -1)


def _scaled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, C, *size) float in 0..1; large ones by area first, so that no large float copy is made."""
    if picture.shape[1] * picture.shape[2] > 16 * size[0] * size[1]:
        rows = picture.permute(1, 2, 0).contiguous().cpu().numpy()
        rows = cv2.resize(rows, (2 * size[1], 2 * size[0]), interpolation=cv2.INTER_AREA)
        picture = (
            torch.from_numpy(rows).view(2 * size[0], 2 * size[1], -1).permute(2, 0, 1).to(picture.device)
        )
    values = picture[None].float() / 255 if picture.dtype == torch.uint8 else picture[None].float()
    if tuple(values.shape[2:]) == size:
        return values
    return F.interpolate(values, size, mode="bilinear", antialias=True).clamp(0, 1)


def _logits(runner: Any, x: Tensor, fast: bool) -> Tensor:
    """(N, K, …) class logits; the fast way leaves out the scaling to the input's size: the picture's
    follows."""
    if fast and not isinstance(runner, HalfPrecision | UNet):
        features = runner.backbone(x)
        return runner.classifier(features if isinstance(runner, LRASPP) else features["out"])
    output = runner(x)
    return output["out"] if isinstance(output, dict) else output


def _of_picture(
    logits: Tensor, size: tuple[int, int], categories: tuple[str, ...], wanted: bool
) -> tuple[Tensor, Tensor]:
    """Labels (H, W) and probabilities (K, h, w), (K, 0, 0) unless `wanted`, of one picture's logits (K, …)."""
    shrink = min(1.0, (MOST_PROBABILITIES / (len(categories) * size[0] * size[1])) ** 0.5)
    shown = (max(1, int(size[0] * shrink)), max(1, int(size[1] * shrink)))
    if tuple(logits.shape[1:]) != shown:
        logits = F.interpolate(logits[None], shown, mode="bilinear", align_corners=False)[0]
    labels = logits.max(0).indices.to(torch.uint8)  # several times faster than argmax
    probabilities = logits.softmax(0).cpu() if wanted else torch.zeros(len(categories), 0, 0)
    if shown != size:
        labels = F.interpolate(labels[None, None], size, mode="nearest")[0, 0]
    return labels.cpu(), probabilities


def _ready(runner: nn.Module, fast: bool) -> AbstractContextManager[object]:
    """Evaluation mode; a fast copy is in it already."""
    return nullcontext() if fast else evaluating(runner)


def _channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device).view(-1, 1, 1)
