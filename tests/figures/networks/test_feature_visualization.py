"""What the feature-visualisation screen sends, keeps and writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.feature_runs import FeatureRuns
from app.figures.networks import feature_visualization_scan as scan_module
from app.figures.networks.feature_visualization import card, feature_block
from app.figures.networks.feature_visualization_files import feature_files, patches_csv, pytorch_code
from app.figures.networks.feature_visualization_scan import FeatureSettings
from app.figures.networks.feature_visualization_view import FeatureView, feature_view
from app.open_models import OpenNetwork, open_network
from app.pictures import picture_of
from app.wire import unpack
from cnn.attribution.feature_visualization import OUTPUT, Objective
from cnn.networks.layers import feature_maps

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine waits for the scan rather than handing it to a job."""
    monkeypatch.setattr(scan_module, "PATIENCE", 120.0)


@pytest.fixture(scope="module")
def network() -> OpenNetwork:
    return open_network("tiny-vgg", "")


def look(network: OpenNetwork, **values: Any) -> FeatureView:
    settings = FeatureSettings.from_mapping(values)
    found = feature_view(network, picture_of(""), settings, FeatureRuns(), "", "en")
    assert found is not None
    return found


def test_M12_patches_print_the_activation_of_the_unit_they_show(network: OpenNetwork) -> None:
    view = look(network, channel=3)
    words = {"words": {"language": "en"}}
    header, arrays = unpack(feature_block(words, network, picture_of(""), view, known=()))
    assert header["channel"] == 3
    assert len(header["patches"]) == 9
    values = [patch["value"] for patch in header["patches"]]
    assert values == sorted(values, reverse=True)
    for patch in header["patches"][:3]:
        pixels = view.pictures.pictures[patch["picture"]]
        batch = (pixels.float() / 255 - 0.5) / 0.25
        maps = feature_maps(network.model, batch, [view.layer])[view.layer][0]
        row, column = patch["unit"]
        assert float(maps[3, row, column]) == pytest.approx(patch["value"], abs=1e-4)
        assert float(maps[3].max()) == pytest.approx(patch["value"], abs=1e-4)
        assert tuple(patch["box"]) == view.network.layers[view.layer].field.box(row, column)
    assert np.array_equal(arrays["own"], network.prepared(picture_of("").pixels).cropped.numpy())
    own = feature_maps(network.model, network.prepared(picture_of("").pixels).batch, [view.layer])[
        view.layer
    ][0, 3]
    torch.testing.assert_close(torch.from_numpy(arrays["map"].copy()), own, rtol=1e-4, atol=1e-5)
    assert header["own"]["value"] == pytest.approx(float(own.max()), abs=1e-4)
    ids = [header[name]["id"] for name in ("layers", "own", "sheet", "atlas")]
    again, left = unpack(feature_block(words, network, picture_of(""), view, known=ids))
    assert set(left) == {"peaks"}
    assert "url" not in again["sheet"]
    assert "url" not in again["atlas"]


def test_classes_are_the_channels_of_the_answer(network: OpenNetwork) -> None:
    view = look(network, classes=True, channel=2)
    assert view.layer == OUTPUT
    assert view.objective == Objective(OUTPUT, 2)
    best = view.scan.strongest(2, 1)[0]
    with torch.no_grad():
        logits = network.model((view.pictures.pictures.float() / 255 - 0.5) / 0.25)
    assert best.picture == int(logits[:, 2].argmax())
    assert view.box(0, 0) == (0, 0, 64, 64)


def test_the_channel_that_is_not_named_is_the_pictures_own(network: OpenNetwork) -> None:
    view = look(network)
    share = view.maps.flatten(1).max(dim=1).values / view.peaks.clamp(
        min=float(view.peaks.abs().mean()) + 1e-6
    )
    assert view.channel == int(share.argmax())
    assert look(network, channel=99_999).channel == view.channel
    assert look(network, layer="no such layer").layer == view.network.default


def test_one_unit_is_the_middle_one(network: OpenNetwork) -> None:
    view = look(network, goal="unit", channel=1)
    rows, columns = view.network.layers[view.layer].field.grid
    assert view.objective == Objective(view.layer, 1, rows // 2, columns // 2)


def test_a_set_that_is_gone_gives_way_to_the_photos(network: OpenNetwork) -> None:
    view = look(network, data="u-" + "a" * 22)
    assert view.notice == "data_gone"
    assert view.settings.data == "photos"


def test_the_code_gives_the_same_picture(network: OpenNetwork, tmp_path: Path) -> None:
    view = look(network, channel=3, steps=16)
    code = pytorch_code(network, view)
    (tmp_path / "code.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "code.py"], cwd=tmp_path, check=True, capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    measured, plain = (float(line) for line in done.stdout.split())
    assert measured == pytest.approx(plain, abs=1e-4)
    assert measured > 0


def test_downloads(network: OpenNetwork) -> None:
    view = look(network, channel=3)
    lines = patches_csv(view).decode().splitlines()
    assert len(lines) == 1 + min(50, len(view.pictures.pictures))
    assert float(lines[1].rsplit(",", 1)[1]) == pytest.approx(view.scan.strongest(3, 1)[0].value)
    assert [name for name, *_ in feature_files(view)] == ["patches", "peaks"]


@pytest.mark.parametrize(
    "junk",
    [
        {"goal": "x"},
        {"rate": float("nan")},
        {"steps": "9"},
        {"parametrisation": 3},
        {"data": "../x"},
        {"channel": -9},
    ],
)
def test_fault_C1_junk_from_the_browser_becomes_valid(junk: dict[str, object]) -> None:
    settings = FeatureSettings.from_mapping(junk)
    assert settings == FeatureSettings()
    assert settings.optimiser.steps == 192


def test_the_card_shows_patches() -> None:
    made = card(picture_of("temple").pixels)
    assert made.shape == (288, 384, 3)
    assert made.std() > 10
