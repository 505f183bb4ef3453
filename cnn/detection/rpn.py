"""What the region proposal network of a two-stage detector proposes, and what each generation of R-CNN
computes
(curriculum O8)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.rpn import concat_box_prediction_layers
from torchvision.models.detection.transform import resize_boxes

from cnn.detection.network import expect_picture
from cnn.detection.reading import DetectorError
from cnn.hooks import evaluating, locked

__all__ = ["PIPELINES", "Pipeline", "Proposals", "rpn_proposals"]


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """The proposals of one picture, best first.

    Attributes:
        boxes: (P, 4) in pixels of the picture. scores: (P,) objectness in 0..1.
        anchors: how many anchors were judged. levels: (height, width) of each map they stand on.
        seconds: of the backbone and the proposal network.
    """

    boxes: Tensor
    scores: Tensor
    anchors: int
    levels: tuple[tuple[int, int], ...]
    seconds: float


def rpn_proposals(model: nn.Module, image: Tensor) -> Proposals:
    """The regions a Faster, Mask or Keypoint R-CNN would look at.

    Args:
        image: uint8 or float in 0..1, (C, H, W) with 1 or 3 channels.

    Raises:
        DetectorError: a network without a proposal network. TypeError, ValueError: no picture.
    Source: Ren et al. 2015, "Faster R-CNN".
    """
    if not isinstance(model, GeneralizedRCNN):
        raise DetectorError(
            f"wanted a Faster, Mask or Keypoint R-CNN of torchvision, got {type(model).__name__}"
        )
    network: Any = model
    with locked(model), evaluating(model), torch.inference_mode():
        start = time.perf_counter()
        picture = expect_picture(image).to(next(model.parameters()).device)
        batch, _ = network.transform([picture])
        features = network.backbone(batch.tensors)
        maps = list(features.values()) if isinstance(features, dict) else [features]
        objectness, deltas = network.rpn.head(maps)
        anchors = network.rpn.anchor_generator(batch, maps)
        per_level = [int(o[0].numel()) for o in objectness]
        flat, codes = concat_box_prediction_layers(objectness, deltas)
        decoded = network.rpn.box_coder.decode(codes, anchors).view(1, -1, 4)
        boxes, scores = network.rpn.filter_proposals(decoded, flat, batch.image_sizes, per_level)
        seconds = time.perf_counter() - start
    order = scores[0].sort(descending=True, stable=True)[1]
    size = list(batch.image_sizes[0])
    return Proposals(
        boxes=resize_boxes(boxes[0][order], size, list(image.shape[-2:])).cpu(),
        scores=scores[0][order].cpu(),
        anchors=sum(per_level),
        levels=tuple((int(m.shape[-2]), int(m.shape[-1])) for m in maps),
        seconds=seconds,
    )


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How one generation finds objects among `regions` regions.

    `network_passes(regions)` says how often the convolutional network runs on a picture.
    """

    name: str
    year: int
    proposals: str
    regions: int
    shares_features: bool
    learns_proposals: bool
    source: str

    def network_passes(self, regions: int | None = None) -> int:
        """Passes of the convolutional network for a picture."""
        return 1 if self.shares_features else self.regions if regions is None else regions

    def multiply_adds(self, per_pass: int, per_region: int, regions: int | None = None) -> int:
        """Of a picture: `per_pass` of the convolutional network, `per_region` of the head of one region."""
        count = self.regions if regions is None else regions
        return self.network_passes(count) * per_pass + count * per_region


PIPELINES = (
    Pipeline("R-CNN", 2014, "selective search", 2000, False, False, "Girshick et al. 2014"),
    Pipeline("Fast R-CNN", 2015, "selective search", 2000, True, False, "Girshick 2015"),
    Pipeline("Faster R-CNN", 2015, "region proposal network", 300, True, True, "Ren et al. 2015"),
)
