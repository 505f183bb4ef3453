"""The class of every pixel (curriculum S1), from torchvision's networks or our U-Nets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.segmentation.lraspp import LRASPP

from cnn.checks import expect_choice
from cnn.hooks import evaluating, locked
from cnn.models.converted import OPENVINO, TORCH, Recipe, converted, refuse
from cnn.models.openvino_parts import OpenVINOPart
from cnn.models.prepared import HalfPrecision, prepared
from cnn.models.unet import UNet
from cnn.segmentation.agreement import CLASS_TOLERANCE, class_distance
from cnn.segmentation.reading import Reading, SegmenterError, fitted, normalised, reading_of
from cnn.weights.builtin import Builtin

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
MOST_PROBABILITIES = 48_000_000  # numbers: 192 MB
FAST_PARTS = ("backbone", "classifier")
MAX_BATCH = 16


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
        seconds: of "preprocess", "network" and "postprocess". runtime: what computed the network, for people.
    """

    labels: Tensor
    probabilities: Tensor
    categories: tuple[str, ...]
    input_size: tuple[int, int]
    seconds: Mapping[str, float]
    runtime: str = TORCH

    def pixel(self, row: int, column: int) -> Tensor:
        """(K,) the probability of each class at a pixel of the picture. Raises: IndexError."""
        height, width = self.labels.shape
        if not (0 <= row < height and 0 <= column < width):
            raise IndexError(f"wanted a pixel inside {height}×{width}, got ({row}, {column})")
        rows, columns = self.probabilities.shape[1:]
        return self.probabilities[:, row * rows // height, column * columns // width]


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
        precision: "exact"; or "fast", a copy with batch norms folded in, channels last and in 16 bits where the device
            is made for it; on a CPU by OpenVINO where it is installed, in a stream
            (`cnn.models.converted`).
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
    reading = reading_of(model, record)
    if not 1 <= len(images) <= MAX_BATCH or len({tuple(i.shape[-2:]) for i in images}) > 1:
        raise ValueError(f"wanted 1 to {MAX_BATCH} pictures of one size, got {len(images)}")
    if precision == "exact":
        return _pass(model, model, images, reading, probabilities, None)
    if len(images) == 1:
        quick = converted(model, lambda: _recipe(model, images[0], reading))
        if quick is not None:
            try:
                found = _pass(model, quick, images, reading, probabilities, torch.contiguous_format)
                return tuple(replace(one, runtime=OPENVINO) for one in found)
            except RuntimeError as error:
                refuse(model, error)
    runner = prepared(model, _parts(model))
    return _pass(model, runner, images, reading, probabilities, torch.channels_last)


def _pass(
    model: nn.Module,
    runner: nn.Module,
    images: Sequence[Tensor],
    reading: Reading,
    probabilities: bool,
    form: torch.memory_format | None,
) -> tuple[Segmentation, ...]:
    """Pictures through `runner`, which is the model or stands for it; `form`: of a fast copy's input, None for the model."""
    device = next(model.parameters()).device
    with locked(runner), _ready(runner, form), torch.inference_mode():
        start = time.perf_counter()
        x = normalised(torch.cat([fitted(image, reading).to(device) for image in images]), reading)
        x = x if form is None else x.contiguous(memory_format=form)
        middle = time.perf_counter()
        logits = _logits(runner, x, form is not None).float()
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


def _recipe(model: nn.Module, image: Tensor, reading: Reading) -> Recipe:
    """How this network is converted: read from a part of the picture, checked on the whole."""
    whole = image.clone()
    height, width = (int(side) for side in whole.shape[-2:])
    part = whole[:, : -(-3 * height // 4)] if height > width else whole[..., : -(-3 * width // 4)]

    def once(picture: Tensor) -> Callable[[nn.Module], Tensor]:
        def run(runner: nn.Module) -> Tensor:
            with torch.inference_mode():
                return _logits(runner, normalised(fitted(picture, reading), reading).contiguous(), True)

        return run

    parts = _parts(model)
    free = dict.fromkeys(parts, (2, 3))
    return Recipe(free, once(whole), once(part), class_distance, CLASS_TOLERANCE, parts)


def _parts(model: nn.Module) -> tuple[str, ...]:
    return ("",) if isinstance(model, UNet) else FAST_PARTS


def network_input(model: nn.Module, image: Tensor, *, record: Builtin | None = None) -> Tensor:
    """A picture as the network reads it: (1, C, h, w) float32, scaled and normalised, on the network's device.

    Args and raises: as `segment`.
    """
    reading = reading_of(model, record)
    return normalised(fitted(image, reading).to(next(model.parameters()).device), reading)


def categories_of(model: nn.Module, *, record: Builtin | None = None) -> tuple[str, ...]:
    """The names of the network's classes, in the order of its outputs. Raises: SegmenterError."""
    return reading_of(model, record).categories


def _logits(runner: Any, x: Tensor, fast: bool) -> Tensor:
    """(N, K, …) class logits; the fast way leaves out the scaling to the input's size: the picture's
    follows."""
    if fast and not isinstance(runner, HalfPrecision | OpenVINOPart | UNet):
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


def _ready(runner: nn.Module, form: torch.memory_format | None) -> AbstractContextManager[object]:
    """Evaluation mode; a fast copy is in it already."""
    return evaluating(runner) if form is None else nullcontext()
