"""OpenVINO beside torch: the same boxes and classes, on other sizes too; torch where it cannot be had or is wrong."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from cnn.detection.agreement import box_distance
from cnn.detection.candidates import Candidates
from cnn.detection.detect import RawDetections, raw_detections
from cnn.models import converted as runtimes
from cnn.models import openvino_parts, prepared
from cnn.models.converted import (
    LIVE_AFTER,
    OPENVINO,
    RUNTIME_VARIABLE,
    TORCH,
    live_runtime,
    settled,
    standing,
)
from cnn.models.openvino_parts import OpenVINOPart, installed_version, network_digest
from cnn.models.unet import SeparableUNet
from cnn.models.yolo import YOLO
from cnn.segmentation.agreement import class_distance
from cnn.segmentation.segment import Segmentation, segment
from tests.cnn.detection.detectors import FAMILIES, build, detector, picture

BARE: dict[str, Any] = {"weights": None, "weights_backbone": None}
PATIENCE = 240.0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of the test's own, and nothing converted before it."""
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path))
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    monkeypatch.setattr(runtimes, "PAUSE", 1e9)
    runtimes._entries.clear()
    yield tmp_path / "converted"
    runtimes._entries.clear()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """All in float32, so that nothing but the conversion can make a difference."""
    monkeypatch.setattr(openvino_parts, "half_dtype", lambda _: None)
    monkeypatch.setattr(prepared, "half_dtype", lambda _: None)


