"""Rows C16 and C17 on screen: blocks, code in a fresh interpreter, downloads, and the browser's arithmetic."""

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

from app.figures.convolution.transposed_convolution import (
    card,
    live_block,
    pixels_of,
    start_values,
    trace_of,
    transposed_block,
    weight_of,
)
from app.figures.convolution.transposed_convolution_files import pytorch_code, transposed_files
from app.pictures import picture_of
from app.wire import unpack
from cnn.convolution.small_filters import SMALL_FILTERS
from cnn.convolution.transposed_convolution import canvas, convolution_matrix, overlap_steps, transposed_size
from cnn.convolution.transposed_settings import FILTERS_OFFERED, TransposedSettings
from cnn.convolution.upsampling_problem import cut_of, enlarged

MODULE = "transposed_convolution/arithmetic.js"
MATRICES: list[dict[str, Any]] = [
    {},
    {"size": 6, "stride": 2, "padding": 1, "filter": "sobel_x"},
    {"size": 5, "kernel": 2, "stride": 3, "transposed": True},
    {"size": 7, "kernel": 5, "padding": 2, "stride": 2, "transposed": True, "filter": "laplacian"},
]
STEPS: list[dict[str, Any]] = [
    {},
    {"small": 3, "up_stride": 1, "up_padding": 0, "filter": "random"},
    {"small": 4, "up_stride": 3, "extra": 2, "kernel": 4, "values": "picture"},
]


def settings_of(values: dict[str, Any]) -> TransposedSettings:
    return TransposedSettings.from_mapping(values)


def test_the_table_and_the_filters_agree() -> None:
    assert FILTERS_OFFERED == SMALL_FILTERS


@pytest.mark.parametrize("values", MATRICES, ids=str)
def test_C16_matrix_code_and_csv_are_the_browsers_matrix(
    javascript: Callable[..., Any], values: dict[str, Any]
) -> None:
    picture, settings = picture_of("cat"), settings_of(values)
    names: dict[str, Any] = {}
    exec(pytorch_code(picture, settings), names)
    wanted = convolution_matrix(
        weight_of(settings), (settings.size, settings.size), stride=settings.stride, padding=settings.padding
    )
    assert torch.equal(names["matrix"], wanted.matrix.double())
    made, output = javascript(
        MODULE,
        "(() => { const [w, n, s, p, t, x] = argument; const m = matrixOf(w, n, s, p), y = product(m, x);"
        " return [t ? transposeOf(m) : m, t ? product(transposeOf(m), y) : y]; })()",
        [
            weight_of(settings).tolist(), settings.size, settings.stride, settings.padding, settings.transposed,
            pixels_of(picture, settings.size).flatten().tolist(),
        ],
    )  # fmt: skip
    turn = torch.t if settings.transposed else lambda matrix: matrix
    assert torch.equal(torch.tensor(made["entries"]).view(made["rows"], -1), turn(wanted.matrix))
    assert torch.equal(torch.tensor(made["sources"]).view(made["rows"], -1), turn(wanted.sources))
    right = names["back"] if settings.transposed else names["y"]
    assert output == right.flatten().tolist()
    (_, _, make, _), = transposed_files(picture, settings)  # fmt: skip
    rows = list(csv.reader(io.StringIO(make().decode())))
    assert [[int(cell) for cell in row] for row in rows] == turn(wanted.matrix).tolist()


def test_C16_four_by_four_and_three_give_four_by_sixteen() -> None:
    names: dict[str, Any] = {}
    exec(pytorch_code(picture_of(""), TransposedSettings()), names)
    assert tuple(names["matrix"].shape) == (4, 16)


