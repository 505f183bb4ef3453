"""One pass of a detector over pictures: made to fit, run under its lock, timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection import KeypointRCNN, MaskRCNN
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.ssd import SSD

from cnn.checks import expect_image
from cnn.detection.agreement import BOX_TOLERANCE, box_distance
from cnn.detection.candidates import (
    Candidates,
    NetworkOutputs,
    Suppression,
    dense_outputs,
    region_outputs,
    suppression_of,
)
from cnn.detection.reading import Reading
from cnn.hooks import evaluating, locked
from cnn.models.converted import OPENVINO, TORCH, Recipe, converted, refuse
from cnn.models.prepared import prepared
from cnn.models.yolo import YOLO, decode, letterbox

__all__ = ["MAX_SIDE", "PRECISIONS", "Ran", "expect_picture", "run_network"]

PRECISIONS = ("exact", "fast")
MAX_SIDE = 4096  # larger pictures are shrunk first; the boxes are the picture's own
MAX_ASPECT = 40  # torchvision's resizing gives 0 pixels to what is narrower
MAX_BATCH = 32
YOLO_SUPPRESSION = Suppression(0.01, 0.5, 100)
FAST_PARTS = (
    "backbone",
    "head",
    "rpn.head",
    "roi_heads.box_head",
    "roi_heads.box_predictor",
    "roi_heads.mask_head",
    "roi_heads.mask_predictor",
    "roi_heads.keypoint_head",
    "roi_heads.keypoint_predictor",
)
CONVERTED_PARTS = FAST_PARTS[
    :5
]  # masks and key points stay torch's: they are made for a few boxes, when asked for

Sizes = tuple[tuple[int, int], ...]
Form = torch.memory_format | None  # of a fast copy's input; None: the network as it is


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """A batch after the network; seconds are each picture's share, sizes are (height, width).

    `input_sizes`: of the network's inputs; `extents`: of the pictures on them, smaller where they were
    padded.
    """

    outputs: NetworkOutputs
    suppression: Suppression
    input_sizes: tuple[tuple[int, int], ...]
    extents: tuple[tuple[float, float], ...]
    picture_sizes: tuple[tuple[int, int], ...]
    instance_model: GeneralizedRCNN | None
    preprocess_seconds: float
    network_seconds: float
    runtime: str = TORCH


def expect_picture(image: Tensor) -> Tensor:
    """(3, H, W) float32 in 0..1 of a picture with 1 or 3 channels. Raises: TypeError, ValueError."""
    picture = expect_image(image)
    if picture.shape[0] not in (1, 3):
        raise ValueError(f"wanted a picture of 1 or 3 channels, got {picture.shape[0]}")
    if picture.dtype == torch.uint8:
        ready = _bounded(picture).float() / 255
    elif picture.is_floating_point():
        if not bool(picture.isfinite().all()) or float(picture.min()) < 0 or float(picture.max()) > 1:
            raise ValueError("wanted a float picture with values in 0..1, got others")
        ready = _bounded(picture.float())
    else:
        raise TypeError(f"wanted a picture as uint8 or float in 0..1, got {picture.dtype}")
    return ready.expand(3, -1, -1)


def _bounded(picture: Tensor) -> Tensor:
    """Shrunk to `MAX_SIDE` if it is longer."""
    longest = max(picture.shape[1:])
    if longest <= MAX_SIDE:
        return picture
    height, width = (max(1, round(side * MAX_SIDE / longest)) for side in picture.shape[1:])
    rows = picture.permute(1, 2, 0).contiguous().cpu().numpy()
    small = cv2.resize(rows, (width, height), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).view(height, width, -1).permute(2, 0, 1).to(picture.device)


def run_network(model: nn.Module, images: Sequence[Tensor], reading: Reading, *, fast: bool) -> Ran:
    """The detector's pass over 1 to 32 pictures; `fast`: by the fastest runtime that is there.

    Raises:
        TypeError, ValueError: no pictures.
    """
    if not 1 <= len(images) <= MAX_BATCH:
        raise ValueError(f"wanted 1 to {MAX_BATCH} pictures, got {len(images)}")
    sizes = tuple((int(image.shape[-2]), int(image.shape[-1])) for image in map(expect_image, images))
    anchors = model.anchors if isinstance(model, YOLO) else None

    def run(runner: nn.Module, pictures: Sequence[Tensor], own: Sizes, form: Form) -> Ran:
        if anchors is not None:
            return _run_yolo(runner, anchors, pictures, own, reading, form)
        return _run_torchvision(runner, pictures, own, form)

    if not fast:
        return run(model, images, sizes, None)
    if len(images) == 1:
        quick = converted(model, lambda: _recipe(model, images[0], run))
        if quick is not None:
            try:
                return replace(run(quick, images, sizes, torch.contiguous_format), runtime=OPENVINO)
            except RuntimeError as error:
                refuse(model, error)
    runner = prepared(model, FAST_PARTS if anchors is None else ("",))
    return run(runner, images, sizes, torch.channels_last)


def _recipe(
    model: nn.Module, image: Tensor, run: Callable[[nn.Module, Sequence[Tensor], Sizes, Form], Ran]
) -> Recipe:
    """How this detector is converted: read from a part of the picture, checked on the whole."""
    whole = image.clone()
    height, width = (int(side) for side in whole.shape[-2:])
    part = whole[:, : -(-3 * height // 4)] if height > width else whole[..., : -(-3 * width // 4)]

    def once(picture: Tensor) -> Callable[[nn.Module], Ran]:
        own = ((int(picture.shape[-2]), int(picture.shape[-1])),)
        return lambda runner: run(runner, [picture], own, torch.contiguous_format)

    def distance(first: Ran, second: Ran) -> float:
        with torch.inference_mode():
            mine, others = (ran.outputs.read(0, 0.0) for ran in (first, second))
            return box_distance(mine, others, first.suppression.iou_threshold)

    sides = () if isinstance(model, SSD) else (2, 3)  # an SSD scales every picture to one size
    parts, changed = (("",), ("",)) if isinstance(model, YOLO) else (FAST_PARTS, CONVERTED_PARTS)
    free = {name: (0,) if name.startswith("roi_heads") else sides for name in changed}
    return Recipe(free, once(whole), once(part), distance, BOX_TOLERANCE, parts)


def _run_torchvision(runner: Any, images: Sequence[Tensor], sizes: Sizes, form: Form) -> Ran:
    device = next(runner.parameters(), torch.empty(0)).device
    with locked(runner), _ready(runner, form), torch.inference_mode():
        start = time.perf_counter()
        fitted = [expect_picture(image).to(device) for image in images]
        padded = [_wide_enough(picture) for picture in fitted]
        batch, _ = runner.transform(padded)
        if form is not None:
            batch.tensors = batch.tensors.contiguous(memory_format=form)
        middle = time.perf_counter()
        two_stage = isinstance(runner, GeneralizedRCNN)
        outputs = (
            region_outputs(runner, batch, fast=form is not None)
            if two_stage
            else dense_outputs(runner, batch)
        )
        _wait(device)
        end = time.perf_counter()
    extents = tuple(
        (shown[0] * own.shape[1] / wide.shape[1], shown[1] * own.shape[2] / wide.shape[2])
        for own, wide, shown in zip(fitted, padded, batch.image_sizes, strict=True)
    )
    return Ran(
        outputs=outputs,
        suppression=suppression_of(runner),
        input_sizes=tuple((int(h), int(w)) for h, w in batch.image_sizes),
        extents=extents,
        picture_sizes=sizes,
        instance_model=runner if isinstance(runner, MaskRCNN | KeypointRCNN) else None,
        preprocess_seconds=(middle - start) / len(images),
        network_seconds=(end - middle) / len(images),
    )


def _run_yolo(
    runner: nn.Module,
    anchors: Tensor,
    images: Sequence[Tensor],
    sizes: Sizes,
    reading: Reading,
    form: Form,
) -> Ran:
    device = anchors.device
    with locked(runner), _ready(runner, form), torch.inference_mode():
        start = time.perf_counter()
        fitted = [expect_picture(image).to(device) for image in images]
        boxed = [letterbox(picture, reading.size) for picture in fitted]
        height, width = (max(canvas.shape[axis] for canvas, _ in boxed) for axis in (1, 2))
        batch = fitted[0].new_full((len(boxed), 3, height, width), 0.5)
        for place, (canvas, _) in zip(batch, boxed, strict=True):
            place[:, : canvas.shape[1], : canvas.shape[2]] = canvas
        x = (batch - _channels(reading.mean, batch)) / _channels(reading.std, batch)
        middle = time.perf_counter()
        raw = runner(x if form is None else x.contiguous(memory_format=form)).float()
        boxes, scores = decode(raw, anchors)
        _wait(device)
        end = time.perf_counter()

    def read(index: int, floor: float) -> Candidates:
        places, labels = (scores[index] > floor).nonzero(as_tuple=True)
        return Candidates(boxes[index][places], scores[index][places, labels], labels, scores[index].numel())

    return Ran(
        outputs=NetworkOutputs(read, {}),
        suppression=YOLO_SUPPRESSION,
        input_sizes=tuple((canvas.shape[1], canvas.shape[2]) for canvas, _ in boxed),
        extents=tuple(
            (own.shape[1] * scale, own.shape[2] * scale)
            for own, (_, scale) in zip(fitted, boxed, strict=True)
        ),
        picture_sizes=sizes,
        instance_model=None,
        preprocess_seconds=(middle - start) / len(images),
        network_seconds=(end - middle) / len(images),
    )


def _wide_enough(picture: Tensor) -> Tensor:
    """Padded at the right or bottom with gray, where a side is so short that resizing would lose it."""
    height, width = picture.shape[1:]
    least = -(-max(height, width) // MAX_ASPECT)
    right, bottom = max(0, least - width), max(0, least - height)
    return F.pad(picture, (0, right, 0, bottom), value=0.5) if right or bottom else picture


def _ready(runner: nn.Module, form: Form) -> AbstractContextManager[object]:
    """Evaluation mode; a fast copy is in it already."""
    return evaluating(runner) if form is None else nullcontext()


def _channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device).view(-1, 1, 1)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
