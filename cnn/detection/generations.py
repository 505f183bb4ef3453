"""R-CNN, Fast R-CNN and Faster R-CNN on one picture with one backbone: what each runs, counted and timed (O8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.transform import resize_boxes

from cnn.detection.network import expect_picture
from cnn.detection.reading import DetectorError
from cnn.detection.rpn import PIPELINES, Pipeline, rpn_proposals
from cnn.hooks import evaluating, locked

__all__ = ["CROP_SIDE", "PARTS", "Generation", "Generations", "generations", "measured_parts"]

CROP_SIDE = 224
PARTS = ("proposals", "crops", "shared", "heads")
"""What is measured, in this order: the proposal network, R-CNN's crops, the pass over the picture, the heads."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Generation:
    """What one generation does on the picture.

    Attributes:
        pipeline: its name, year and source. regions: it looks at. passes: of the convolutional network.
        multiply_adds: of convolutions and linear layers, for all regions.
        proposal_seconds: of selective search; 0 where the network proposes. network_seconds: all else; the parts that
            run once a region are measured on `measured` regions and multiplied.
    """

    pipeline: Pipeline
    regions: int
    passes: int
    multiply_adds: int
    proposal_seconds: float
    network_seconds: float
    measured: int

    @property
    def seconds(self) -> float:
        """Of the whole picture."""
        return self.proposal_seconds + self.network_seconds


@dataclass(frozen=True, slots=True, eq=False)
class Generations:
    """All three, and what their networks read on the way.

    Attributes:
        rows: oldest first. boxes: (S, 4) the sampled regions of selective search.
        crops: (S, 3, 224, 224) float in 0..1, what R-CNN's network reads. pooled: (S, h, w) mean over the channels of
            what Fast R-CNN cuts out of the shared map. proposals: (P, 4) of Faster R-CNN, best first.
    """

    rows: tuple[Generation, ...]
    boxes: Tensor
    crops: Tensor
    pooled: Tensor
    proposals: Tensor


def generations(
    model: nn.Module, image: Tensor, regions: Tensor, search_seconds: float, *, sample: int = 8
) -> Generations:
    """Counts and times the three generations with the backbone and the heads of one detector.

    R-CNN warps each region to 224×224 and runs the backbone on it; Fast R-CNN runs it once and pools each region from
    its map; Faster R-CNN runs it once, with the proposal network in the place of selective search.

    Args:
        model: a Faster R-CNN of torchvision. image: uint8 or float in 0..1, (C, H, W) with 1 or 3 channels.
        regions: (R, 4) of selective search, likeliest first, in pixels. search_seconds: it took.
        sample: how many regions the parts that run once a region are measured on.

    Raises:
        DetectorError: another network. ValueError: no regions.
    Source: Girshick et al. 2014; Girshick 2015; Ren et al. 2015.
    """
    steps = measured_parts(model, image, regions, search_seconds, sample=sample)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Generations = end.value
            return found


def measured_parts(
    model: nn.Module, image: Tensor, regions: Tensor, search_seconds: float, *, sample: int = 8
) -> Generator[str, None, Generations]:
    """`generations` part by part: yields each of `PARTS` before it is measured, and returns the result.

    Between two parts the network is as it was and not locked. Raises: as `generations`.
    """
    if not isinstance(model, GeneralizedRCNN):
        raise DetectorError(f"wanted a Faster R-CNN of torchvision, got {type(model).__name__}")
    if len(regions) < 1 or sample < 1:
        raise ValueError(f"wanted a region and a sample of at least 1, got {len(regions)} and {sample}")
    boxes = regions[: min(sample, len(regions))]
    picture = expect_picture(image)
    yield "proposals"
    proposed = rpn_proposals(model, image)
    network: Any = model
    yield "crops"
    with _at_work(model):
        batch, _ = network.transform([picture])
        crops = torch.stack([_crop(picture, box) for box in boxes.tolist()])
        inputs = torch.stack([network.transform.normalize(crop) for crop in crops])
        crop_seconds, crop_work, _ = _measured(lambda: network.backbone(inputs))
    yield "shared"
    with _at_work(model):
        once_seconds, once_work, features = _measured(lambda: network.backbone(batch.tensors))
    yield "heads"
    with _at_work(model):
        scaled = resize_boxes(boxes.float(), list(image.shape[-2:]), list(batch.image_sizes[0]))
        head_seconds, head_work, pooled = _measured(
            lambda: _heads(network, features, scaled, batch.image_sizes)
        )
        maps = list(features.values()) if isinstance(features, dict) else [features]
        rpn_work = _measured(lambda: network.rpn.head(maps))[1]
    each = len(boxes)
    faster = len(proposed.boxes)
    head, work = head_seconds / each, head_work // each
    counts = (len(regions), len(regions), faster)
    seconds = (
        len(regions) * (crop_seconds / each + head),
        once_seconds + len(regions) * head,
        proposed.seconds + faster * head,
    )
    per_pass = (crop_work // each, once_work, once_work + rpn_work)
    rows = tuple(
        Generation(
            pipeline,
            count,
            pipeline.network_passes(count),
            pipeline.multiply_adds(passes, work, count),
            0.0 if pipeline.learns_proposals else search_seconds,
            spent,
            each,
        )
        for pipeline, count, spent, passes in zip(PIPELINES, counts, seconds, per_pass, strict=True)
    )
    return Generations(rows, boxes, crops, pooled.mean(1), proposed.boxes)


@contextmanager
def _at_work(model: nn.Module) -> Iterator[None]:
    with locked(model), evaluating(model), torch.inference_mode():
        yield


def _crop(picture: Tensor, box: list[float]) -> Tensor:
    """(3, 224, 224): the box warped, at least a pixel of it."""
    x1, y1 = int(box[0]), int(box[1])
    x2, y2 = max(round(box[2]), x1 + 1), max(round(box[3]), y1 + 1)
    cut = picture[None, :, y1:y2, x1:x2]
    return F.interpolate(cut, (CROP_SIDE, CROP_SIDE), mode="bilinear", antialias=True)[0].clamp(0, 1)


def _heads(network: Any, features: Any, boxes: Tensor, sizes: Any) -> Tensor:
    """Pools every box and runs the head on it; the pooled maps (S, C, h, w)."""
    named = features if isinstance(features, dict) else {"0": features}
    pooled: Tensor = network.roi_heads.box_roi_pool(named, [boxes], sizes)
    network.roi_heads.box_predictor(network.roi_heads.box_head(pooled))
    return pooled


def _measured(run: Callable[[], T]) -> tuple[float, int, T]:
    """(seconds of a second run, multiply-adds, result)."""
    with FlopCounterMode(display=False) as counter:
        run()
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, counter.get_total_flops() // 2, found
