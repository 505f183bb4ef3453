"""Our detections against what torchvision's own forward gives, for every family; thresholds without the
network."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import batched_nms

from cnn.detection.detect import detect, detections, raw_batch, raw_detections
from cnn.detection.reading import DetectorError
from cnn.models.yolo import YOLO, decode, letterbox
from cnn.weights.builtin import builtin_record, normalised
from tests.cnn.detection.detectors import FAMILIES, detector, picture


@pytest.mark.parametrize("name", FAMILIES)
def test_O9_results_are_those_of_torchvisions_forward(name: str) -> None:
    model, image = detector(name), picture()
    with torch.inference_mode():
        (wanted,) = model([image])
    assert len(wanted["boxes"]) > 3
    raw = raw_detections(model, image)
    found = detections(raw, raw.score_floor)
    torch.testing.assert_close(found.boxes, wanted["boxes"], atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found.scores, wanted["scores"])
    assert torch.equal(found.labels, wanted["labels"])
    if name == "mask":
        assert found.masks is not None
        assert torch.equal(found.masks, wanted["masks"][:, 0] > 0.5)
        assert torch.equal(found.mask(1), found.masks[1])
    if name == "keypoint":
        assert found.keypoints is not None
        torch.testing.assert_close(found.keypoints, wanted["keypoints"], atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(found.keypoint_scores, wanted["keypoints_scores"], atol=1e-4, rtol=1e-4)
        assert found.keypoint_names[0] == "nose"
    half = float(wanted["scores"].median())
    above = detect(model, image, score_threshold=half)
    assert torch.equal(above.labels, wanted["labels"][wanted["scores"] > half])


class Counted(nn.Module):
    """Counts the passes of a detector's backbone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.passes = 0
        model.backbone.register_forward_pre_hook(lambda *_: setattr(self, "passes", self.passes + 1))


@pytest.mark.parametrize("name", ["ssd", "mask"])
def test_O9_thresholds_and_classes_act_without_the_network(name: str) -> None:
    model = detector(name)
    counted = Counted(model)
    raw = raw_detections(model, picture(), score_floor=0.0)
    for level in (0.05, 0.2):
        for overlap in (0.2, 0.8):
            found = detections(raw, level, overlap, limit=10_000)
            chosen = raw.candidates.scores > level
            boxes, scores = raw.candidates.boxes[chosen], raw.candidates.scores[chosen]
            kept = batched_nms(boxes, scores, raw.candidates.labels[chosen], overlap)
            torch.testing.assert_close(found.boxes, raw.boxes[chosen][kept])
            torch.testing.assert_close(raw.boxes[found.index], found.boxes)
    assert counted.passes == 1
    only = detections(raw, 0.05, classes=[2])
    assert set(only.labels.tolist()) == {2}
    assert set(only.counts()) == {only.categories[2]}
    assert detections(raw, 0.05, classes=[]).boxes.shape == (0, 4)


def test_O9_a_mask_is_computed_once_for_each_box() -> None:
    raw = raw_detections(detector("mask"), picture(), score_floor=0.0)
    few = detections(raw, 0.3, limit=3)
    assert raw.instances is not None
    assert raw.instances.computed == len(few) == 3
    detections(raw, 0.3, limit=3)
    assert raw.instances.computed == 3


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (900, 2)])
def test_A6_the_smallest_and_the_narrowest_pictures(name: str, size: tuple[int, int]) -> None:
    image = torch.full((1, *size), 128, dtype=torch.uint8)
    raw = raw_detections(detector(name), image)
    found = detections(raw, raw.score_floor, limit=5)
    assert found.boxes.isfinite().all()
    assert (found.boxes[:, 2] <= size[1]).all()
    assert (found.boxes[:, 3] <= size[0]).all()
    assert found.masks is None or found.masks.shape == (len(found), *size)


def test_A6_a_large_picture_is_read_small_and_boxes_are_its_own() -> None:
    model = detector("ssd")
    small = picture(60, 90)
    large = nn.functional.interpolate(small[None], (3000, 4500), mode="bilinear")[0]
    raw = raw_detections(model, (large * 255).to(torch.uint8))
    found = detections(raw, raw.score_floor)
    wanted = raw_detections(model, small)
    same = detections(wanted, wanted.score_floor)
    torch.testing.assert_close(found.boxes[0] / 50, same.boxes[0], atol=1.5, rtol=0.0)


