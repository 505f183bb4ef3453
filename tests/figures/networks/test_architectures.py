"""What the architectures screen sends, draws, gives away and prints as code."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.figures.networks.architectures import architecture_block, card, live_block, screen_words
from app.figures.networks.architectures_files import screen_files
from app.figures.networks.architectures_runs import block_settings, run_of
from app.figures.networks.architectures_settings import (
    BLOCK_NAMES,
    FIELDS,
    NETWORKS,
    TABS,
    ArchitectureSettings,
)
from app.language import LANGUAGES, Words
from app.pictures import picture_of
from app.wire import unpack
from cnn.networks.blocks import BLOCKS
from cnn.networks.builder import KINDS, PRESETS, network_shapes, parsed_network

MODULE = "architectures/architectures.js"


def block_of(known: tuple[str, ...] = (), **values: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return unpack(architecture_block(picture_of(""), ArchitectureSettings.from_mapping(values), known=known))


@pytest.mark.parametrize(
    "values",
    [
        {
            "tab": "builder",
            "stack": "conv6k5s2-bn-relu-res8s2-sep12-inv12-inc16-max3s2p1-flat-fc10",
            "seed": 3,
        },
        {"tab": "networks", "net": "lenet5", "layer": "s4"},
        {"tab": "networks", "net": "alexnet", "layer": "c3"},
        {"tab": "blocks", "block": "projection", "factor": 0.5, "cin": 5},
        {"tab": "blocks", "block": "unet", "side": 48, "layer": "merge.1"},
    ],
    ids=str,
)
def test_code_gives_the_same_numbers(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ArchitectureSettings.from_mapping(values)
    code, files = screen_files(picture_of(""), settings)
    made = {name: make() for name, _, make, _ in files}
    (tmp_path / "input.png").write_bytes(made["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(code, space)
    shown = torch.from_numpy(np.load(io.BytesIO(made["npz"]))["maps"])
    torch.testing.assert_close(space["maps"], shown, rtol=1e-4, atol=1e-5)
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    run = run_of(picture_of(""), settings)
    assert [row["layer"] for row in rows] == [row.name for row in run.rows]
    assert made["maps"].startswith(b"\x89PNG")
    if settings.tab == "builder":
        assert "cnn" not in code
        assert sum(int(row["parameters"]) for row in rows) == sum(
            p.numel() for p in space["model"].parameters()
        )


def test_M4_depth_code_gives_the_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ArchitectureSettings(tab="depth", units=4, norm=True)
    code, files = screen_files(picture_of(""), settings)
    made = {name: make() for name, _, make, _ in files}
    (tmp_path / "input.png").write_bytes(made["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(code, space)
    header, _ = block_of(tab="depth", units=4, norm=True)
    assert header["depth"]["twins"]["layers"] == 16
    assert 0.5 < header["depth"]["twins"]["plain"] < header["depth"]["twins"]["residual"] < 1
    for kind, layers in space["signals"].items():
        shown = [[s.depth, s.signal, s.gradient] for s in layers]
        np.testing.assert_allclose(header["depth"]["curves"][kind], shown, rtol=1e-3)
    assert len(made["csv"].decode().splitlines()) == 1 + 2 * 10


def test_M8_scaling_code_gives_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = screen_files(picture_of(""), ArchitectureSettings(tab="scaling", phi=2.0))
    exec(code, {})
    header, _ = block_of(tab="scaling", phi=2.0)
    cost = [sum(s[name] for s in header["scaling"]["stages"]) for name in ("parameters", "multiply_adds")]
    assert capsys.readouterr().out.splitlines()[-1] == f"{cost[0]} {cost[1]}"
    assert header["scaling"]["family"][0] == {
        "name": "B0", "width": 1.0, "depth": 1.0, "side": 224, "parameters": 5288548, "multiply_adds": 385814752,
    }  # fmt: skip


def test_M4_zero_weights_are_told_to_be_the_identity() -> None:
    header, arrays = block_of(factor=0)
    assert header["table"]["facts"]["identical"] is True
    assert np.array_equal(arrays["maps"], arrays["before"])
    header, arrays = block_of(factor=0, shortcut=False)
    assert header["table"]["facts"] == {"largest": 0.0, "zeros": 1.0, "difference": pytest.approx(float(arrays["before"].max())), "identical": False}  # fmt: skip


def test_maps_are_the_tensors_numbers() -> None:
    header, arrays = block_of(tab="networks", net="lenet5", layer="c3")
    settings = ArchitectureSettings(tab="networks", net="lenet5")
    values = run_of(picture_of(""), settings).values["c3"]
    assert np.array_equal(arrays["maps"], values.numpy())
    assert header["maps"]["total"] == 16
    assert header["maps"]["limit"] == float(values.abs().max())
    assert header["table"]["weights"] == "trained"


def test_what_the_browser_has_is_not_sent_again() -> None:
    header, arrays = block_of()
    assert set(arrays) == {"picture", "thumbs", "maps", "before"}
    ids = (header["picture"]["id"], header["table"]["id"], header["maps"]["id"], header["before"]["id"])
    again, left = block_of(known=ids)
    assert not left
    assert "rows" not in again["table"]


def test_a_network_that_does_not_fit_names_its_layer() -> None:
    header, _ = block_of(tab="builder", stack="conv16-fc10")
    assert (header["error"]["code"], header["error"]["layer"]) == ("needs_vector", 2)
    assert [row["shape"] for row in header["table"]["rows"]] == [[3, 96, 96], [16, 96, 96]]
    assert screen_files(picture_of(""), ArchitectureSettings(tab="builder", stack="conv16-fc10")) == ("", ())


@pytest.mark.parametrize(
    "junk",
    [
        None,
        [],
        {"net": 3, "stack": None, "layer": 7, "cin": "x", "factor": float("nan")},
        {"tab": "builder", "stack": "conv-" * 400},
        {"tab": "builder", "stack": "<b>-conv9999999k0"},
        {"tab": "networks", "net": "../etc", "layer": "x" * 999},
        {"cin": 256, "cout": 256, "side": 160, "block": "xception"},
    ],
)
def test_fault_C1_junk_over_the_socket_gives_a_block(junk: Any) -> None:
    header, _ = unpack(live_block({"settings": junk, "known": {"a": 1}}, lambda: picture_of("")))
    assert "table" in header or header["error"]["code"] in ("word", "count", "range")


@pytest.mark.parametrize(
    "values", [{}, {"tab": "builder"}, {"tab": "depth", "units": 1}, {"tab": "networks"}]
)
@pytest.mark.parametrize("matrix", ["1", "1,2;3,4", "7,7,7"])
def test_fault_A6_any_picture(values: dict[str, Any], matrix: str) -> None:
    picture = picture_of("matrix", matrix)
    header, arrays = unpack(architecture_block(picture, ArchitectureSettings.from_mapping(values)))
    assert "error" not in header
    assert json.dumps(header, allow_nan=False)
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_the_builders_words_read_the_same_in_the_browser(javascript: Callable[..., Any]) -> None:
    texts = [*PRESETS.values(), "conv8k5s2p0d2g2-tconv4k3p1-max3s1p1-drop20-inv16t3s2-up3", "foo-conv"]
    kinds = screen_words("en")["kinds"]
    script = "argument.texts.map((t) => { const w = new BuilderWords(argument.kinds); return [w.write(w.read(t)), w.read(t).map((l) => l.numbers)]; })"
    found = javascript(MODULE, script, {"texts": texts, "kinds": kinds})
    assert [written for written, _ in found[:-1]] == texts[:-1]
    assert found[-1][0] == "foo-conv16"
    for text, (_, numbers) in zip(texts[:-1], found[:-1], strict=True):
        assert numbers == [layer.numbers for layer in parsed_network(text)]


def test_mosaics_fill_their_frame(javascript: Callable[..., Any]) -> None:
    script = "[mosaicGrid(16, 57, 57, 1), mosaicGrid(96, 56, 56, 1.5), mosaicGrid(10, 1, 1, 20), mosaicGrid(1, 9, 9, 2)]"
    assert javascript(MODULE, script) == [[4, 4], [12, 8], [10, 1], [1, 1]]


def test_powers_of_ten_are_written_plainly(javascript: Callable[..., Any]) -> None:
    assert javascript(MODULE, "[0, 1.5, 0.034, 31000, 2.46e-9].map(powerText)") == [
        "0", "1.5", "0.034", "3.1 · 10⁴", "2.5 · 10⁻⁹",
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_has_a_name(language: str) -> None:
    words = Words(language, "networks", "architectures")
    listed = [f"tab_{tab}" for tab in TABS]
    listed += [f"block_{name}" for name in BLOCK_NAMES] + [f"preset_{name}" for name in PRESETS]
    listed += [f"layer_{kind.name}" for kind in KINDS] + [f"group_{kind.group}" for kind in KINDS]
    codes = (
        "word",
        "count",
        "range",
        "needs_vector",
        "needs_maps",
        "groups",
        "pool_padding",
        "fit",
        "large",
        "heavy",
        "slow",
    )
    assert all(words.has(name) for name in [*listed, *(f"error_{code}" for code in codes)])
    kinds = {
        row.kind
        for name in ("lenet5", "alexnet")
        for row in run_of(picture_of(""), ArchitectureSettings(tab="networks", net=name)).rows
    }
    assert all(words.has(f"op_{kind}") for kind in kinds)
    assert len(screen_words(language)["networks"]) == len(NETWORKS)


def test_tables_and_records_agree() -> None:
    assert {field.name: field.default for field in FIELDS} == ArchitectureSettings().to_mapping()
    assert {block.name for block in BLOCKS} == set(BLOCK_NAMES)
    names = {field.name for field in fields(type(BLOCKS[0].usual))}
    assert all(set(block.uses) <= names for block in BLOCKS)
    assert block_settings(ArchitectureSettings(block="residual", cin=7)).out_channels == 7
    assert network_shapes(parsed_network(ArchitectureSettings().stack), (3, 96, 96))[-1] == (10,)


@pytest.mark.parametrize("shape", [(3, 213, 320), (1, 64, 64), (3, 320, 20)])
def test_card(shape: tuple[int, ...]) -> None:
    photo = torch.randint(0, 255, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    drawn = card(photo)
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 20
