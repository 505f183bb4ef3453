"""Candidate boxes of each family of detectors, before any suppression.

The same steps, in the same order and arithmetic, as torchvision's own post-processing; all classes at once
instead
of one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.ops import clip_boxes_to_image, remove_small_boxes

from cnn.detection.fast_roi_align import pooled_regions

__all__ = ["Candidates", "NetworkOutputs", "Suppression", "dense_outputs", "region_outputs", "suppression_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes (M, 4) in pixels of the network's input, scores (M,), labels (M,); `total` before the score
    floor."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutputs:
    """What the network itself gave for a batch: `read(index, score_floor)` makes candidates of one picture
    of it."""

    read: Callable[[int, float], Candidates]
    features: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Suppression:
    """A detector's own settings: score floor, IoU threshold and the most boxes of a picture."""

    score_floor: float
    iou_threshold: float
    limit: int


def suppression_of(model: Any) -> Suppression:
    """The settings a torchvision detector was built with."""
    owner = model.roi_heads if isinstance(model, GeneralizedRCNN) else model
    return Suppression(float(owner.score_thresh), float(owner.nms_thresh), int(owner.detections_per_img))


def dense_outputs(model: Any, images: ImageList) -> NetworkOutputs:
    """One-stage detectors (SSD, SSDlite, RetinaNet, FCOS): a box and class scores at every place."""
    features = model.backbone(images.tensors)
    maps = list(features.values()) if isinstance(features, dict) else [features]
    outputs = {name: value.float() for name, value in model.head(maps).items()}
    anchors = model.anchor_generator(images, [m.new_empty(m.shape, dtype=torch.float32) for m in maps])
    sizes = [m.shape[-2] * m.shape[-1] for m in maps]
    per_cell = outputs["cls_logits"].shape[1] // sum(sizes)
    levels = [size * per_cell for size in sizes]
    read_one = _ssd if isinstance(model, SSD) else _levelled

    def read(index: int, floor: float) -> Candidates:
        own = {name: value[index] for name, value in outputs.items()}
        return read_one(model, own, anchors[index], images.image_sizes[index], levels, floor)

    return NetworkOutputs(read, {})


def _ssd(
    model: Any,
    outputs: dict[str, Tensor],
    anchors: Tensor,
    size: tuple[int, int],
    levels: list[int],
    floor: float,
) -> Candidates:
    scores = F.softmax(outputs["cls_logits"], -1)[:, 1:]
    above = scores > floor
    if int(above.sum(0).max()) > model.topk_candidates:
        lowest = scores.T.topk(model.topk_candidates, dim=1)[0][:, -1]
        above &= scores >= lowest
    labels, places = above.T.nonzero(as_tuple=True)
    boxes = model.box_coder.decode_single(outputs["bbox_regression"][places], anchors[places])
    return Candidates(clip_boxes_to_image(boxes, size), scores[places, labels], labels + 1, scores.numel())


def _levelled(
    model: Any,
    outputs: dict[str, Tensor],
    anchors: Tensor,
    size: tuple[int, int],
    levels: list[int],
    floor: float,
) -> Candidates:
    scores = outputs["cls_logits"].sigmoid()
    if isinstance(model, FCOS):
        scores = torch.sqrt(scores * outputs["bbox_ctrness"].sigmoid())
    classes = scores.shape[-1]
    chosen, first = [], 0
    for part in scores.split(levels):  # type: ignore[no-untyped-call]
        flat = part.flatten()
        above = (flat > floor).nonzero()[:, 0]
        best = flat[above].topk(min(model.topk_candidates, len(above)))[1]
        chosen.append(above[best] + first * classes)
        first += len(part)
    index = torch.cat(chosen)
    places, labels = index.div(classes, rounding_mode="floor"), index % classes
    codes, shapes = outputs["bbox_regression"][places], anchors[places]
    decode = model.box_coder.decode_single if isinstance(model, RetinaNet) else model.box_coder.decode
    boxes = clip_boxes_to_image(decode(codes, shapes), size)
    return Candidates(boxes, scores.flatten()[index], labels, scores.numel())


def region_outputs(model: GeneralizedRCNN, images: ImageList, *, fast: bool = False) -> NetworkOutputs:
    """Two-stage detectors: proposals of the region network, each classified and refined for each class.

    `fast`: features of regions by `pooled_regions`, the same to rounding.
    """
    features = model.backbone(images.tensors)
    if isinstance(features, Tensor):
        features = {"0": features}
    proposals, _ = model.rpn(images, features)
    heads: Any = model.roi_heads
    taken = (heads.box_roi_pool, features, proposals, images.image_sizes)
    pooled = pooled_regions(*taken) if fast else heads.box_roi_pool(*taken[1:])
    logits, codes = (output.float() for output in heads.box_predictor(heads.box_head(pooled)))
    counts = [len(boxes) for boxes in proposals]
    scores = F.softmax(logits, -1).split(counts)  # type: ignore[no-untyped-call]
    decoded = heads.box_coder.decode(codes, proposals).split(counts)

    def read(index: int, floor: float) -> Candidates:
        boxes = clip_boxes_to_image(decoded[index], images.image_sizes[index])[:, 1:]
        own = scores[index][:, 1:]
        places, labels = (own > floor).nonzero(as_tuple=True)
        flat, ratings = boxes[places, labels], own[places, labels]
        kept = remove_small_boxes(flat, min_size=1e-2)
        return Candidates(flat[kept], ratings[kept], labels[kept] + 1, own.numel())

    return NetworkOutputs(read, dict(features))
