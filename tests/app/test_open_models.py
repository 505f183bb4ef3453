"""Networks by key: every way to one, what it is given, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from app.network_list import builtin_labels, offers, random_architectures
from app.open_models import NetworkError, open_network
from app.own_networks import Reading, keep_network, name_outputs, opened_file
from app.parameters import NETWORK_PATTERN, network_parameters
from app.session_models import SESSION_MODELS
from app.state import parsed
from cnn.hooks import locked
from cnn.images.gallery import picture
from cnn.models.registry import build_model, model_record
from cnn.networks.transfer_model import backbones, build_backbone
from cnn.weights.builtin import available, builtin_record, load_builtin
from cnn.weights.errors import WeightsError


def state_dict_file(model: nn.Module) -> bytes:
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return picture("temple")


@pytest.mark.parametrize(
    "name", [n for n in available() if builtin_record(n).task in ("classification", "segmentation")]
)
def test_builtin_networks_open_and_run(name: str, photo: torch.Tensor) -> None:
    opened = open_network(name, "a")
    batch = opened.prepared(photo).batch
    assert tuple(batch.shape[1:]) == opened.input_shape
    with locked(opened.model), torch.no_grad():
        output = opened.model(batch)
    assert output.shape[1] == len(opened.categories)
    assert open_network(name, "b").model is opened.model, "shared"


def test_random_networks_are_named_so_and_repeat() -> None:
    opened = open_network("random.resnet18.3", "a")
    assert opened.origin == "random"
    assert "3" in opened.labels["en"]
    assert opened.categories == ()
    assert torch.equal(opened.model.conv1.weight, build_model("resnet18", seed=3).conv1.weight)


@pytest.mark.parametrize(
    "key", ["nonsense", "random.nonsense.0", "random.resnet18.x", "a/b", "s-" + "x" * 11, "u-" + "x" * 22]
)
def test_unknown_keys_are_refused_in_both_languages(key: str) -> None:
    with pytest.raises(NetworkError) as refused:
        open_network(key, "a")
    assert refused.value.text("en") != refused.value.text("ko")


def test_pretrained_weights_that_are_not_there_name_file_and_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(NetworkError) as refused:
        open_network("resnet18/IMAGENET1K_V1", "a")
    assert "resnet18-f37072fd.pth" in refused.value.text("en")
    assert str(tmp_path)[:20] in refused.value.text("ko")


@pytest.mark.parametrize(
    "make", [lambda m: save(dict(m.state_dict())), state_dict_file], ids=["safetensors", "pt"]
)
def test_own_weights_find_their_architecture(make, photo: torch.Tensor) -> None:
    model = build_model("resnet18", num_classes=7, seed=5)
    opened = open_network(keep_network(make(model), "a", Reading()), "a")
    assert (opened.architecture, opened.origin, opened.task) == ("resnet18", "own", "classification")
    batch = opened.prepared(photo).batch
    with torch.no_grad():
        torch.testing.assert_close(opened.model(batch), model(batch))


def test_own_unet_and_a_shipped_one(photo: torch.Tensor) -> None:
    described, _ = opened_file(save(dict(build_model("unet").state_dict())), Reading(side=64))
    assert described.task == "segmentation"
    assert described.input_shape[1:] == (64, 64)
    shipped = load_builtin("tiny-vgg")
    told, model = opened_file(save(dict(shipped.state_dict())), Reading(normalisation="signed"))
    assert (told.mean, told.std) == ((0.5,) * 3, (0.5,) * 3)
    assert torch.equal(next(model.parameters()), next(shipped.parameters()))


def test_a_mismatch_is_told_key_by_key() -> None:
    state = dict(build_model("resnet18").state_dict())
    state["conv1.weight"] = torch.zeros(64, 3, 5, 5)
    del state["fc.bias"]
    with pytest.raises(WeightsError) as refused:
        keep_network(save(state), "a", Reading("resnet18"))
    lines = refused.value.mismatch.lines()
    assert "conv1.weight: 64×3×5×5 ≠ 64×3×7×7" in lines
    assert "− fc.bias" in lines


def test_onnx_networks_open_whole(photo: torch.Tensor) -> None:
    from onnx import TensorProto, helper, numpy_helper

    weight = np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])], [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    data = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    key = keep_network(data, "a", Reading(normalisation="unit"))
    name_outputs(key, ("red", "green", "blue", "sky", "stone"))
    opened = open_network(key, "a", ".unit.")
    assert opened.categories[3] == "sky"
    assert opened.difference < 1e-5
    batch = opened.prepared(photo).batch
    expected = torch.relu(torch.nn.functional.conv2d(batch, torch.tensor(weight), padding=1)).mean((2, 3))
    torch.testing.assert_close(opened.model(batch), expected)


def test_fault_B1_code_is_refused_with_how_to_export() -> None:
    for data in (b"\x80\x04K\x01.", b""):
        with pytest.raises(WeightsError):
            keep_network(data, "a", Reading())
    scripted = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.ReLU()), scripted)
    with pytest.raises(WeightsError) as refused:
        keep_network(scripted.getvalue(), "a", Reading())
    assert refused.value.code == "torchscript"
    assert "ONNX" in refused.value.en


def test_fault_G1_trained_networks_stay_in_their_session() -> None:
    backbone = backbones()[0]
    kept = SESSION_MODELS.add(
        "mine", "head", backbone, backbone.categories, build_backbone(backbone).state_dict()
    )
    assert kept.key in [offer.key for offer in offers(("classification",), "mine")]
    assert open_network(kept.key, "mine").categories == backbone.categories
    with pytest.raises(NetworkError):
        open_network(kept.key, "other")
    described, _model = opened_file(kept.file, Reading())
    assert described.categories == backbone.categories, "the file says itself what its outputs mean"


def test_keys_fit_the_address_and_junk_does_not() -> None:
    parameters = network_parameters()
    keys = [offer.key for offer in offers(("classification", "segmentation", "detection"), "")]
    keys += [f"random.{record.name}.12" for record in random_architectures(("classification",))]
    for key in (*keys, "resnet50/IMAGENET1K_V2"):
        assert parsed(parameters, {"net": key})[0]["net"] == key, NETWORK_PATTERN
    for junk in ("../../etc/passwd", "https://x/y", "random.resnet18.0;ls", "~short", ""):
        values, notes = parsed(parameters, {"net": junk})
        assert values["net"] == "imagenette-resnet"
        assert notes


@pytest.mark.parametrize(
    "text", ["", "resnet18.imagenet.224", ".unit.", "junk", "a.b.c", "x.own.99999", "..0"]
)
def test_readings_survive_junk(text: str) -> None:
    reading = Reading.of(text)
    assert Reading.of(reading.text()) == reading
    assert reading.side == 0 or 8 <= reading.side <= 1024


def test_the_upload_route_tells_what_does_not_fit() -> None:
    from app.routes.networks import take_network

    answer = take_network(save(dict(build_model("lenet5", seed=1).state_dict())), "route", "")
    assert open_network(answer["key"], "route").architecture == "lenet5"
    state = dict(build_model("lenet5").state_dict())
    first = next(iter(state))
    del state[first]
    refused = take_network(save(state), "route", Reading("lenet5").text())
    assert f"− {first}" in refused["lines"]
    assert set(refused["error"]) == {"en", "ko"}
    assert "lines" in take_network(b"\x80\x04K\x01.", "route", "")


@pytest.mark.parametrize("name", ["resnet18", "vit_h_14"])
def test_a_bare_random_network_has_its_layers_and_no_weights(name: str) -> None:
    opened = open_network(f"random.{name}.3", "", bare=True)
    assert all(p.is_meta for p in opened.model.parameters())
    assert sum(p.numel() for p in opened.model.parameters()) == model_record(name).parameters
    assert open_network(f"random.{name}.4", "", bare=True).model is opened.model
    assert name in [record.name for record in random_architectures(("classification",), bare=True)]


def test_every_network_that_ships_has_a_name() -> None:
    for name in available():
        labels = builtin_labels(name)
        assert labels["en"] != name, f"{name} is shown by its id"
        assert labels["ko"] != labels["en"]