@pytest.fixture
def yolo() -> YOLO:
    record = builtin_record("yolo-cells")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = record.build().eval()
        nn.init.normal_(model.head.weight, std=2.0)
        nn.init.zeros_(model.head.bias)
    return model


def test_O9_our_yolo_finds_its_record_and_suppresses_as_its_scorer_does(yolo: YOLO) -> None:
    record, image = builtin_record("yolo-cells"), picture(100, 130)
    canvas, scale = letterbox(image, 320)
    with torch.inference_mode():
        boxes, scores = decode(yolo(normalised(canvas[None], record)), yolo.anchors)
    best, labels = (scores[0] > 0.25).nonzero(as_tuple=True)
    kept = batched_nms(boxes[0][best], scores[0][best, labels], labels, 0.5)[:100]
    found = detect(yolo, image, score_threshold=0.25)
    assert found.categories == ("RBC", "WBC", "Platelets")
    assert len(found) == len(kept) > 2
    assert torch.equal(found.labels, labels[kept])
    limits = torch.tensor([130.0, 100.0, 130.0, 100.0])
    inside = torch.minimum((boxes[0][best[kept]] / scale).clamp(min=0), limits)
    torch.testing.assert_close(found.boxes, inside, atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("name", ["ssd", "faster", "yolo"])
def test_B10_the_fast_copy_finds_the_same_and_leaves_the_network_alone(name: str, yolo: YOLO) -> None:
    model = yolo if name == "yolo" else detector(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    image = picture(120, 160)
    exact = raw_detections(model, image, score_floor=0.0)
    fast = raw_detections(model, image, score_floor=0.0, precision="fast")
    if name != "faster":  # where the same candidates come in the same order
        assert len(exact.boxes) == len(fast.boxes)
        assert (exact.candidates.scores - fast.candidates.scores).abs().median() < 0.02
        assert (exact.boxes - fast.boxes).abs().median() < 2.0
    assert fast.candidates.boxes.dtype == torch.float32
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    with torch.no_grad():
        next(model.parameters()).mul_(1.5)
    changed = raw_detections(model, image, score_floor=0.0, precision="fast")
    with torch.no_grad():
        next(model.parameters()).div_(1.5)
    assert not torch.equal(changed.candidates.scores, fast.candidates.scores)


def test_several_pictures_in_one_pass() -> None:
    model = detector("ssd")
    images = [picture(60, 80, 1), picture(90, 50, 2)]
    for image, raw in zip(images, raw_batch(model, images), strict=True):
        alone = raw_detections(model, image)
        torch.testing.assert_close(raw.candidates.scores, alone.candidates.scores, atol=1e-4, rtol=1e-3)
        assert raw.picture_size == tuple(image.shape[1:])


def test_stages_are_timed() -> None:
    found = detect(detector("ssd"), picture(), score_threshold=0.1)
    times = found.timings
    assert min(times.preprocess, times.network, times.postprocess) > 0
    assert times.total == pytest.approx(times.preprocess + times.network + times.postprocess)


def test_training_mode_and_gradients_come_back() -> None:
    model = detector("ssd").train()
    detect(model, picture())
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    model.eval()


def test_what_cannot_be_detected_is_refused() -> None:
    model = detector("ssd")
    with pytest.raises(DetectorError, match="got Linear"):
        detect(nn.Linear(1, 1), picture())
    for image, error in ((picture() * 3, ValueError), (torch.zeros(2, 5, 5), ValueError)):
        with pytest.raises(error, match="wanted"):
            detect(model, image)
    with pytest.raises(TypeError, match="uint8 or float"):
        detect(model, torch.zeros(3, 5, 5, dtype=torch.int32))
    with pytest.raises(ValueError, match="score_threshold"):
        detect(model, picture(), score_threshold=float("nan"))
    with pytest.raises(ValueError, match="precision"):
        detect(model, picture(), precision="half")
