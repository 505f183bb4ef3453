"""Small seeded detectors of every torchvision family: the real classes and heads around a tiny backbone."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, KeypointRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.ssd import SSD
from torchvision.ops import MultiScaleRoIAlign

SIZES: dict[str, Any] = {"min_size": 96, "max_size": 128}
FAMILIES = ("ssd", "retinanet", "fcos", "faster", "mask", "keypoint")


class Backbone(nn.Module):
    """Two maps of 32 channels at stride 8 and 16."""

    out_channels = 32

    def __init__(self, as_list: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 7, stride=8, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(32)
        if as_list:
            self.out_channels = [32, 32]  # type: ignore[assignment]

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        fine = self.bn1(self.conv1(x)).relu()
        return OrderedDict([("0", fine), ("1", self.bn2(self.conv2(fine)).relu())])


def build(name: str) -> nn.Module:
    backbone = Backbone(name == "ssd")
    anchors = AnchorGenerator(((16, 24), (32, 48)), ((0.5, 1.0, 2.0),) * 2)
    if name == "ssd":
        return SSD(backbone, DefaultBoxGenerator([[2], [2, 3]]), (96, 96), 5, topk_candidates=40)
    if name == "retinanet":
        return RetinaNet(backbone, 6, anchor_generator=anchors, topk_candidates=60, **SIZES)
    if name == "fcos":
        one = AnchorGenerator(((8,), (16,)), ((1.0,),) * 2)
        return FCOS(backbone, 6, anchor_generator=one, score_thresh=0.05, topk_candidates=60, **SIZES)
    regions: dict[str, Any] = {
        "rpn_anchor_generator": anchors,
        "box_roi_pool": MultiScaleRoIAlign(["0", "1"], 5, 2),
        "box_head": TwoMLPHead(32 * 25, 32),
        "rpn_post_nms_top_n_test": 40,
        "rpn_pre_nms_top_n_test": 100,
        "box_detections_per_img": 12,
        **SIZES,
    }
    align = MultiScaleRoIAlign(["0", "1"], 14, 2)
    if name == "mask":
        heads = {"mask_head": MaskRCNNHeads(32, (8,), 1), "mask_predictor": MaskRCNNPredictor(8, 8, 4)}
        return MaskRCNN(
            backbone, box_predictor=FastRCNNPredictor(32, 4), mask_roi_pool=align, **heads, **regions
        )
    if name == "keypoint":
        heads = {
            "keypoint_head": KeypointRCNNHeads(32, (8,)),
            "keypoint_predictor": KeypointRCNNPredictor(8, 17),
        }
        predictor = FastRCNNPredictor(32, 2)
        return KeypointRCNN(backbone, box_predictor=predictor, keypoint_roi_pool=align, **heads, **regions)
    return FasterRCNN(backbone, box_predictor=FastRCNNPredictor(32, 91), **regions)


@cache
def detector(name: str) -> nn.Module:
    """In evaluation mode, with random weights whose class scores are spread out."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = build(name)
        for part, parameter in model.named_parameters():
            if parameter.ndim > 1:
                wide = any(
                    word in part for word in ("cls_logits", "classification_head.module_list", "cls_score")
                )
                gain = 3.0 if wide else 1.4
                nn.init.normal_(parameter, std=gain / parameter[0].numel() ** 0.5)
            elif "cls_logits" in part:
                nn.init.constant_(parameter, -1.0)
        model.train()
        with torch.no_grad():
            for norm in (model.backbone.bn1, model.backbone.bn2):
                norm.momentum = 1.0
            model.backbone(torch.randn(4, 3, 96, 96))
    return model.eval()


def picture(height: int = 70, width: int = 90, seed: int = 0) -> Tensor:
    """Smooth colours, float in 0..1 (3, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 7, generator=generator)
    return nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0].clamp(0, 1)
