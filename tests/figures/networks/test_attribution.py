"""What the attribution screen sends: the tensor's numbers, in the browser as in PyTorch; code that gives them again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from app.attribution_runs import AttributionRuns
from app.figures.networks.attribution import attribution_block, card, overlay
from app.figures.networks.attribution_files import attribution_files, curves_csv, pytorch_code
from app.figures.networks.attribution_maps import (
    AttributionSettings,
    AttributionView,
    attribution_view,
    chosen_heat,
)
from app.open_models import OpenNetwork, open_network
from app.pictures import picture_of
from app.wire import unpack
from cnn.attribution.grad_cam import CAM_METHODS, grad_cams
from cnn.attribution.measurements import TaskResult

ROOT = Path(__file__).resolve().parents[3]
WORDS = {"words": {"language": "en"}}


@pytest.fixture(scope="module")
def network() -> OpenNetwork:
    return open_network("imagenette-resnet", "")


@pytest.fixture(scope="module")
def view(network: OpenNetwork) -> AttributionView:
    return attribution_view(network, picture_of(""), -1)


def runs_of(network: OpenNetwork, view: AttributionView, settings: AttributionSettings) -> AttributionRuns:
    """What a visit has made by itself, without a job."""
    runs = AttributionRuns(view.identity)
    runs.provide(network, replace(view, seconds=0.0), settings, "")
    return runs


def block_of(
    network: OpenNetwork, view: AttributionView, settings: AttributionSettings, known: tuple[str, ...] = ()
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    runs = runs_of(network, view, settings)
    return unpack(attribution_block(WORDS, network, picture_of(""), settings, runs, view, known=known))


def test_M4_the_deepest_layer_is_suggested_and_the_answer_is_the_networks(
    network: OpenNetwork, view: AttributionView
) -> None:
    with torch.no_grad():
        probabilities = network.model(view.prepared.batch).softmax(1)[0]
    assert view.target.index == int(probabilities.argmax())
    assert view.target.probability == pytest.approx(float(probabilities.max()))
    assert view.default_layer == "stage3.1.relu2"
    assert attribution_view(network, picture_of(""), 3).target.index == 3
    assert attribution_view(network, picture_of(""), 9999).target.index == view.target.index


def test_the_block_holds_every_raw_map(network: OpenNetwork, view: AttributionView) -> None:
    header, arrays = block_of(network, view, AttributionSettings())
    for layer in header["cams"]["layers"]:
        rows, columns = layer["grid"]
        for place, method in enumerate(CAM_METHODS):
            start = layer["start"] + place * rows * columns
            sent = arrays["cams"][start : start + rows * columns].reshape(rows, columns)
            alone = grad_cams(
                network.model, view.prepared.batch, [layer["name"]], view.target.index, method=method
            )
            torch.testing.assert_close(
                torch.from_numpy(sent.copy()), alone[layer["name"]].raw, rtol=1e-4, atol=1e-6
            )
    assert np.array_equal(arrays["image"], view.prepared.cropped.numpy())
    assert [entry[0] for entry in header["prediction"]["top"]] == [score.index for score in view.top]


def test_what_the_browser_has_is_not_sent_again(network: OpenNetwork, view: AttributionView) -> None:
    header, _ = block_of(network, view, AttributionSettings(pixels=True, sanity=True))
    ids = [header["picture"]["id"], header["cams"]["id"], header["names"]["id"], header["shuffled"]["id"]]
    ids += ["photo:" + header["picture"]["id"], *(part["id"] for part in header["pixels"].values())]
    again, arrays = block_of(network, view, AttributionSettings(pixels=True, sanity=True), tuple(ids))
    assert not arrays
    assert "photo" not in again
    assert "list" not in again["names"]


@pytest.mark.parametrize(("rows", "columns"), [(9, 9), (5, 7), (1, 1), (72, 72)])
def test_the_browser_scales_a_map_as_pytorch_does(
    javascript: Callable[..., Any], rows: int, columns: int
) -> None:
    raw = torch.randn(rows, columns, generator=torch.Generator().manual_seed(1))
    argument = {"raw": raw.flatten().tolist(), "rows": rows, "columns": columns}
    size = 48, 60
    found = javascript(
        "attribution/heat.js",
        "[...upsampled(argument.raw, argument.rows, argument.columns, 48, 60)]",
        argument,
    )
    wanted = F.interpolate(raw[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    torch.testing.assert_close(torch.tensor(found).view(size), wanted, rtol=1e-4, atol=1e-5)
    blocks = javascript(
        "attribution/heat.js",
        "[...inBlocks(argument.raw, argument.rows, argument.columns, 48, 60)]",
        argument,
    )
    torch.testing.assert_close(
        torch.tensor(blocks).view(size), F.interpolate(raw[None, None], size=size)[0, 0]
    )


def test_grad_cam_in_the_browser_is_the_tensors(
    javascript: Callable[..., Any], network: OpenNetwork, view: AttributionView
) -> None:
    found = view.grid[view.default_layer]["grad_cam"]
    argument = {"raw": found.raw.flatten().tolist()}
    data = javascript(
        "attribution/heat.js",
        "(() => { const heat = camHeat(Float32Array.from(argument.raw), 9, 9, 144, 144, {});"
        " return [...heat.data].map((v) => v / heat.limit); })()",
        argument,
    )
    torch.testing.assert_close(torch.tensor(data).view(144, 144), found.heat, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("signed", [True, False])
def test_the_downloads_blend_as_the_browser_does(
    javascript: Callable[..., Any], view: AttributionView, signed: bool
) -> None:
    heat = torch.linspace(-1 if signed else 0, 1, 144 * 144).view(144, 144)
    picture = overlay(view, heat, signed, 0.6)
    sizes = heat.flatten()[:: 144 * 12].tolist()
    covers = javascript(
        "attribution/heat.js",
        "(() => { const e = entriesOf({ data: argument.sizes, limit: 1, signed: argument.signed }),"
        " c = coveredColours(argument.signed, 0.6); return [...e].map((i) => [c[i] & 255, c[i] >> 8 & 255,"
        " c[i] >> 16 & 255, c[i] >>> 24]); })()",
        {"sizes": sizes, "signed": signed},
    )
    under = view.prepared.cropped.permute(1, 2, 0).reshape(-1, 3)[:: 144 * 12].numpy()
    shown = picture.reshape(-1, 3)[:: 144 * 12]
    for (red, green, blue, cover), below, got in zip(covers, under, shown, strict=True):
        wanted = below * (1 - cover / 255) + np.array([red, green, blue]) * (cover / 255)
        assert np.abs(wanted - got).max() <= 2.5


def test_any_class_is_found_by_name_or_number(javascript: Callable[..., Any]) -> None:
    names = ["tench", "gas pump", "golf ball", "great white shark"]
    expression = "argument.asked.map((text) => foundClass(text, argument.names, 4))"
    asked = ["golf", "BALL", "2", "9", "", "gas pump", "zebra", "shark"]
    found = javascript("attribution/class_list.js", expression, {"asked": asked, "names": names})
    assert found == [2, 2, 2, -1, -1, 1, -1, 3]


@pytest.mark.parametrize("method", ["grad_cam", "layer_cam", "saliency", "input_x_gradient"])
def test_the_code_gives_the_same_numbers(
    network: OpenNetwork, view: AttributionView, method: str, tmp_path: Path
) -> None:
    settings = AttributionSettings(method=method, pixels=True)
    runs = runs_of(network, view, settings)
    files = {name: make for name, _, make, _ in attribution_files(view, settings, runs)}
    (tmp_path / "picture.png").write_bytes(files["picture"]())
    code = pytorch_code(network, view, settings) + '\nnp.save("heat.npy", heat.numpy())\n'
    (tmp_path / "code.py").write_text(code)
    subprocess.run(
        [sys.executable, "code.py"], cwd=tmp_path, check=True, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    )  # fmt: skip
    wanted = chosen_heat(view, settings, runs.maps)
    assert wanted is not None
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "heat.npy")), wanted, rtol=1e-3, atol=1e-4)
    assert files["overlay"]()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "junk",
    [{"method": "x"}, {"target": "3"}, {"window": 5}, {"opacity": 1e9}, {"layer": None}, {"signed": 1}],
)
def test_fault_C1_junk_from_the_browser_becomes_valid(junk: dict[str, object]) -> None:
    settings = AttributionSettings.from_mapping(junk)
    assert replace(settings, opacity=75) == AttributionSettings()


def test_curves_are_listed_point_by_point() -> None:
    runs = AttributionRuns("x")
    runs.curves["saliency"] = TaskResult(
        "saliency", 2, 2, curve=((0.0, 0.9, 0.1), (1.0, 0.2, 0.8)), areas=(0.55, 0.45)
    )
    lines = curves_csv(runs).decode().splitlines()
    assert lines[1] == "saliency,0.0,0.9,0.1,0.55,0.45"
    assert len(lines) == 3


def test_the_card_shows_the_photo() -> None:
    made = card(picture_of("cat").pixels)
    assert made.dtype == np.uint8
    assert made.shape[2] == 3
    assert made.std() > 10
