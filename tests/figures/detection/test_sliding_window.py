"""What the sliding-window screen sends, prints as code and gives away; the browser's comparison against the package's."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.figures.detection.sliding_window import (
    MOST_SCALED,
    PictureTooLong,
    all_crops,
    card,
    crops_of,
    live_block,
    slide_of,
    window_block,
)
from app.figures.detection.sliding_window_files import pytorch_code, window_files
from app.pictures import CurrentPicture, picture_of
from app.wire import unpack
from cnn.detection.convolutional import as_convolutional, conversions
from cnn.detection.sliding_window import crop_rows, one_pass, sliding_windows
from cnn.detection.window_settings import MODELS, WindowSettings
from cnn.models.lenet5 import LeNet5
from cnn.models.tiny_vgg import TinyVGG
from tests.pages.test_pages import run_page

JavaScript = Callable[..., Any]


@pytest.mark.parametrize(
    ("picture", "values"),
    [
        ("text", {"model": "lenet5-mnist", "window": 40}),
        ("temple", {"model": "tiny-vgg", "window": 60, "stride": 1}),
        ("camera", {"model": "fashion-cnn", "window": 70}),
    ],
)
def test_O3_code_gives_both_scores(
    picture: str, values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slide = slide_of(picture_of(picture), WindowSettings.from_mapping(values))
    files = {name: make() for name, _, make, _ in window_files(slide)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(slide), space)
    found, crops = space["found"], all_crops(slide)
    torch.testing.assert_close(found.convolutional_scores, slide.once.scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.crop_scores, crops, atol=1e-4, rtol=1e-4)
    assert found.convolutional_multiply_adds == slide.once.multiply_adds
    assert found.crop_multiply_adds == slide.once.crop_multiply_adds * slide.grid[0] * slide.grid[1]
    assert found.same == (values["model"] == "lenet5-mnist")
    stored = np.load(io.BytesIO(files["npz"]))
    assert np.array_equal(stored["crop_scores"], crops.numpy())
    lines = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    assert len(lines) == slide.grid[0] * slide.grid[1]
    assert float(lines[-1]["x2"]) <= slide.picture.pixels.shape[2] + 1


def test_O3_rows_of_crops_are_the_whole_table_piece_by_piece() -> None:
    model, picture = LeNet5().eval(), torch.randn(1, 60, 75, generator=torch.Generator().manual_seed(0))
    whole = sliding_windows(model, picture, window=32, stride=8)
    rows = [crop_rows(model, picture, window=32, stride=8, rows=(row, row + 1))[0] for row in range(4)]
    torch.testing.assert_close(torch.cat(rows, 1), whole.crop_scores)
    torch.testing.assert_close(
        one_pass(model, picture, window=32, stride=8).scores, whole.convolutional_scores
    )
    for rows_wanted in ((0, 0), (3, 5), (-1, 1)):
        with pytest.raises(ValueError, match="rows"):
            crop_rows(model, picture, window=32, stride=8, rows=rows_wanted)


def test_O3_the_layers_that_were_replaced_are_named() -> None:
    model = TinyVGG().eval()
    found = conversions(model, as_convolutional(model, (3, 64, 64)))
    assert [layer.name for layer in found] == ["pool", "head"]
    assert found[1].was.startswith("Linear")
    assert found[1].became.startswith("Conv2d")


def test_O3_the_browser_compares_as_the_package_does(javascript: JavaScript) -> None:
    for picture, model in (("text", "lenet5-mnist"), ("temple", "tiny-vgg")):
        slide = slide_of(picture_of(picture), WindowSettings(model=model, window=50))
        crops, once = all_crops(slide), slide.once.scores
        expression = """(() => { const c = new Comparison("x", Float32Array.from(argument.once), argument.classes, argument.grid);
          const before = c.verdict(); argument.rows.forEach((row, r) => c.addRow(r, Float32Array.from(row), 0.5));
          const label = c.strongestClass; return { before, complete: c.complete, seconds: c.seconds, verdict: c.verdict(), label,
            window: c.strongestWindow(label), heat: c.onceHeat.map((h) => Array.from(h)), crop: c.cropHeat.map((h) => Array.from(h)) }; })()"""
        sent = {
            "once": once.flatten().tolist(),
            "classes": len(once),
            "grid": slide.grid,
            "rows": [crops[:, row].flatten().tolist() for row in range(slide.grid[0])],
        }
        found = javascript("sliding_window/comparison.js", expression, sent)
        difference = float((crops - once).abs().max())
        assert found["before"]["difference"] == 0
        assert found["complete"]
        assert found["seconds"] == pytest.approx(0.5 * slide.grid[0])
        assert found["verdict"]["difference"] == pytest.approx(difference, rel=1e-4)
        assert found["verdict"]["same"] == (model == "lenet5-mnist")
        assert found["verdict"]["agree"] == pytest.approx(
            float((crops.argmax(0) == once.argmax(0)).float().mean())
        )
        heat = once.softmax(0).flatten(1)
        torch.testing.assert_close(torch.tensor(found["heat"]).T, heat, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            torch.tensor(found["crop"]).T, crops.softmax(0).flatten(1), atol=1e-5, rtol=1e-4
        )
        assert found["label"] == int(heat.amax(1).argmax())
        assert found["window"] == int(heat[found["label"]].argmax())


def test_O3_one_pass_costs_less_on_the_default_screen() -> None:
    slide = slide_of(picture_of(""), WindowSettings())
    assert slide.once.multiply_adds * 4 < slide.once.crop_multiply_adds * slide.grid[0] * slide.grid[1]
    heat = slide.once.scores.softmax(0).flatten(1).amax(1)
    assert slide.record.categories[int(heat.argmax())] == "church"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("size", [(1, 1), (6, 6), (40, 2000)])
def test_fault_A6_any_picture_and_setting_has_a_bounded_answer(model: str, size: tuple[int, int]) -> None:
    picture = picture_of("matrix", ";".join([",".join(["7"] * min(size[1], 60))] * size[0]))
    slide = slide_of(picture, WindowSettings(model=model, window=10, stride=1))
    side = max(slide.once.window)
    assert slide.once.boxes[..., 2:].amax() * slide.once.boxes[..., 3].amax() <= 1.3 * max(
        MOST_SCALED, side**2 * 60
    )
    header, arrays = unpack(window_block(slide, WindowSettings(model=model)))
    assert np.isfinite(arrays["scores"]).all()
    assert header["pass"]["percent"] >= header["pass"]["least"]


def test_fault_A6_a_picture_too_long_to_slide_over_is_named() -> None:
    long = CurrentPicture("u-long", torch.zeros(3, 2, 3000, dtype=torch.uint8), "long", "long", "photo")
    with pytest.raises(PictureTooLong, match="1:12") as caught:
        slide_of(long, WindowSettings())
    assert all(caught.value.sentence(language) for language in ("en", "ko"))
    page = run_page("sliding_window", pic="matrix", m=",".join("1" * 30), lang="en")
    assert not page.exception
    assert [warning.value for warning in page.warning] == [caught.value.sentence("en")]
    assert any("From a classifier" in block.value for block in page.markdown)


def test_live_gives_rows_of_crops_and_meets_junk() -> None:
    asked = {"settings": {"model": "tiny-vgg"}, "row": 1}
    header, arrays = unpack(live_block(asked, lambda: picture_of("")))
    slide = slide_of(picture_of(""), WindowSettings(model="tiny-vgg"))
    assert header["crops"]["pass"] == slide.id
    assert np.array_equal(arrays["crop_scores"], crops_of(slide, 1)[0][:, 0].numpy())
    for junk in ({"row": 99}, {"row": "a"}, {"settings": 7}, {"settings": {"stride": None}, "known": [3]}):
        header, _ = unpack(live_block({"settings": {"model": "tiny-vgg"}, **junk}, lambda: picture_of("")))
        assert "crops" not in header
    _, arrays = unpack(window_block(slide, WindowSettings(model="tiny-vgg"), header={"live": None}))
    assert np.array_equal(arrays["crop_scores"], all_crops(slide).numpy())


def test_card() -> None:
    shown = card(torch.randint(0, 256, (1, 80, 120), dtype=torch.uint8))
    assert shown.shape == (80, 120, 3)
    assert (shown[..., 0] != shown[..., 1]).any()
