"""The explorer's parts against PyTorch itself, on networks of every kind, and what a link or junk brings back."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from app.figures.networks.layer_explorer import card, explorer_block, live_block
from app.figures.networks.layer_explorer_code import pytorch_code
from app.figures.networks.layer_explorer_files import explorer_files
from app.figures.networks.layer_explorer_network import explored, explored_with, graph_of, values_of
from app.open_models import open_network
from app.own_networks import Reading, keep_network
from app.pictures import picture_of
from app.state import SCREENS, parsed, query_text
from app.wire import unpack
from cnn.hooks import captured, locked
from cnn.models.registry import build_model
from cnn.networks.graph import NetworkGraph

PARTS = ("picture", "graph", "fields", "ranges", "answer", "maps", "terms")


def block_of(session: str = "", **values: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    checked = values_of(values)
    return unpack(explorer_block(explored(checked, picture_of("temple"), session), checked, session))


@pytest.mark.parametrize(
    ("net", "layer"),
    [
        ("imagenette-resnet", ""), ("lenet5-mnist", ""), ("unet-street", ""), ("random.resnet50.0", "layer2.0.conv2"),
        ("random.googlenet.0", "inception3a.branch3.1.conv"), ("random.mobilenet_v2.0", ""), ("random.unet.0", ""),
    ],
)  # fmt: skip
def test_M1_maps_are_the_networks_own(net: str, layer: str) -> None:
    block, arrays = block_of(net=net, layer=layer)
    assert all(block[name]["sent"] for name in PARTS)
    network, shown = open_network(net, ""), block["shown"]
    batch = network.prepared(picture_of("temple").pixels).batch
    modules = dict(network.model.named_modules())
    if shown["layer"] in modules:
        with locked(network.model), torch.no_grad(), captured(network.model, [shown["layer"]]) as seen:
            network.model(batch)
        torch.testing.assert_close(
            torch.tensor(arrays["maps"]), seen[shown["layer"]][0], atol=1e-5, rtol=1e-5
        )
    names = [node["name"] for node in block["graph"]["nodes"]]
    assert shown["layer"] in names
    assert len(arrays["ranges"]) == len(names)
    assert block["graph"]["parameters"] == sum(p.numel() for p in network.model.parameters())
    assert {field["name"] for field in block["fields"]["layers"]} & set(names)


@pytest.mark.parametrize(
    ("net", "layer"),
    [
        ("imagenette-resnet", "stem.0"), ("imagenette-resnet", "stage2.0.conv2"), ("imagenette-resnet", "stage2.0.add"),
        ("imagenette-resnet", "pool"), ("imagenette-resnet", "stem.1"), ("random.mobilenet_v2.0", "features.2.conv.1.0"),
        ("random.resnet50.0", "layer2.0.conv2"), ("random.googlenet.0", "inception3a.branch2.1.conv"),
        ("random.unet.0", "up.0"), ("lenet5-mnist", "conv1"),
    ],
)  # fmt: skip
def test_C11_terms_add_up_to_the_tensors_element(net: str, layer: str) -> None:
    network = open_network(net, "")
    names = [node.name for node in _graph(net).nodes]
    layer = (
        layer if layer in names else next(node.name for node in _graph(net).nodes if node.kind == "Conv2d")
    )
    block, arrays = block_of(net=net, layer=layer)
    assert block["shown"]["layer"] == layer
    terms, unit = block["terms"], (block["shown"]["channel"], block["shown"]["row"], block["shown"]["column"])
    assert terms["kind"] == "sum"
    place = (unit[0] - block["maps"]["first"], *unit[1:])
    assert terms["value"] == pytest.approx(float(arrays["maps"][place]), abs=1e-6)
    total = arrays["terms.products"].sum() + terms["bias"]
    assert total == pytest.approx(terms["value"], abs=1e-4 * max(1, abs(terms["value"])))
    assert np.allclose(arrays["terms.patch"] * arrays["terms.weight"], arrays["terms.products"])
    assert network.model is open_network(net, "").model


def _graph(net: str) -> NetworkGraph:
    return graph_of(explored(values_of({"net": net}), picture_of("temple"), ""))


def test_the_batch_norm_folds_into_the_weights() -> None:
    block, _ = block_of(layer="stage2.0.conv1", folded=True, channel=4, row=3, col=5)
    after, _ = block_of(layer="stage2.0.bn1", channel=4, row=3, col=5)
    assert block["terms"]["folded"]
    assert block["terms"]["value"] == pytest.approx(after["terms"]["value"], abs=1e-5)


def test_the_answer_is_softmax_of_the_logits() -> None:
    block, _ = block_of()
    network = open_network("imagenette-resnet", "")
    with locked(network.model), torch.no_grad():
        logits = network.model(network.prepared(picture_of("temple").pixels).batch)[0]
    rows = block["answer"]["rows"]
    assert [row["index"] for row in rows] == logits.topk(5).indices.tolist()
    assert [row["p"] for row in rows] == pytest.approx(logits.softmax(0).topk(5).values.tolist(), abs=1e-5)
    answer = block["answer"]
    assert np.exp(rows[0]["logit"] - answer["largest"]) / answer["total"] == pytest.approx(
        rows[0]["p"], abs=1e-5
    )


def test_edits_move_the_answer_and_the_maps_but_not_the_graph() -> None:
    plain, _ = block_of(layer="stem.2")
    edited, arrays = block_of(layer="stem.2", edits="stem.2@2=0;stage1.1.add!1")
    assert edited["answer"]["edited"]
    assert edited["answer"]["rows"][0]["before"] == pytest.approx(plain["answer"]["rows"][0]["p"])
    assert edited["answer"]["rows"][0]["p"] != plain["answer"]["rows"][0]["p"]
    assert not arrays["maps"][2].any()
    assert edited["graph"]["id"] == plain["graph"]["id"]
    foreign, _ = block_of(layer="stem.2", edits="layer1.0.conv1@2=0")
    assert foreign["values"]["edits"] == ""


def test_effects_come_in_parts_that_add_up_to_all() -> None:
    values = values_of({"layer": "stage3.1.relu2"})
    found = explored(values, picture_of("temple"), "")
    seen: list[float] = []
    while True:
        block, _ = unpack(explorer_block(found, values, "", known=(), effects={"first": len(seen)}))
        part = block["effects"]
        assert part["first"] == len(seen)
        seen += part["values"]
        if len(seen) >= part["total"]:
            break
    best = int(np.argmax(np.abs(seen)))
    silenced, _ = block_of(layer="stage3.1.relu2", edits=f"stage3.1.relu2@{best}=0", target=part["target"])
    row = next(row for row in silenced["answer"]["rows"] if row["index"] == part["target"])
    assert row["logit_before"] - row["logit"] == pytest.approx(seen[best], abs=1e-4)


def test_R2_heat_and_box_of_a_unit() -> None:
    block, arrays = block_of(layer="stage2.0.conv1", heat=True, channel=0, row=9, col=9)
    layer = next(one for one in block["fields"]["layers"] if one["name"] == "stage2.0.conv1")
    assert layer["status"] == "exact"
    assert block["heat"]["inside"] == pytest.approx(1.0, abs=1e-6)
    rows, columns = layer["tables"]
    tables = arrays["fields.tables"]
    (y1, y2), (x1, x2) = tables[rows + 18 : rows + 20], tables[columns + 18 : columns + 20]
    outside = arrays["heat"].copy()
    outside[max(y1, 0) : y2, max(x1, 0) : x2] = 0
    assert not outside.any()


def test_own_networks_open_in_the_explorer() -> None:
    model = build_model("resnet18", num_classes=4, seed=2)
    key = keep_network(save(dict(model.state_dict())), "me", Reading("resnet18"))
    block, arrays = block_of("me", net=key, net_as="resnet18.own.", layer="layer1.0.conv1")
    assert block["graph"]["origin"] == "own"
    assert arrays["maps"].shape == (64, 56, 56)


def test_networks_from_onnx_are_explored_like_others() -> None:
    from cnn.weights.onnx_check import converted

    weight = np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32)
    network = replace(
        open_network("imagenette-resnet", ""), key="u-" + "o" * 22, model=converted(small_onnx(weight)).eval(),
        input_shape=(3, 32, 32), record=None, categories=(),
    )  # fmt: skip
    values = values_of({})
    found = explored_with(network, values, picture_of("temple"))
    conv = next(node.name for node in graph_of(found).nodes if node.kind == "Conv2d")
    block, arrays = unpack(explorer_block(found, {**values, "layer": conv}, ""))
    expected = torch.nn.functional.conv2d(found.prepared.batch, torch.tensor(weight), padding=1)[0]
    torch.testing.assert_close(torch.tensor(arrays["maps"]), expected, atol=1e-5, rtol=1e-5)
    assert block["terms"]["kind"] == "sum"
    assert len(block["answer"]["rows"]) == 5


def small_onnx(weight: np.ndarray) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["y"]),
    ]
    shapes = (("x", [1, 3, 32, 32]), ("y", [1, 5]))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], [numpy_helper.from_array(weight, "w")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def test_known_parts_are_not_sent_again() -> None:
    values = values_of({"heat": True, "compare": "before"})
    found = explored(values, picture_of("temple"), "")
    whole = explorer_block(found, values, "")
    header, arrays = unpack(whole)
    ids = [header[name]["id"] for name in (*PARTS, "heat", "other") if name in header]
    again = explorer_block(found, values, "", known=ids)
    left, none = unpack(again)
    assert not none
    assert len(again) < 5000 < len(whole)
    assert [left[name]["id"] for name in PARTS] == ids[: len(PARTS)]
    assert header["other"]["layer"] in {node["name"] for node in header["graph"]["nodes"]}
    assert arrays["other"].shape == arrays["maps"].shape


def test_comparisons_with_a_picture_and_a_layer() -> None:
    block, arrays = block_of(layer="stem.2", compare="picture~cat")
    network = open_network("imagenette-resnet", "")
    with locked(network.model), torch.no_grad(), captured(network.model, ["stem.2"]) as seen:
        network.model(network.prepared(picture_of("cat").pixels).batch)
    torch.testing.assert_close(torch.tensor(arrays["other"]), seen["stem.2"][0], atol=1e-5, rtol=1e-5)
    assert block["other"]["name"]
    other, _ = block_of(layer="stem.2", compare="layer~stem.0")
    assert other["other"]["layer"] == "stem.0"
    gone, _ = block_of(layer="stem.2", compare="picture~u-" + "a" * 22)
    assert gone["no_compare"]


@pytest.mark.parametrize("key", ["matrix", "temple"])
def test_fault_A6_live_answers_survive_junk(key: str) -> None:
    junk = {
        "layer": ["x"],
        "channel": "99999999",
        "row": None,
        "edits": "<script>",
        "page": -4,
        "compare": "layer~nope",
        "tab": 3,
    }
    block, _ = unpack(
        live_block({"values": junk, "known": "no list", "effects": [], "id": 7}, lambda: picture_of(key))
    )
    assert block["id"] == 7
    assert block["shown"]["channel"] >= 0


def test_fault_C1_values_come_back_from_the_address() -> None:
    wanted = values_of(
        {
            "net": "random.resnet18.1",
            "layer": "layer1.0.add",
            "channel": 3,
            "edits": "layer1.0.add!1;relu@2=0",
            "compare": "before",
            "heat": True,
        }
    )
    text = query_text(SCREENS["layer_explorer"], wanted)
    values, notes = parsed(SCREENS["layer_explorer"], text)
    assert values == wanted
    assert not notes


def run_code(text: str, tmp_path, monkeypatch) -> dict[str, Any]:
    from cnn.images.encode import png_bytes, to_hwc

    (tmp_path / "picture.png").write_bytes(png_bytes(to_hwc(picture_of("temple").pixels)))
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    exec(compile(text, "shown", "exec"), space)
    return space


@pytest.mark.parametrize("net", ["imagenette-resnet", "unet-street"])
def test_the_shown_code_gives_the_same_numbers(net: str, tmp_path, monkeypatch) -> None:
    edits = "stage1.0.add!1" if net == "imagenette-resnet" else ""
    values = values_of({"net": net, "heat": True, "edits": edits})
    found = explored(values, picture_of("temple"), "")
    block, arrays = unpack(explorer_block(found, {**values, "edits": ""}, ""))
    space = run_code(pytorch_code(found, values), tmp_path, monkeypatch)
    assert space["maps"].shape == tuple(block["maps"]["shape"])
    if edits:
        likeliest = max(block["answer"]["rows"], key=lambda row: row["p"])
        assert (int(space["top"].indices[0]), float(space["top"].values[0])) == pytest.approx(
            (likeliest["index"], likeliest["p"])
        )
    plain, plain_arrays = block_of(net=net, heat=True)
    assert space["heat"].shape == plain_arrays["heat"].shape
    if not edits:
        shown = plain["shown"]
        assert space["value"] == pytest.approx(
            float(arrays["maps"][shown["channel"], shown["row"], shown["column"]]), abs=1e-5
        )


def test_downloads_hold_what_is_shown() -> None:
    values = values_of({"layer": "stem.0", "channel": 3, "row": 10, "col": 11})
    found = explored(values, picture_of("temple"), "")
    files = {name: make() for name, _, make, _ in explorer_files(found, values)}
    _, arrays = unpack(explorer_block(found, values, ""))
    with np.load(io.BytesIO(files["maps"])) as archive:
        assert np.array_equal(archive["maps"], arrays["maps"])
    rows = list(csv.reader(io.StringIO(files["terms"].decode())))
    products = sum(float(row[5]) for row in rows[1:-2])
    assert products + float(rows[-2][5]) == pytest.approx(float(rows[-1][5]), abs=1e-5)
    assert (
        len(list(csv.reader(io.StringIO(files["graph"].decode()))))
        == len(_graph("imagenette-resnet").nodes) + 1
    )
    assert files["mosaic"][:4] == files["picture"][:4] == b"\x89PNG"


def test_the_card_is_of_the_picture() -> None:
    one, other = card(picture_of("temple").pixels), card(picture_of("cat").pixels)
    assert one.shape == other.shape
    assert one.dtype == np.uint8
    assert not np.array_equal(one, other)


def test_dead_and_saturated_layers_are_marked() -> None:
    block, _ = block_of(net="random.googlenet.0")
    assert any(node["dead"] > 0 for node in block["graph"]["nodes"])
    joins = [node for node in block["graph"]["nodes"] if node["joins"]]
    assert all(len(node["inputs"]) > 1 for node in joins)
    assert isinstance(open_network("random.googlenet.0", "").model, nn.Module)
