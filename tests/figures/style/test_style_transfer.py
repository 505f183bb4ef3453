"""What /style_transfer sends: a run's news once each, Grams, files; and its code, run, gives the same numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from app import state
from app.figures.style.first_look import first_look
from app.figures.style.style_transfer import card, live_block, memory, studio_block
from app.figures.style.style_transfer_choices import choices_of, own_values
from app.figures.style.style_transfer_files import inputs_npz, pytorch_code, run_files
from app.pictures import CurrentPicture, picture_of
from app.style_runs import LAYERS, RUNS, TRANSFER, StyleRun
from app.wire import unpack
from cnn.images.gallery import picture
from cnn.style.errors import StyleError
from cnn.style.grams import gram_comparison

SMALL: dict[str, Any] = {"size": 96, "steps": 20, "coarse": False}


def choices(**values: Any):
    return choices_of(own_values({**SMALL, **values}), picture_of(""), "en", "")


def started(chosen, what: str = TRANSFER) -> StyleRun:
    arguments = chosen.arguments("cpu")
    if what == LAYERS:
        arguments = {"network": arguments["network"], "size": 48, "device": "cpu"}
    return RUNS.start(
        what, chosen.inputs, chosen.content(), chosen.style_pictures(), arguments,
        steps=chosen.values["steps"] if what == TRANSFER else 2, session="", told=chosen.steered,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run() -> StyleRun:
    begun = started(choices())
    assert begun.job.wait(120) == "finished"
    begun.collect()
    return begun


def news(run: StyleRun, name: str = "run", **asked: Any) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    header, arrays = unpack(live_block({name: run.key, **asked}, lambda: picture_of("")))
    return header, arrays


def test_every_step_comes_once_with_its_picture(run: StyleRun) -> None:
    header, arrays = news(run, after_run=0)
    assert [row["step"] for row in header["run"]["rows"]] == list(range(1, 21))
    assert header["run"]["frames"] == list(range(1, 21))
    assert header["run"]["state"] == "finished"
    shown = cv2.imdecode(arrays["frame20"], cv2.IMREAD_COLOR)[:, :, ::-1]
    assert run.newest is not None
    exact = run.newest.image.permute(1, 2, 0).numpy().astype(int)
    assert np.abs(shown.astype(int) - exact).mean() < 8
    header, arrays = news(run, after_run=18)
    assert [row["step"] for row in header["run"]["rows"]] == [19, 20]
    assert set(arrays) == {"frame19", "frame20"}


def test_T1_the_sum_is_made_of_its_parts(run: StyleRun) -> None:
    for row in run.rows:
        alpha, beta, gamma = row["weights"]
        total = alpha * row["content"] + beta * row["style"] + gamma * row["variation"]
        assert row["loss"] == pytest.approx(total, rel=1e-3)
    assert run.rows[-1]["loss"] < run.rows[0]["loss"]


def test_nobody_is_given_a_run_without_its_key(run: StyleRun) -> None:
    for key in ("", "x" * 16, run.key[:-1]):
        header, arrays = unpack(live_block({"run": key, "after_run": "junk"}, lambda: picture_of("")))
        assert "run" not in header
        assert not arrays


def test_T1_grams_on_screen_are_those_of_the_newest_picture(run: StyleRun) -> None:
    asked = {"gram": {"layer": "stage1.0", "step": 20, "name": "n"}, "settings": SMALL}
    header, arrays = news(run, after_run=20, **asked)
    assert run.newest is not None
    expected = gram_comparison(run.newest.image, run.content, run.styles, layer="stage1.0")
    assert header["gram"]["loss"] == pytest.approx(expected.loss, rel=1e-5)
    np.testing.assert_allclose(arrays["own"], expected.own.numpy(), rtol=1e-5)
    channels, positions = header["gram"]["channels"], header["gram"]["positions"]
    by_formula = ((arrays["aim"] - arrays["own"]).astype(float) ** 2).sum() / (2 * positions * channels) ** 2
    assert header["gram"]["loss"] == pytest.approx(by_formula, rel=1e-3)


def test_grams_before_any_run_and_of_junk() -> None:
    asked = {"gram": {"layer": "no layer", "step": "x"}, "settings": {"size": "nan", "styles": "<b>"}}
    header, arrays = unpack(live_block(asked, lambda: picture_of("")))
    assert header["gram"]["layer"] == "stem"
    assert arrays["aim"].shape == arrays["own"].shape == (32, 32)


def test_weights_are_taken_on_while_it_runs() -> None:
    begun = started(choices(steps=500, size=128))
    begun.job.wait_record(timeout=90)
    begun.steer({**choices().steered, "alpha": 3.0})
    for _ in range(100):
        begun.job.wait_record(begun.job.index, 5)
        begun.collect()
        if begun.rows[-1]["weights"][0] == 3.0:
            break
    begun.act("stop")
    assert begun.rows[0]["weights"][0] == 1.0
    assert begun.rows[-1]["weights"][0] == 3.0


def test_files_hold_the_run(run: StyleRun) -> None:
    files = {name: make for name, _, make, _ in run_files(choices(), {TRANSFER: run})}
    assert set(files) == {"png", "mp4", "gif", "csv", "npz"}
    assert run.newest is not None
    png = np.asarray(Image.open(io.BytesIO(files["png"]())))
    np.testing.assert_array_equal(png, run.newest.image.permute(1, 2, 0).numpy())
    rows = list(csv.DictReader(io.StringIO(files["csv"]().decode())))
    assert len(rows) == 20
    assert float(rows[-1]["style stem"]) == run.rows[-1]["style_layers"]["stem"]
    assert Image.open(io.BytesIO(files["gif"]())).n_frames > 5
    assert files["mp4"]()[4:8] == b"ftyp"


def executed(chosen, runs: Mapping[str, StyleRun], folder, monkeypatch) -> tuple[dict[str, Any], list[str]]:
    """Run the shown code where its download lies; return its names and what it printed."""
    run = runs.get(TRANSFER)
    (folder / "style_transfer.npz").write_bytes(inputs_npz(chosen, run))
    monkeypatch.chdir(folder)
    printed: list[str] = []
    names: dict[str, Any] = {"print": lambda *parts: printed.append(" ".join(map(str, parts)))}
    exec(compile(pytorch_code(chosen, runs), "code", "exec"), names)
    return names, printed


def test_T1_the_code_gives_the_numbers_of_the_screen(run: StyleRun, tmp_path, monkeypatch) -> None:
    names, printed = executed(choices(), {TRANSFER: run}, tmp_path, monkeypatch)
    assert run.newest is not None
    for layer, loss in names["style"].items():
        shown = gram_comparison(run.newest.image, run.content, run.styles, layer=layer).loss
        assert loss.item() == pytest.approx(shown, rel=1e-3)
        assert loss.item() == pytest.approx(run.rows[-1]["style_layers"][layer], rel=0.1)  # uint8 is coarser
    (content,) = names["content"].values()
    assert content.item() == pytest.approx(run.rows[-1]["content"], rel=0.05)
    assert len(printed) == 1 + 1 + 5 + 10
    assert float(printed[-1].split()[1]) < float(printed[0].split()[1])


@pytest.mark.parametrize(
    "values",
    [
        {"net": "random-vgg19", "styles": "painting_scream~1,dahlia~0.5", "pooling": "average", "size": 64},
        {"colour": "luminance", "alpha": 0, "layers": "stem~1,stage1.0~0,stage2.2~0.5"},
    ],
    ids=["vgg", "luminance"],
)
def test_the_code_stands_for_other_settings(values: dict[str, Any], tmp_path, monkeypatch) -> None:
    chosen = choices(**{"size": 96, **values})
    names, _ = executed(chosen, {}, tmp_path, monkeypatch)
    arguments = {
        name: value for name, value in chosen.arguments("cpu").items()
        if name in ("network", "style_shares", "colour", "style_scale", "pooling")
    }  # fmt: skip
    assert set(names["style"]) == {name for name, weight in chosen.style_layers.items() if weight > 0}
    for layer, loss in names["style"].items():
        styles = chosen.style_pictures()
        shares = arguments["style_shares"]
        expected = sum(
            share / sum(shares) * gram_comparison(
                chosen.content(), chosen.content(), [style], layer=layer, **{**arguments, "style_shares": None}
            ).loss
            for share, style in zip(shares, styles, strict=True)
        )  # fmt: skip
        assert loss.item() == pytest.approx(expected, rel=2e-3)


def test_what_each_layer_keeps_comes_as_cells() -> None:
    begun = started(choices(), LAYERS)
    assert begun.job.wait(120) == "finished"
    header, arrays = news(begun, "layers", after_layers=0)
    assert len(header["layers"]["cells"]) == 10
    assert {"cell content stem", "cell style stage2.2"} < set(arrays)
    last = max(cell["step"] for cell in header["layers"]["cells"])
    assert last == 20
    assert not news(begun, "layers", after_layers=last)[0]["layers"]["cells"]
    (name, _, make, _) = run_files(choices(), {LAYERS: begun})[0]
    assert name == "layers"
    assert Image.open(io.BytesIO(make())).size[0] > 5 * 48


def test_first_look_says_what_it_is() -> None:
    _, kind, jpeg, seconds = first_look(choices())
    assert kind == "pass"
    assert seconds > 0
    assert Image.open(io.BytesIO(jpeg)).size[0] == 448
    _, kind, jpeg, _ = first_look(choices(styles="dahlia~1"))
    assert kind == "colours"
    made = np.asarray(Image.open(io.BytesIO(jpeg))).reshape(-1, 3).mean(0)
    wanted = picture("dahlia").float().mean((1, 2)).numpy()
    before = picture("temple").float().mean((1, 2)).numpy()
    assert (
        np.abs(made - wanted).max() < 0.3 * np.abs(before - wanted).max()
    )  # what is cut to 0..255 is missing


def test_memory_is_said_beforehand_and_grows_with_the_size() -> None:
    small, large = memory(choices(size=96), "cpu"), memory(choices(size=1024, coarse=True), "cpu")
    assert small["fits"]
    assert small["levels"] == [[64, 96]]
    assert len(large["levels"]) > 2
    assert large["levels"][-1][1] == 1024
    assert small["largest"] >= 1024


@pytest.mark.parametrize(("net", "deep"), [("imagenette-resnet", "stage2.2"), ("random-vgg19", "relu3_1")])
def test_fault_A6_a_strip_is_met_with_a_sentence(net: str, deep: str) -> None:
    strip = CurrentPicture("strip", torch.full((3, 900, 2), 90, dtype=torch.uint8), "strip", "strip", "photo")
    chosen = choices_of(own_values({**SMALL, "net": net}), strip, "en", "")
    block, _ = unpack(
        studio_block(chosen, {}, uploads=(), known=(), device="cpu", header={"words": {"language": "ko"}})
    )
    assert "96" in block["memory"]["said"]["en"]
    assert "npz" not in [name for name, *_ in run_files(chosen, {})]
    assert "content_layers" in pytorch_code(chosen, {})
    with pytest.raises(StyleError) as refused:
        live_block({"gram": {"layer": deep}, "settings": {**SMALL, "net": net}}, lambda: strip)
    assert refused.value.code == "too_small"


@pytest.mark.parametrize("values", [{"alpha": 0, "strength": 0}, {"alpha": 0, "layers": ",".join(f"{n}~0" for n in (
    "stem", "stage1.0", "stage1.1", "stage2.0", "stage2.2"))}])  # fmt: skip
def test_weights_of_nothing_are_met_with_a_sentence(values: dict[str, Any]) -> None:
    assert "Nothing to optimise" in memory(choices(**values), "cpu")["said"]["en"]


def test_parts_that_the_browser_has_are_left_out() -> None:
    header = {"words": {"language": "en"}}
    common: dict[str, Any] = {"uploads": (), "device": "cpu", "header": header}
    block, arrays = unpack(studio_block(choices(), {}, known=(), **common))
    assert block["gallery"]["cards"][0]["kind"] == "painting"
    known = (block["gallery"]["id"], block["picture"]["id"], block["first"]["id"])
    again, fewer = unpack(studio_block(choices(), {}, known=known, **common))
    assert "first" in arrays
    assert not fewer
    assert "cards" not in again["gallery"]
    assert "url" not in again["picture"]


def test_settings_from_a_browser_are_read_by_the_one_table() -> None:
    junk = own_values(
        {"size": "1e9", "steps": None, "styles": "../../etc", "alpha": float("nan"), "coarse": False}
    )
    assert junk["size"] == 1024
    assert junk["styles"] == "painting_starry_night~1"
    assert junk["alpha"] == 1
    assert junk["coarse"] is False
    assert set(junk) == {parameter.name for parameter in state.SCREENS["style_transfer"]}
    kept = choices_of(own_values({"styles": "painting_scream~0"}), picture_of(""), "en", "")
    assert [style.key for style, _ in kept.styles] == ["painting_starry_night"]


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 200, 64), (3, 64, 320)])
def test_card_is_a_picture(shape: tuple[int, int, int]) -> None:
    made = card(torch.randint(0, 256, shape, dtype=torch.uint8))
    assert made.dtype == np.uint8
    assert made.shape[2] == 3
    assert max(made.shape) == 320
