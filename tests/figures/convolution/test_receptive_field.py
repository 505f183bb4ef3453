"""What the receptive-field screen sends, draws, gives away and prints as code."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from app.figures.convolution.receptive_field import (
    card,
    field_block,
    live_block,
    measured,
    pinned,
    screen_words,
    settings_of,
)
from app.figures.convolution.receptive_field_code import pytorch_code
from app.figures.convolution.receptive_field_files import field_files
from app.figures.convolution.receptive_field_network import (
    field_input,
    field_network,
    network_groups,
    weights_of,
)
from app.language import Words
from app.pictures import picture_of
from app.wire import unpack
from cnn.convolution.field_settings import FIELDS, FieldSettings
from cnn.convolution.receptive_field import receptive_fields
from cnn.models.registry import model_record, model_skeleton

MODULE = "receptive_field/receptive_field.js"
CASES: list[dict[str, Any]] = [
    {},
    {"weights": "random", "seed": 2, "layer": "stage1.1.conv2", "row": 0, "column": 39},
    {"net": "stack"},
    {"net": "stack", "weights": "average", "stack": "c3p1-m2-c5d2p1-t2s2-u2-a2", "relu": False},
    {"net": "lenet5", "weights": "random"},
]


@pytest.mark.parametrize("values", CASES, ids=str)
def test_R1_R2_code_gives_the_same_box_and_heat(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, settings = picture_of(""), settings_of(values)
    image = field_input(picture, settings)
    network = field_network(settings, image)
    weights, unit = weights_of(settings, network), pinned(settings, network)
    files = {name: make() for name, _, make, _ in field_files(picture, settings, network, weights, unit)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(settings, network, weights, unit, image.shape[0]), space)
    field = network.layers[unit[0]].field
    assert space["box"] == field.box(*unit[1:])
    found = measured(picture, settings, network, weights, unit)
    assert torch.allclose(space["heat"], found.heat, rtol=1e-5, atol=1e-9)
    stored = np.load(io.BytesIO(files["npz"]))
    assert np.array_equal(stored["heat"], found.heat.numpy())
    assert tuple(stored["box"]) == space["box"]
    shown = cv2.imdecode(np.frombuffer(files["view"], np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[0] / shown.shape[1] == image.shape[1] / image.shape[2]
    lines = files["csv"].decode().splitlines()
    assert len(lines) == len(network.layers) + 1
    assert lines[unit[0] + 1].startswith(network.layers[unit[0]].name + ",")


def test_R1_block_holds_the_networks_boxes(javascript: Callable[..., Any]) -> None:
    settings = settings_of({"net": "resnet18", "heat": False})
    header, arrays = unpack(field_block(picture_of(""), settings))
    fields = receptive_fields(model_skeleton("resnet18"), model_record("resnet18").input_shape)
    layers, tables = header["network"]["layers"], arrays["tables"].tolist()
    asked = [(place, row, column) for place in range(0, len(layers), 9) for row, column in ((0, 0), (3, 5))
             if layers[place]["grid"][0] > 3 and layers[place]["grid"][1] > 5]  # fmt: skip
    expression = """(() => { const g = new FieldGeometry(argument.layers, argument.tables);
      return { boxes: argument.asked.map(([p, r, c]) => g.box(p, r, c)),
               units: argument.layers.map((l, p) => g.units(p, 100, 41)),
               nested: g.nested(argument.asked.at(-1)[0], 3, 5) }; })()"""
    found = javascript(MODULE, expression, {"layers": layers, "tables": tables, "asked": asked})
    assert [tuple(box) for box in found["boxes"]] == [
        fields[layers[p]["name"]].box(r, c) for p, r, c in asked
    ]
    seeing = {name: box for name, box in fields.units(100, 41).items() if box != (0, 0, 0, 0)}
    shown = {layers[p]["name"]: tuple(box) for p, box in enumerate(found["units"]) if box}
    assert len(seeing) > 50
    assert {name: shown[name] for name in seeing} == seeing
    sides = [(x2 - x1, y2 - y1) for x1, y1, x2, y2 in found["nested"]]
    assert sides[-1] == fields[layers[asked[-1][0]]["name"]].size
    assert len(sides) > 4


def test_stacks_read_the_same_in_the_browser(javascript: Callable[..., Any]) -> None:
    texts = [*screen_words("en")["presets"].values(), "c5s2p1d3-t3s2p1-u3-m3s1p1-a2s1"]
    assert javascript(MODULE, "argument.map((text) => writeStack(readStack(text)))", texts) == texts


def test_what_the_browser_has_is_not_sent_again() -> None:
    picture, settings = picture_of(""), settings_of({"net": "stack"})
    header, arrays = unpack(field_block(picture, settings))
    assert set(arrays) == {"image", "tables", "heat"}
    ids = [header["picture"]["id"], header["network"]["id"], header["heat"]["id"]]
    again, left = unpack(
        live_block({"settings": settings.to_mapping(), "known": ids, "id": 7}, lambda: picture)
    )
    assert not left
    assert (again["id"], again["heat"]) == (7, header["heat"])
    moved, sent = unpack(
        live_block({"settings": {**settings.to_mapping(), "row": 1}, "known": ids}, lambda: picture)
    )
    assert set(sent) == {"heat"}
    assert moved["heat"]["row"] == 1


@pytest.mark.parametrize(
    "junk", [None, [], "x", {"net": 3, "stack": None}, {"net": "stack", "stack": "c3-" * 99}]
)
def test_fault_C1_junk_over_the_socket_gives_a_block(junk: Any) -> None:
    header, _ = unpack(live_block({"settings": junk, "known": {"a": 1}}, lambda: picture_of("")))
    assert "network" in header or header["error"]["code"] in ("word", "count", "fit")


def test_a_stack_that_does_not_fit_names_the_layer_in_words() -> None:
    header, _ = unpack(field_block(picture_of(""), settings_of({"net": "stack", "stack": "c15-c15-c15-c15"})))
    assert header["error"] == {"code": "fit", "layer": 4}
    for language in ("en", "ko"):
        words = Words(language, "convolution", "receptive_field")
        assert "4" in words(f"error_{header['error']['code']}", layer=4)


def test_every_family_and_preset_has_a_name() -> None:
    words = Words("en", "convolution", "receptive_field")
    assert all(words.has(f"family_{group}") for group, _ in network_groups("en"))
    assert all(words.has(f"preset_{name}") for name in screen_words("en")["presets"])
    assert json.dumps(screen_words("ko"))


def test_defaults_of_the_table_and_the_record_agree() -> None:
    assert {field.name: field.default for field in FIELDS} == FieldSettings().to_mapping()


@pytest.mark.parametrize("shape", [(3, 213, 320), (1, 64, 64), (3, 320, 200)])
def test_card(shape: tuple[int, ...]) -> None:
    drawn = card(torch.full(shape, 128, dtype=torch.uint8))
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 6
