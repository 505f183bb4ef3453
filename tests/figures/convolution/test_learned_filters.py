"""Row C10 on screen: the block, the code in a fresh interpreter, the downloads, and the browser's arithmetic."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from app.figures.convolution.learned_filters import (
    card,
    learning_block,
    learning_files,
    live_block,
    problem_of,
    trace_of,
)
from app.figures.convolution.learned_filters_code import pytorch_code
from app.pictures import picture_of
from app.wire import unpack
from cnn.convolution.learning_problem import learning_trace
from cnn.convolution.learning_settings import LearningSettings

PLANS = ["0m1n0", "0g2n20", "0a0.5n0", "0m1n0_30m0.3n0_60a0.5n10_80a0.2n0"]


@pytest.mark.parametrize("plan", PLANS)
def test_C10_code_gives_the_same_weights(plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = picture_of("coffee")
    settings = LearningSettings.from_mapping({"plan": plan, "step": 100, "seed": 3})
    files = {name: make() for name, _, make, _ in learning_files(picture, settings)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(pytorch_code(settings), names)
    trace = trace_of(picture, settings)
    torch.testing.assert_close(names["weight"].detach()[0, 0], trace.weights[-1], rtol=1e-4, atol=1e-4)
    assert names["loss"].item() == pytest.approx(trace.losses[-1], rel=1e-3, abs=1e-6)
    rows = list(csv.reader(io.StringIO(files["csv"].decode())))
    assert len(rows) == 102
    assert float(rows[-1][3]) == trace.weights[-1][0, 0].item()


@pytest.mark.parametrize(
    "values", [{"plan": plan} for plan in PLANS] + [{"target": "emboss", "kernel": "5"}], ids=str
)
def test_C10_the_browser_learns_as_python_does(
    javascript: Callable[..., Any], values: dict[str, Any]
) -> None:
    settings = LearningSettings.from_mapping({**values, "seed": 1})
    problem = problem_of(picture_of("camera"), settings)
    sent = {
        name: getattr(problem, name).flatten().tolist()
        for name in ("matrix", "right", "noise_right", "target", "start")
    } | {name: getattr(problem, name) for name in ("constant", "noise_constant", "noise_power", "safe_rate")}
    got = javascript(
        "learned_filters/learning.js",
        "(() => { const l = new Learning(argument[0], readPlan(argument[1])); l.reach(150);"
        " return [l.weights.map((w) => [...w]), l.losses, l.errors, writePlan(l.phases)]; })()",
        [sent, settings.plan],
    )
    trace = learning_trace(problem, settings.phases, 150)
    np.testing.assert_allclose(got[0], trace.weights.flatten(1).numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(got[1], trace.losses, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(got[2], trace.errors, rtol=1e-7, atol=1e-9)
    assert got[3] == settings.plan


def test_C10_steering_in_the_browser_forgets_what_came_after(javascript: Callable[..., Any]) -> None:
    problem = problem_of(picture_of("camera"), LearningSettings())
    sent = {
        name: getattr(problem, name).flatten().tolist()
        for name in ("matrix", "right", "noise_right", "target", "start")
    } | {name: getattr(problem, name) for name in ("constant", "noise_constant", "noise_power", "safe_rate")}
    plan, weight = javascript(
        "learned_filters/learning.js",
        "(() => { const l = new Learning(argument, readPlan('0m1n0')); l.reach(90); l.steer(40, { rate: 0.3 }, 12);"
        " l.steer(40, { noise: 25 }, 12); l.reach(70); return [writePlan(l.phases), [...l.weights[70]]]; })()",
        sent,
    )
    assert plan == "0m1n0_40m0.3n25"
    trace = learning_trace(problem, LearningSettings(plan=plan).phases, 70)
    np.testing.assert_allclose(weight, trace.weights[-1].flatten().numpy(), rtol=1e-9)


def test_C10_the_browsers_map_is_pytorchs(javascript: Callable[..., Any]) -> None:
    pixels, weight = torch.randn(9, 12), torch.randn(3, 3)
    got = javascript(
        "learned_filters/learning.js",
        "[...mapOf(argument[0], 9, 12, argument[1], 3, new Float64Array(70))]",
        [pixels.flatten().tolist(), weight.flatten().tolist()],
    )
    wanted = F.conv2d(pixels[None, None].double(), weight[None, None].double()).flatten()
    np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-12, atol=1e-12)


def test_a_problem_is_sent_once() -> None:
    block, arrays = unpack(learning_block(picture_of(""), LearningSettings()))
    assert arrays["matrix"].shape == (9, 9)
    sent = {"settings": {"step": 5}, "known": [block["problem"]["id"]], "id": 3}
    again, nothing = unpack(live_block(sent, lambda: picture_of("")))
    assert not nothing
    assert again["problem"]["id"] == block["problem"]["id"]
    assert again["id"] == 3


@pytest.mark.parametrize(
    ("key", "matrix", "code"), [("matrix", "7,7;7,7", "flat_image"), ("matrix", "1,2,3", "image_size")]
)
def test_fault_A6_a_picture_without_edges_is_named(key: str, matrix: str, code: str) -> None:
    picture = picture_of(key, matrix)
    block, _ = unpack(learning_block(picture, LearningSettings(kernel="7")))
    assert block["error"]["code"] == code
    assert [name for name, *_ in learning_files(picture, LearningSettings(kernel="7"))] == ["picture"]


def test_card_and_map_show_the_same_edges() -> None:
    shown = card(picture_of("").pixels)
    assert shown.dtype == np.uint8
    assert shown.shape[2] == 3
    assert shown.std() > 10
    files = {name: make() for name, _, make, _ in learning_files(picture_of(""), LearningSettings(step=200))}
    decoded = cv2.imdecode(np.frombuffer(files["map"], np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape[:2] == tuple(problem_of(picture_of(""), LearningSettings()).goal.shape)


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 64, 320), (3, 320, 64)])
def test_fault_A6_the_card_of_a_flat_picture(shape: tuple[int, int, int]) -> None:
    shown = card(torch.full(shape, 128, dtype=torch.uint8))
    assert shown.dtype == np.uint8
    assert shown.shape[2] == 3
