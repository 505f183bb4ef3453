"""What the receptive-field screen sends, draws, gives away and prints as code."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from app import network_fields
from app.figures.convolution.receptive_field import (
    FieldView,
    card,
    field_block,
    field_view,
    live_block,
    measured,
    screen_words,
    settings_of,
)
from app.figures.convolution.receptive_field_code import pytorch_code
from app.figures.convolution.receptive_field_files import field_files
from app.figures.convolution.receptive_field_network import key_now, opened_key, prepared_input
from app.language import Words
from app.network_fields import FieldsUnknown, fields_of
from app.open_models import open_network
from app.own_networks import Reading, keep_network
from app.pictures import picture_of
from app.session_models import SESSION_MODELS
from app.wire import unpack
from cnn.convolution.field_settings import FIELDS, FieldSettings
from cnn.convolution.receptive_field import effective_receptive_field, receptive_fields
from cnn.models.registry import build_model, model_record, model_skeleton
from cnn.networks.transfer_model import backbones, build_backbone

MODULE = "receptive_field/receptive_field.js"
CASES: list[dict[str, Any]] = [
    {},
    {"weights": "random", "seed": 2, "layer": "stage1.1.conv2", "row": 0, "column": 39},
    {"net": "stack"},
    {"net": "stack", "weights": "average", "stack": "c3p1-m2-c5d2p1-t2s2-u2-a2", "relu": False},
    {"net": "lenet5", "weights": "random"},
    {"net": "random.resnet18.3", "layer": "layer1.1.conv2"},
    {"net": "unet-street", "layer": "downs.0.pool", "row": 2, "column": 3},
    {"net": "yolo-cells"},
]


def view_of(values: dict[str, Any], session: str = "") -> FieldView:
    settings = settings_of(values)
    key = opened_key(settings)
    opened = open_network(key, session, settings.net_as, bare=True) if key else None
    return field_view(picture_of(""), settings, opened)


@pytest.mark.parametrize("values", CASES, ids=str)
def test_R1_R2_code_gives_the_same_box_and_heat(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_of(values)
    network, unit = view.network, view.unit
    assert network is not None
    files = {name: make() for name, _, make, _ in field_files(view)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(pytorch_code(view), space)
    field = network.layers[unit[0]].field
    assert space["box"] == field.box(*unit[1:])
    found = measured(view)
    assert torch.allclose(space["heat"], found.heat, rtol=1e-5, atol=1e-9)
    stored = np.load(io.BytesIO(files["npz"]))
    assert np.array_equal(stored["heat"], found.heat.numpy())
    assert tuple(stored["box"]) == space["box"]
    shown = cv2.imdecode(np.frombuffer(files["view"], np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[0] / shown.shape[1] == view.image.shape[1] / view.image.shape[2]
    lines = files["csv"].decode().splitlines()
    assert len(lines) == len(network.layers) + 1
    assert lines[unit[0] + 1].startswith(network.layers[unit[0]].name + ",")


def test_R1_block_holds_the_networks_boxes(javascript: Callable[..., Any]) -> None:
    header, arrays = unpack(field_block(view_of({"net": "resnet18", "heat": False})))
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
    header, arrays = unpack(field_block(field_view(picture, settings, None)))
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
    "junk",
    [
        None,
        [],
        "x",
        {"net": 3, "stack": None},
        {"net": "stack", "stack": "c3-" * 99},
        {"net": "s-someone-els"},
    ],
)
def test_fault_C1_junk_over_the_socket_gives_a_block(junk: Any) -> None:
    header, _ = unpack(live_block({"settings": junk, "known": {"a": 1}}, lambda: picture_of("")))
    error = header.get("error", {})
    assert (
        "network" in header or error.get("code") in ("word", "count", "fit") or (error["en"] and error["ko"])
    )


def test_a_stack_that_does_not_fit_names_the_layer_in_words() -> None:
    view = view_of({"net": "stack", "stack": "c15-c15-c15-c15"})
    assert (pytorch_code(view), field_files(view)) == ("", [])
    header, _ = unpack(field_block(view))
    assert header["error"] == {"code": "fit", "layer": 4}
    for language in ("en", "ko"):
        words = Words(language, "convolution", "receptive_field")
        assert "4" in words(f"error_{header['error']['code']}", layer=4)


def test_every_preset_has_a_name() -> None:
    words = Words("en", "convolution", "receptive_field")
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


def test_links_from_before_the_picker_open_what_they_named() -> None:
    assert settings_of({}).net == settings_of({"net": "imagenette_resnet"}).net == "imagenette-resnet"
    assert key_now("lenet5", "trained", 0) == "lenet5-mnist"
    assert key_now("lenet5", "random", 7) == "random.lenet5.7"
    assert key_now("resnet18", "trained", 0) == "random.resnet18.0"
    for key in ("stack", "random.resnet18.0", "resnet50/IMAGENET1K_V2", "s-abcdefghijk", "u-" + "a" * 22):
        assert key_now(key, "random", 3) == key
    view = view_of({"net": "lenet5", "weights": "random", "seed": 2})
    seeded = unpack(field_block(view))[0]["network"]
    assert (seeded["drawn"], seeded["seed"]) == ("random", 2)
    again = effective_receptive_field(
        build_model("lenet5", seed=2), prepared_input(view.image, view.opened), "c3", 5, 5
    )
    assert torch.equal(measured(view_of({"net": "lenet5", "weights": "random", "seed": 2, "layer": "c3", "row": 5,
                                         "column": 5})).heat, again)  # fmt: skip


@pytest.mark.parametrize("name", ["vgg19", "regnet_y_128gf", "vit_h_14"])
def test_R1_the_largest_networks_are_shown_without_their_weights(name: str) -> None:
    view = view_of({"net": f"random.{name}.0"})
    assert view.network is not None
    fields = receptive_fields(model_skeleton(name), model_record(name).input_shape)
    for layer in view.network.layers[:12]:
        assert layer.field.size == fields[layer.name].size
    header, arrays = unpack(field_block(view))
    assert not header["network"]["choices"]
    assert "heat" not in header
    assert "heat" not in arrays
    assert "build_model" not in pytorch_code(view)
    assert field_files(view)[-1][0] == "csv"


def test_R2_boxes_come_first_where_measuring_takes_long() -> None:
    view = view_of({"net": "random.resnet18.5", "layer": "layer1.0.conv1"})
    header, arrays = unpack(field_block(view, later=True))
    assert header["heat_later"]
    assert "heat" not in arrays
    unpack(field_block(view))
    header, arrays = unpack(field_block(view, later=True))
    assert "heat_later" not in header
    assert float(arrays["heat"].sum()) == pytest.approx(float(measured(view).heat.sum()))


def test_R1_a_network_trained_in_this_session_is_shown_to_nobody_else() -> None:
    backbone = backbones()[0]
    model = build_backbone(backbone)
    key = SESSION_MODELS.add("field-session", "head", backbone, backbone.categories, model.state_dict()).key
    view = view_of({"net": key}, "field-session")
    assert view.network is not None
    fields = receptive_fields(model, view.image.shape)
    assert view.network.layers[-1].field.size == fields[view.network.layers[-1].name].size
    answer, _ = unpack(live_block({"settings": {"net": key}, "session": "another"}, lambda: picture_of("")))
    assert "network" not in answer
    assert answer["error"]["en"]


def test_R1_own_weights_have_the_fields_of_their_architecture() -> None:
    from safetensors.torch import save

    data = save({name: t.contiguous() for name, t in build_model("tiny_vgg", seed=1).state_dict().items()})
    reading = Reading("tiny_vgg")
    key = keep_network(data, "field-session", reading)
    view = view_of({"net": key, "net_as": reading.text()}, "field-session")
    header, _ = unpack(field_block(view))
    assert header["network"]["drawn"] == "given"
    same = view_of({"net": "tiny-vgg"})
    assert view.network is not None
    assert same.network is not None
    assert [(f.name, f.field.size) for f in view.network.layers] == [
        (f.name, f.field.size) for f in same.network.layers
    ]


def test_R1_R2_an_onnx_network_has_its_fields_by_hand() -> None:
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(random.normal(size=(4, channels, k, k)).astype(np.float32), name)
        for name, channels, k in (("w1", 3, 3), ("w2", 4, 5))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="/stem/Conv", dilations=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["a", "w2"], ["b"], name="/body/Conv"),
        helper.make_node("GlobalAveragePool", ["b"], ["g"]),
        helper.make_node("Flatten", ["g"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "own", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 40, 40])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])], weights,
    )  # fmt: skip
    data = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    view = view_of({"net": keep_network(data, "field-session", Reading())}, "field-session")
    assert view.network is not None
    first, second = (layer for layer in view.network.layers if layer.kind == "Conv2d")
    assert (first.field.size, first.field.jump) == ((5, 5), 2)
    assert (second.field.size, second.field.jump) == ((13, 13), 2)
    for layer in view.network.layers:
        again = view_of({"net": view.settings.net, "layer": layer.name}, "field-session")
        assert again.unit[0] == view.network.layers.index(layer), "its name goes through the address bar"
    found = measured(view_of({"net": view.settings.net, "layer": second.name}, "field-session"))
    assert found.inside == pytest.approx(1.0)
    assert int((found.heat > 0).sum()) == 7 * 7, "stride and dilation leave every second pixel out"


def test_a_network_that_no_rule_holds_for_says_so() -> None:
    class Wilful(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if float(x.sum()) == 1.0:
                return x
            x[:, 0] = 3.0
            raise RuntimeError("never")

    opened = replace(open_network("tiny-vgg", ""), key="u-" + "w" * 22, origin="own", model=Wilful())
    with pytest.raises(FieldsUnknown):
        fields_of(opened)
    view = field_view(picture_of(""), settings_of({"net": opened.key}), opened)
    assert view.network is None
    header, arrays = unpack(field_block(view))
    assert header["error"]["code"] == "unknown"
    assert "cannot be found" in header["error"]["en"]
    assert header["error"]["ko"]
    assert set(arrays) == {"image"}
    assert pytorch_code(view) == ""


def test_the_rule_is_given_up_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_fields, "MOST_SECONDS", 0.0)
    opened = replace(
        open_network("random.densenet121.0", "", bare=True), key="random.slow.0", architecture="slow"
    )
    for _ in range(2):
        with pytest.raises(FieldsUnknown):
            fields_of(opened)