@pytest.mark.parametrize("values", STEPS, ids=str)
def test_C17_steps_in_the_browser_add_up_to_pytorchs(
    javascript: Callable[..., Any], values: dict[str, Any]
) -> None:
    picture, settings = picture_of("cat"), settings_of({"view": "steps", **values})
    start, weight = start_values(picture, settings), weight_of(settings)
    names: dict[str, Any] = {}
    exec(pytorch_code(picture, settings), names)
    side = transposed_size(
        settings.small, settings.kernel, stride=settings.up_stride, padding=settings.up_padding,
        output_padding=settings.extra,
    )  # fmt: skip
    assert tuple(names["output"].shape) == (side, side)
    steps = overlap_steps(start, weight, stride=settings.up_stride)
    for count in (0, 1, len(steps) - 1, len(steps)):
        got = javascript(
            MODULE,
            "canvasOf(...argument)",
            [start.tolist(), weight.tolist(), settings.up_stride, settings.extra, count],
        )
        full = torch.tensor(got["sums"]).view(got["side"], -1)
        assert torch.equal(full, canvas(steps, count, output_padding=settings.extra))
    p = settings.up_padding
    assert torch.equal(full[p : full.shape[0] - p, p : full.shape[1] - p].double(), names["output"])


@pytest.mark.parametrize("factor", ["2", "3", "4"])
def test_C17_the_browser_enlarges_as_pytorch_does(javascript: Callable[..., Any], factor: str) -> None:
    small = torch.rand(3, 5, 7)
    weight = torch.randn(4 * int(factor), 4 * int(factor))
    got = javascript(
        MODULE,
        "[...enlargedOf({ data: argument[0], shape: [3, 5, 7] }, argument[1], argument[2], argument[3])]",
        [small.flatten().tolist(), weight.flatten().tolist(), int(factor), cut_of(int(factor))],
    )
    np.testing.assert_allclose(
        got, enlarged(small, weight, int(factor)).flatten().numpy(), rtol=1e-4, atol=1e-4
    )


def test_C17_photo_code_learns_the_same_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, settings = (
        picture_of("coffee"),
        settings_of({"view": "photo", "factor": "3", "learned": 25, "seed": 2}),
    )
    files = {name: make() for name, _, make, _ in transposed_files(picture, settings)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(pytorch_code(picture, settings), names)
    trace = trace_of(picture, settings)
    torch.testing.assert_close(names["weight"].detach()[0, 0], trace.weights[25], rtol=1e-4, atol=1e-6)
    assert names["off"] == pytest.approx(255 * trace.errors[25] ** 0.5, rel=1e-4)
    large = cv2.imdecode(np.frombuffer(files["learned"], np.uint8), cv2.IMREAD_COLOR)
    assert large.shape[:2] == tuple(trace.goal.shape[1:])
    for way, error in trace.fixed.items():
        shown = cv2.cvtColor(
            cv2.imdecode(np.frombuffer(files[way], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
        )
        off = F.mse_loss(torch.tensor(shown).permute(2, 0, 1) / 255, trace.goal)
        assert off.item() == pytest.approx(error, rel=0.03)


def test_a_photo_is_sent_once() -> None:
    settings = settings_of({"view": "photo"})
    block, arrays = unpack(transposed_block(picture_of(""), settings))
    assert arrays["weights"].shape == (301, 8, 8)
    sent = {"settings": {"view": "photo", "learned": 4}, "known": [block["photo"]["id"]]}
    _, nothing = unpack(live_block(sent, lambda: picture_of("")))
    assert not nothing


def test_fault_A6_a_picture_too_narrow_is_named() -> None:
    picture, settings = (
        picture_of("matrix", ",".join(map(str, range(30)))),
        settings_of({"view": "photo", "factor": "4"}),
    )
    block, _ = unpack(transposed_block(picture, settings))
    assert block["error"]["code"] == "image_too_small"
    assert [name for name, *_ in transposed_files(picture, settings)] == ["picture"]
    assert pytorch_code(picture, settings) == ""


def test_a_number_matrix_gives_its_own_numbers() -> None:
    picture = picture_of("matrix", "1,2,3;4,5,6;7,8,9")
    assert pixels_of(picture, 2).tolist() == [[1, 2], [4, 5]]
    assert card(picture_of("").pixels).shape[2] == 3


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 64, 320), (3, 320, 64)])
def test_fault_A6_the_card_of_a_flat_picture(shape: tuple[int, int, int]) -> None:
    shown = card(torch.full(shape, 128, dtype=torch.uint8))
    assert shown.dtype == np.uint8
    assert shown.shape[2] == 3
