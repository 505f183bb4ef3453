"""B10 and B14: detectors and segmenters beside torchvision's eager forward, and suppression beside
torchvision's.

Seeded random weights with calibrated batch norms, so that it runs without a download; the times are the same.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection, segmentation
from torchvision.ops import nms

from benchmarks.measure import Line, best_of
from cnn.detection.detect import detect, raw_detections
from cnn.detection.detect import detections as thresholded
from cnn.detection.fast_nms import fast_nms
from cnn.detection.region_proposals import selective_search
from cnn.models.converted import LIVE_AFTER, OPENVINO, RUNTIME_VARIABLE, live_runtime, settled
from cnn.segmentation.segment import segment

BUDGETS = ("B10", "B14")
OPENVINO_BUDGET = 0.35
BARE: dict[str, Any] = {"weights": None, "weights_backbone": None}
DETECTORS: tuple[tuple[str, Callable[..., nn.Module], float], ...] = (
    ("SSDlite", detection.ssdlite320_mobilenet_v3_large, 0.6),
    ("Faster R-CNN MobileNet 320", detection.fasterrcnn_mobilenet_v3_large_320_fpn, 0.5),
    ("FCOS ResNet-50", detection.fcos_resnet50_fpn, 0.5),
)
SEGMENTERS: tuple[tuple[str, Callable[..., nn.Module], float], ...] = (
    ("LRASPP", segmentation.lraspp_mobilenet_v3_large, 0.5),
    ("DeepLabV3 MobileNet", segmentation.deeplabv3_mobilenet_v3_large, 0.5),
)


def photo() -> Tensor:
    """uint8 (3, 427, 640)."""
    from sklearn.datasets import load_sample_images

    return torch.tensor(load_sample_images().images[0]).permute(2, 0, 1).contiguous()


def calibrated(build: Callable[..., nn.Module]) -> nn.Module:
    """A network with random weights whose maps neither vanish nor explode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(**BARE)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        model.backbone.train()
        with torch.no_grad():
            model.backbone(torch.randn(2, 3, 160, 160))
    return model.eval().requires_grad_(False)


def measure() -> list[Line]:
    """Return the lines of B10 and B14."""
    lines = [line for name, build, budget in DETECTORS for line in detector_lines(name, build, budget)]
    lines += [line for entry in SEGMENTERS for line in segmenter_lines(*entry)]
    return [*lines, *suppression_lines(), proposals_line()]


def detector_lines(name: str, build: Callable[..., nn.Module], budget: float) -> list[Line]:
    """The fast and the exact way beside `model([image])`; and new thresholds on cached outputs."""
    model, image = calibrated(build), photo()

    @torch.inference_mode()
    def eager() -> object:
        return model([image.float() / 255])

    def fast() -> object:
        return detect(model, image, precision="fast")

    def exact() -> object:
        return detect(model, image)

    raw = raw_detections(model, image)
    with torch_alone():
        fast()
        theirs, quick, same = best_of([eager, fast, exact], repeats=5)
    (again,) = best_of([lambda: thresholded(raw, 0.3, 0.4)], repeats=5)
    return [
        Line("B10", f"{name}: picture in, boxes out, fast", quick * 1e3, "ms", budget, theirs * 1e3),
        Line("B10", f"{name}: the same, exact", same * 1e3, "ms", 1.25, theirs * 1e3),
        Line("B10", f"{name}: new thresholds on cached outputs", again * 1e3, "ms", 0.25, theirs * 1e3),
        *openvino_lines(f"{name}: picture in, boxes out", model, fast, eager),
    ]


def segmenter_lines(name: str, build: Callable[..., nn.Module], budget: float) -> list[Line]:
    """The fast way beside torchvision's forward at the same input size and its upsampled argmax."""
    model, image = calibrated(build), photo()
    with torch_alone():
        size = segment(model, image, precision="fast").input_size
    x = torch.rand(1, 3, *size)

    @torch.inference_mode()
    def eager() -> object:
        return model(x)["out"].argmax(1)

    def fast() -> object:
        return segment(model, image, precision="fast", probabilities=False)

    with torch_alone():
        theirs, ours = best_of([eager, fast], repeats=3)
    return [
        Line("B10", f"{name}: picture in, classes out, fast", ours * 1e3, "ms", budget, theirs * 1e3),
        *openvino_lines(f"{name}: picture in, classes out", model, fast, eager),
    ]


def openvino_lines(
    what: str, model: nn.Module, fast: Callable[[], object], eager: Callable[[], object]
) -> list[Line]:
    """The same once the network is converted, where OpenVINO is installed."""
    if not live_runtime().startswith(OPENVINO):
        return []
    with tempfile.TemporaryDirectory() as folder, setting("CONVSCOPE_DATA", folder):
        for _ in range(LIVE_AFTER):
            fast()
        if settled(model, 120) != "ready":
            raise AssertionError(f"{what}: OpenVINO does not take the network")
    theirs, ours = best_of([eager, fast], repeats=5)
    return [Line("B10", f"{what}, OpenVINO", ours * 1e3, "ms", OPENVINO_BUDGET, theirs * 1e3)]


def torch_alone() -> AbstractContextManager[None]:
    """Without OpenVINO."""
    return setting(RUNTIME_VARIABLE, "torch")


@contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """A variable of the environment for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def suppression_lines() -> list[Line]:
    """10,000 boxes, spread out and crowded."""
    lines = []
    for name, extent, side in (("spread out", 1200.0, 60.0), ("crowded", 400.0, 120.0)):
        generator = torch.Generator().manual_seed(0)
        corners = torch.rand(10_000, 2, generator=generator) * extent
        boxes = torch.cat([corners, corners + 1 + torch.rand(10_000, 2, generator=generator) * side], 1)
        scores = torch.rand(10_000, generator=generator)
        if not torch.equal(fast_nms(boxes, scores, 0.5), nms(boxes, scores, 0.5)):
            raise AssertionError("fast_nms and torchvision.ops.nms keep different boxes")
        ours, theirs = best_of(
            [lambda b=boxes, s=scores: fast_nms(b, s, 0.5), lambda b=boxes, s=scores: nms(b, s, 0.5)]
        )
        lines.append(Line("B14", f"NMS of 10,000 boxes, {name}", ours * 1e3, "ms", 0.3, theirs * 1e3))
    return lines


def proposals_line() -> Line:
    """Selective search on a 320 px picture."""
    image = photo()
    selective_search(image)
    (seconds,) = best_of([lambda: selective_search(image)], repeats=3)
    return Line("B10", "selective search, 320 px, 2,000 regions", seconds, "s", 3.0)
