"""Objects in a picture: the network once, its raw outputs kept, thresholds at once (curriculum O9)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torchvision.models.detection.transform import resize_boxes, resize_keypoints

from cnn.checks import expect_choice
from cnn.detection.boxes import expect_threshold
from cnn.detection.candidates import Candidates, Suppression
from cnn.detection.fast_nms import fast_batched_nms
from cnn.detection.instances import InstanceHeads, pasted
from cnn.detection.network import PRECISIONS, Ran, run_network
from cnn.detection.reading import Reading, reading_of
from cnn.models.converted import TORCH
from cnn.weights.builtin import Builtin

__all__ = ["Detections", "RawDetections", "Timings", "detect", "detections", "raw_batch", "raw_detections"]


class Instances(Protocol):
    """Where masks or key points of candidates come from: the network's head, or what was kept of it."""

    def masks(self, index: Tensor) -> Tensor:
        """Probabilities (K, 28, 28) inside each of the candidates' boxes."""

    def keypoints(self, index: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Points (K, count, 3) in pixels of the network's input, and their scores (K, count)."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of each stage; of a batch, each picture's share."""

    decode: float = 0.0
    preprocess: float = 0.0
    network: float = 0.0
    postprocess: float = 0.0

    @property
    def total(self) -> float:
        """Their sum."""
        return self.decode + self.preprocess + self.network + self.postprocess


@dataclass(frozen=True, slots=True, eq=False)
class RawDetections:
    """Every candidate of one picture above the score floor, before suppression.

    Attributes:
        candidates: boxes in pixels of the network's input, scores, labels.
        picture_size: (height, width) in pixels. extent: the same in pixels of the network's input.
        reading: classes, key point names.
        suppression: the detector's own score floor, IoU threshold and limit.
        score_floor: what was applied. timings: up to here. runtime: what computed the network, for people.
    """

    candidates: Candidates
    extent: tuple[float, float]
    picture_size: tuple[int, int]
    reading: Reading
    suppression: Suppression
    score_floor: float
    timings: Timings
    instances: Instances | None = field(default=None, repr=False)
    runtime: str = TORCH

    @property
    def boxes(self) -> Tensor:
        """(M, 4) the candidates' boxes in pixels of the picture."""
        return _in_picture(self.candidates.boxes, self)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What was found, best score first.

    Attributes:
        boxes: (K, 4) float32, x1 y1 x2 y2 in pixels of the picture. scores: (K,) in 0..1. labels: (K,) int64.
        categories: the name of each label.
        index: (K,) int64, each box's number among the candidates of the raw outputs.
        picture_size: (height, width).
        mask_patches: (K, 28, 28) probabilities inside each box, or None.
        keypoints: (K, P, 3), x, y in pixels of the picture and 1; or None. keypoint_scores: (K, P), or None.
        keypoint_names: of the P points.
        timings: seconds of each stage.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    categories: tuple[str, ...]
    index: Tensor
    picture_size: tuple[int, int]
    timings: Timings
    mask_patches: Tensor | None = None
    keypoints: Tensor | None = None
    keypoint_scores: Tensor | None = None
    keypoint_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def names(self) -> tuple[str, ...]:
        """The category of each box."""
        return tuple(self.categories[label] for label in self.labels.tolist())

    @property
    def masks(self) -> Tensor | None:
        """(K, H, W) bool, where a mask's probability is above one half; None without masks."""
        if self.mask_patches is None:
            return None
        height, width = self.picture_size
        out = torch.zeros(len(self), height, width, dtype=torch.bool)
        for number in range(len(self)):
            out[number] = self.mask(number)
        return out

    def mask(self, number: int) -> Tensor:
        """(H, W) bool of one box. Raises: ValueError without masks."""
        if self.mask_patches is None:
            raise ValueError("wanted detections with masks, got boxes only")
        one = slice(number, number + 1)
        return pasted(self.mask_patches[one], self.boxes[one], self.picture_size)[0] > 0.5

    def counts(self) -> dict[str, int]:
        """How many boxes of each category, in the order of the categories."""
        found = torch.bincount(self.labels, minlength=len(self.categories)).tolist()
        return {name: count for name, count in zip(self.categories, found, strict=True) if count}


def detect(
    model: nn.Module,
    image: Tensor,
    *,
    score_threshold: float = 0.5,
    iou_threshold: float | None = None,
    precision: str = "exact",
    record: Builtin | None = None,
) -> Detections:
    """The objects of a picture.

    Args:
        model: one of torchvision's detectors, or our YOLO; on any device. Used under its lock.
        image: uint8 or float in 0..1, (C, H, W) with 1 or 3 channels, of any size.
        score_threshold: 0..1; boxes with a score above it stay.
        iou_threshold: of the suppression; the detector's own if None.
        precision: "exact", the numbers `model([image])` gives; "fast", see `raw_detections`.
        record: of a YOLO that did not ship.

    Raises:
        DetectorError: no detector that is known here. ValueError: no picture, thresholds outside 0..1.
    """
    threshold = expect_threshold(score_threshold, "score_threshold")
    raw = raw_detections(model, image, score_floor=threshold, precision=precision, record=record)
    return detections(raw, threshold, iou_threshold)


def raw_detections(
    model: nn.Module,
    image: Tensor,
    *,
    score_floor: float | None = None,
    precision: str = "exact",
    record: Builtin | None = None,
) -> RawDetections:
    """The network's outputs for a picture, read as candidates; `detections` makes results of them at once.

    Args:
        model, image, record: as `detect`.
        score_floor: candidates at or below it are not kept; the detector's own if None.
        precision: "exact", the network as it is; "fast", a copy with batch norms folded in, channels last and in 16 bits
            where the device is made for it: the same boxes to about three digits; on a CPU by OpenVINO where it is
            installed, in a stream (`cnn.models.converted`).

    Raises: as `detect`.
    """
    return raw_batch(model, [image], score_floor=score_floor, precision=precision, record=record)[0]


def raw_batch(
    model: nn.Module,
    images: Sequence[Tensor],
    *,
    score_floor: float | None = None,
    precision: str = "exact",
    record: Builtin | None = None,
) -> tuple[RawDetections, ...]:
    """The same for several pictures in one pass of the network, for video. Raises: as `detect`."""
    expect_choice(precision, PRECISIONS, "precision")
    reading = reading_of(model, record)
    ran = run_network(model, images, reading, fast=precision == "fast")
    floor = (
        ran.suppression.score_floor if score_floor is None else expect_threshold(score_floor, "score_floor")
    )
    return tuple(_raw(ran, index, floor, reading) for index in range(len(images)))


def _raw(ran: Ran, index: int, floor: float, reading: Reading) -> RawDetections:
    start = time.perf_counter()
    with torch.inference_mode():
        found = ran.outputs.read(index, floor)
    heads = None
    if ran.instance_model is not None:
        features = {name: maps[index : index + 1] for name, maps in ran.outputs.features.items()}
        heads = InstanceHeads(ran.instance_model, features, found, ran.input_sizes[index])
    found = Candidates(found.boxes.cpu(), found.scores.cpu(), found.labels.cpu(), found.total)
    seconds = time.perf_counter() - start
    timings = Timings(0.0, ran.preprocess_seconds, ran.network_seconds, seconds)
    return RawDetections(
        candidates=found,
        extent=ran.extents[index],
        picture_size=ran.picture_sizes[index],
        reading=reading,
        suppression=ran.suppression,
        score_floor=floor,
        timings=timings,
        instances=heads,
        runtime=ran.runtime,
    )


def detections(
    raw: RawDetections,
    score_threshold: float = 0.5,
    iou_threshold: float | None = None,
    classes: Iterable[int] | None = None,
    *,
    limit: int | None = None,
) -> Detections:
    """Results of raw outputs, without the network: threshold, per-class suppression, the best `limit`.

    Args:
        score_threshold: 0..1, at least the floor of `raw`; scores above it stay.
        iou_threshold: 0..1; the detector's own if None. classes: labels to keep, None for all.
        limit: most boxes; the detector's own if None.

    Raises:
        ValueError: a threshold outside 0..1.
    """
    start = time.perf_counter()
    found = raw.candidates
    keep = found.scores > expect_threshold(score_threshold, "score_threshold")
    if classes is not None:
        keep &= torch.isin(found.labels, torch.tensor(sorted(set(classes)), dtype=torch.int64))
    index = keep.nonzero()[:, 0]
    overlap = raw.suppression.iou_threshold if iou_threshold is None else expect_threshold(iou_threshold)
    order = fast_batched_nms(found.boxes[index], found.scores[index], found.labels[index], overlap)
    index = index[order[: raw.suppression.limit if limit is None else max(0, limit)]]
    result = Detections(
        boxes=_in_picture(found.boxes[index], raw),
        scores=found.scores[index],
        labels=found.labels[index],
        categories=raw.reading.categories,
        index=index,
        picture_size=raw.picture_size,
        timings=raw.timings,
    )
    result = _with_instances(result, raw)
    spent = raw.timings.postprocess + time.perf_counter() - start
    return replace(result, timings=replace(raw.timings, postprocess=spent))


def _with_instances(result: Detections, raw: RawDetections) -> Detections:
    if raw.instances is None:
        return result
    if raw.reading.has_masks:
        return replace(result, mask_patches=raw.instances.masks(result.index))
    names = raw.reading.keypoints
    points, scores = raw.instances.keypoints(result.index, len(names))
    sizes = [list(raw.extent), list(raw.picture_size)]
    return replace(
        result,
        keypoints=resize_keypoints(points, *sizes) if len(points) else points,
        keypoint_scores=scores,
        keypoint_names=names,
    )


def _in_picture(boxes: Tensor, raw: RawDetections) -> Tensor:
    """Boxes of the network's input in pixels of the picture, cut at its borders."""
    height, width = raw.picture_size
    moved = resize_boxes(boxes, list(raw.extent), [height, width])
    return torch.minimum(moved.clamp(min=0), torch.tensor([width, height, width, height]).to(moved))
