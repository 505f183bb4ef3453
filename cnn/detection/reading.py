"""How a detector's outputs are read: its classes, and the size and scale of its input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.models.detection import (
    FCOS,
    FasterRCNN_ResNet50_FPN_Weights,
    KeypointRCNN,
    KeypointRCNN_ResNet50_FPN_Weights,
    MaskRCNN,
    RetinaNet,
)
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.ssd import SSD

from cnn.models.yolo import YOLO
from cnn.weights.builtin import BUILTIN, Builtin

__all__ = ["DetectorError", "Reading", "expect_detector", "reading_of"]


class DetectorError(TypeError):
    """A network whose outputs are no boxes that are known here."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the numbers mean.

    Attributes:
        categories: the name of each label, from 0; torchvision's label 0 is the background.
        size: for the small YOLO, pixels of the longer side of its input; 0 for torchvision's, which resize
        inside.
        mean, std: for the small YOLO, of its input per channel.
        keypoints: names of the key points, () without.
        has_masks: whether each box comes with a mask.
    """

    categories: tuple[str, ...]
    size: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    keypoints: tuple[str, ...] = ()
    has_masks: bool = False


def expect_detector(model: nn.Module) -> nn.Module:
    """The model, if it is one of torchvision's detectors or the small YOLO. Raises: DetectorError."""
    if not isinstance(model, SSD | RetinaNet | FCOS | GeneralizedRCNN | YOLO):
        raise DetectorError(
            "wanted an SSD, RetinaNet, FCOS, Faster, Mask or Keypoint R-CNN of torchvision or our YOLO, "
            f"got {type(model).__name__}"
        )
    return model


def reading_of(model: nn.Module, record: Builtin | None = None) -> Reading:
    """How this detector is read.

    Args:
        record: of a shipped or trained YOLO; None finds the shipped record with its anchors and classes.

    Raises:
        DetectorError: no detector that is known here.
    """
    expect_detector(model)
    if isinstance(model, YOLO):
        known = record or _record_of(model)
        if known is None:
            names = tuple(f"class {index}" for index in range(model.num_classes))
            return Reading(names, 256, (0.5,) * 3, (0.25,) * 3)
        return Reading(known.categories, max(known.input_size), known.mean, known.std)
    count = _class_count(model)
    if isinstance(model, KeypointRCNN):
        meta = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.meta
        categories = tuple(meta["categories"]) if count == 2 else _numbered(count)
        return Reading(categories, keypoints=tuple(meta["keypoint_names"]))
    coco = tuple(FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"])
    return Reading(coco if count == len(coco) else _numbered(count), has_masks=isinstance(model, MaskRCNN))


def _numbered(count: int) -> tuple[str, ...]:
    return ("__background__", *(f"class {index}" for index in range(1, count)))


def _record_of(model: YOLO) -> Builtin | None:
    for record in BUILTIN:
        if record.task == "detection" and len(record.categories) == model.num_classes:
            own = record.build().anchors
            if isinstance(own, torch.Tensor) and torch.equal(own, model.anchors.float().cpu()):
                return record
    return None


def _class_count(model: nn.Module) -> int:
    """Classes of a torchvision detector, the background included."""
    if isinstance(model, GeneralizedRCNN):
        predictor = model.roi_heads.box_predictor
        return int(predictor.cls_score.out_features)
    head = model.head.classification_head  # type: ignore[union-attr]
    count = getattr(head, "num_classes", None) or getattr(head, "num_columns", None)
    return int(count)  # type: ignore[arg-type]