def seeded(make: Any) -> nn.Module:
    """Random weights with calibrated batch norms, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: nn.Module = make()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        body = model if isinstance(model, SeparableUNet | YOLO) else model.backbone
        body.train()
        with torch.no_grad():
            body(torch.randn(2, 3, 96, 96))
    return model.eval().requires_grad_(False)


def found(model: nn.Module, image: Tensor) -> RawDetections:
    return raw_detections(model, image, score_floor=0.0, precision="fast")


def classes(model: nn.Module, image: Tensor) -> Segmentation:
    return segment(model, image, precision="fast")


def live(model: nn.Module, image: Tensor, ask: Any = found) -> str:
    """Ask as a camera does until the conversion is done. Returns: how it stands."""
    for number in range(LIVE_AFTER):
        assert standing(model) == "new", number
        assert ask(model, image).runtime == TORCH  # torch answers until then
    until = time.monotonic() + PATIENCE
    while standing(model) == "new" and time.monotonic() < until:  # another network is being converted
        time.sleep(0.05)
        ask(model, image)
    return settled(model, PATIENCE)


def test_B10_openvino_finds_what_torch_finds_ssdlite(folder: Path) -> None:
    model, image = seeded(lambda: ssdlite320_mobilenet_v3_large(**BARE)), picture(120, 160)
    assert live(model, image) == "ready"
    for other in (image, picture(150, 90, 4)):
        exact, quick = raw_detections(model, other, score_floor=0.0), found(model, other)
        assert (exact.runtime, quick.runtime) == (TORCH, OPENVINO)
        assert box_distance(exact.candidates, quick.candidates, 0.5) <= 0.1
    assert len(list(folder.glob("*/*.xml"))) == 2  # the backbone and the head, once
    assert live_runtime() == f"{OPENVINO} {installed_version()}"


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("name", FAMILIES)
def test_B10_every_family_is_converted(name: str) -> None:
    model = detector(name)
    assert live(model, picture()) == "ready"
    other = picture(60, 110, 2)
    exact, quick = raw_detections(model, other, score_floor=0.0), found(model, other)
    assert quick.runtime == OPENVINO
    assert len(quick.boxes) == len(exact.boxes) > 20
    torch.testing.assert_close(quick.candidates.scores, exact.candidates.scores, atol=1e-3, rtol=1e-3)
    assert box_distance(exact.candidates, quick.candidates, 0.5) == 0


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("size", [(144, 96), (70, 70)])
def test_B10_openvino_gives_torchs_classes_of_pixels(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for make in (
        lambda: lraspp_mobilenet_v3_large(**BARE, num_classes=5),
        lambda: SeparableUNet(3, 11, widths=(8, 16, 16), stem_stride=2),
    ):
        model, other = seeded(make), picture(*size, 5)
        assert live(model, picture(96, 128), classes) == "ready"
        quick = classes(model, other)
        with monkeypatch.context() as context:
            context.setenv(RUNTIME_VARIABLE, "torch")
            slow = classes(model, other)
        assert (slow.runtime, quick.runtime) == (TORCH, OPENVINO)
        torch.testing.assert_close(quick.probabilities, slow.probabilities, atol=1e-3, rtol=1e-3)
        assert (slow.labels == quick.labels).float().mean() > 0.99


def test_the_own_yolo_is_converted() -> None:
    model = seeded(lambda: YOLO(3, ((20.0, 20.0), (60.0, 60.0))))
    assert live(model, picture(96, 128)) == "ready"
    exact, quick = raw_detections(model, picture(70, 70), score_floor=0.0), found(model, picture(70, 70))
    assert quick.runtime == OPENVINO
    assert (exact.candidates.scores - quick.candidates.scores).abs().max() < 0.05


def test_torch_answers_where_openvino_cannot_be_imported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    model = seeded(lambda: build("ssd"))
    with caplog.at_level(logging.WARNING):
        assert live(model, picture()) == "refused"
    assert "cannot be imported" in caplog.text
    assert found(model, picture()).runtime == TORCH


@pytest.mark.parametrize("wrong", ["other numbers", "not finite"])
def test_torch_is_used_where_the_results_differ(
    wrong: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = OpenVINOPart.forward

    def changed(part: OpenVINOPart, *inputs: Any) -> Any:
        given = right(part, *inputs)
        if not isinstance(given, dict) or "cls_logits" not in given:
            return given
        scores = given["cls_logits"]
        return {**given, "cls_logits": scores.flip(1) if wrong == "other numbers" else scores / 0 * 0}

    monkeypatch.setattr(OpenVINOPart, "forward", changed)
    model = seeded(lambda: build("ssd"))
    with caplog.at_level(logging.WARNING):
        assert live(model, picture()) == "refused"
    assert "within" in caplog.text
    assert found(model, picture()).runtime == TORCH


def test_torch_is_used_once_openvino_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = seeded(lambda: build("ssd"))
    assert live(model, picture()) == "ready"

    def fail(*_: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(OpenVINOPart, "forward", fail)
    with caplog.at_level(logging.WARNING):
        assert found(model, picture()).runtime == TORCH
    assert "no memory" in caplog.text
    assert standing(model) == "refused"


def test_files_are_read_again_and_damaged_ones_made_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, same = seeded(lambda: build("ssd")), seeded(lambda: build("ssd"))
    assert network_digest(model) == network_digest(same)
    assert live(model, picture()) == "ready"
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.xml")}
    assert live(same, picture()) == "ready"
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.xml")} == before
    for file in before:
        file.write_text("not a network")
    runtimes._entries.clear()
    assert live(same, picture()) == "refused"
    runtimes._entries.clear()
    assert live(same, picture()) == "ready"


def test_changed_weights_begin_anew() -> None:
    model = seeded(lambda: build("ssd"))
    assert live(model, picture()) == "ready"
    before = network_digest(model)
    with torch.no_grad():
        next(model.parameters()).mul_(1.5)
    assert network_digest(model) != before
    assert found(model, picture()).runtime == TORCH


def test_converted_networks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = seeded(lambda: build("ssd")), seeded(lambda: build("ssd"))
    assert live(first, picture()) == "ready"
    size = runtimes._entries[first].size
    monkeypatch.setattr(runtimes, "MOST_BYTES", size + size // 2)
    assert live(second, picture()) == "ready"
    assert (standing(first), standing(second)) == ("new", "ready")
    monkeypatch.setattr(runtimes, "MOST_BYTES", size // 2)
    runtimes._entries.clear()
    assert live(first, picture()) == "refused"


def test_the_variable_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, "torch")
    model = seeded(lambda: build("ssd"))
    for _ in range(LIVE_AFTER + 1):
        assert found(model, picture()).runtime == TORCH
    assert standing(model) == "new"
    assert live_runtime() == TORCH


def test_pictures_now_and_then_convert_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "PAUSE", 0.0)
    model = seeded(lambda: build("ssd"))
    for _ in range(LIVE_AFTER + 1):
        assert found(model, picture()).runtime == TORCH
    assert standing(model) == "new"


def test_distances() -> None:
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    one = Candidates(box, torch.tensor([0.9]), torch.tensor([1]), 1)
    assert box_distance(one, one, 0.5) == 0
    moved = Candidates(box + 8, one.scores, one.labels, 1)
    other_class = Candidates(box, one.scores, one.labels + 1, 1)
    lower = Candidates(box, one.scores - 0.2, one.labels, 1)
    assert [box_distance(one, two, 0.5) for two in (moved, other_class, lower)] == [1, 1, 1]
    assert box_distance(one, Candidates(box, one.scores / 0, one.labels, 1), 0.5) == 1
    logits = torch.tensor([[1.0, 2.0], [2.0, 1.0]]).view(1, 2, 1, 2)
    assert class_distance(logits, logits) == 0
    assert class_distance(logits, logits.flip(1)) == 1
    assert class_distance(logits, logits * float("nan")) == 1
    one_class = torch.zeros(1, 1, 2, 2)
    assert class_distance(one_class, one_class + 100) == pytest.approx(0.5)
