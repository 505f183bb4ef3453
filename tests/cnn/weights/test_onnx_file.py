"""Networks from ONNX: opened, equal to onnxruntime, refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from cnn.convolution.receptive_field import receptive_fields
from cnn.networks.graph import network_graph
from cnn.networks.layers import feature_maps, layer_terms
from cnn.weights.errors import WeightsError
from cnn.weights.load import load_weights
from cnn.weights.onnx_file import load_onnx


def weight(name: str, *shape: int) -> Any:
    values = np.random.default_rng(len(name) + sum(shape)).standard_normal(shape).astype(np.float32) * 0.2
    return numpy_helper.from_array(np.abs(values) + 0.5 if name == "var" else values, name)


def network(
    *, nodes: list[Any] | None = None, shape: list[Any] | None = None, extra: list[Any] | None = None
) -> onnx.ModelProto:
    """A small residual network with a grouped, strided convolution."""
    own = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c1", "g", "b", "mean", "var"], ["n1"], name="bn1"),
        helper.make_node("Relu", ["n1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], name="conv2", pads=[1, 1, 1, 1], group=2),
        helper.make_node("Add", ["c2", "r1"], ["a"], name="join"),
        helper.make_node("GlobalAveragePool", ["a"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], name="fc", transB=1),
    ]
    weights = [
        weight("w1", 8, 3, 3, 3),
        weight("b1", 8),
        weight("w2", 8, 4, 3, 3),
        weight("w3", 5, 8),
        weight("b3", 5),
    ]
    weights += [weight(name, 8) for name in ("g", "b", "mean", "var")]
    graph = helper.make_graph(
        nodes or own,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 24, 24] if shape is None else shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "k"])],
        [*weights, *(extra or [])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def refused(proto: onnx.ModelProto | bytes) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load_onnx(proto if isinstance(proto, bytes) else proto.SerializeToString())
    return caught.value


def test_a_network_of_ones_own_is_opened_and_every_view_works() -> None:
    data = network().SerializeToString()
    opened = load_onnx(data)
    assert (opened.input_shape, opened.output_shape, opened.sizes_fixed) == ((3, 24, 24), (1, 5), True)
    assert opened.difference < 1e-5
    image = torch.randn(1, 3, 24, 24)
    wanted = onnxruntime.InferenceSession(data).run(None, {"x": image.numpy()})[0]
    with torch.no_grad():
        torch.testing.assert_close(opened.model(image), torch.from_numpy(wanted), rtol=1e-4, atol=1e-5)
    maps = feature_maps(opened.model, image)
    terms = layer_terms(opened.model, image, "conv2", 6, 2, 3)
    assert terms.value == maps["conv2"][0, 6, 2, 3].item()
    assert terms.channels == range(4, 8)
    assert terms.channel_sums.sum().item() + terms.bias == pytest.approx(terms.value, abs=1e-5)
    fields = receptive_fields(opened.model, opened.input_shape)
    assert (fields["conv2"].size, fields["conv2"].status) == ((7, 7), "exact")
    assert fields["fc"].status == "whole image"
    graph = network_graph(opened.model, image)
    assert {node.kind for node in graph.nodes} >= {"Conv2d", "BatchNorm2d", "ReLU", "add", "Linear"}


def test_open_sizes_take_the_side_that_is_given() -> None:
    data = network(shape=["batch", 3, "height", "width"]).SerializeToString()
    opened = load_onnx(data, side=40)
    assert (opened.input_shape, opened.sizes_fixed) == ((3, 40, 40), False)
    with pytest.raises(ValueError, match="got 0"):
        load_onnx(data, side=0)


def test_unsupported_operators_are_named() -> None:
    error = refused(
        network(
            nodes=[
                helper.make_node("LpNormalization", ["x"], ["m"]),
                helper.make_node(
                    "TfIdfVectorizer",
                    ["m"],
                    ["y"],
                    max_gram_length=1,
                    max_skip_count=1,
                    min_gram_length=1,
                    mode="TF",
                    ngram_counts=[0],
                    ngram_indexes=[0],
                ),
            ]
        )
    )
    assert error.code == "onnx_operators"
    assert "TfIdfVectorizer" in error.en
    assert "TfIdfVectorizer" in error.ko
    branch = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["z"])], "g", [], [helper.make_tensor_value_info("z", 1, None)]
    )
    chosen = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    assert refused(network(nodes=[chosen])).code == "onnx_operators"


def test_weights_in_other_files_are_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(864))
    proto = network()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(secret))
    assert refused(proto).code == "onnx_external"


@pytest.mark.parametrize(
    ("shape", "shown"),
    [
        ([1, 4, 24, 24], "1×4×24×24"),
        ([1, 3, 24], "1×3×24"),
        ([8, 3, 24, 24], "8×3"),
        ([1, 3, 9999, 9], "9999"),
    ],
)
def test_networks_that_read_no_picture(shape: list[int], shown: str) -> None:
    error = refused(network(shape=shape))
    assert error.code == "onnx_input"
    assert shown in error.en


def test_damaged_and_hostile_files() -> None:
    good = network().SerializeToString()
    bomb = network(
        nodes=[
            helper.make_node("ConstantOfShape", ["size"], ["large"]),
            helper.make_node("ReduceSum", ["large"], ["y"], keepdims=1),
        ],
        extra=[numpy_helper.from_array(np.array([1, 30_000, 30_000, 30], dtype=np.int64), "size")],
    )
    nan = network()
    nan.graph.initializer[0].raw_data = np.full((8, 3, 3, 3), np.nan, np.float32).tobytes()
    lying = network()
    lying.graph.initializer[0].dims[0] = 800
    for data, codes in (
        (b"", {"empty"}),
        (b"hello", {"onnx_invalid"}),
        (good[: len(good) // 2], {"onnx_invalid"}),
        (b"\x08\x08" + b"\x3a" * 1000, {"onnx_invalid"}),
        (bomb.SerializeToString(), {"onnx_invalid", "too_much_memory", "onnx_operators"}),
        (nan.SerializeToString(), {"tensor"}),
        (lying.SerializeToString(), {"onnx_invalid"}),
    ):
        assert refused(data).code in codes
    with pytest.raises(WeightsError):
        load_weights(good)
