"""Tables against the lectures', published counts, and the networks' own outputs."""

from __future__ import annotations

import pytest
import torch

from cnn.models.registry import build_model, model_record, model_skeleton
from cnn.networks.layer_table import TableRow, drawn_convolutions, layer_table, row_values, visible_rows


def table(name: str) -> dict[str, TableRow]:
    shape = model_record(name).input_shape
    return {row.name: row for row in layer_table(model_skeleton(name), torch.empty(1, *shape, device="meta"))}


def test_M1_lenet5_is_the_lectures_table() -> None:
    rows = table("lenet5")
    assert [rows[n].shape for n in ("c1", "s2", "c3", "s4", "c5", "f6", "output")] == [
        (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1), (84,), (10,),
    ]  # fmt: skip
    assert {rows[n].kernel_size for n in ("c1", "c3", "c5")} == {5}
    assert (rows["s2"].kind, rows["s2"].kernel_size, rows["s2"].stride) == ("AvgPool2d", 2, 2)
    assert [rows[n].parameters for n in ("c1", "c3", "c5", "f6", "output")] == [156, 2416, 48120, 10164, 850]
    assert rows["c1"].multiply_adds == 28 * 28 * 6 * 25
    assert rows["tanh6"].kind == "Tanh"


def test_M2_alexnet_is_the_lectures_table() -> None:
    rows = table("alexnet")
    wanted = {"c1": (96, 55, 55), "s2": (96, 27, 27), "c3": (256, 27, 27), "s4": (256, 13, 13), "c5": (384, 13, 13),
              "c6": (384, 13, 13), "c7": (256, 13, 13), "s8": (256, 6, 6), "f9": (4096,), "f10": (4096,),
              "out": (1000,)}  # fmt: skip
    assert {name: rows[name].shape for name in wanted} == wanted
    assert (rows["c1"].kernel_size, rows["c1"].stride) == (11, 4)
    assert (rows["s2"].kernel_size, rows["s2"].stride) == (3, 2)
    assert rows["c3"].groups == 2
    assert sum(row.parameters for row in rows.values()) == 60_965_224


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vgg16", 138_357_544),
        ("resnet18", 11_689_512),
        ("resnet152", 60_192_808),
        ("mobilenet_v2", 3_504_872),
    ],
)
def test_M3_M4_M7_whole_networks_in_rows(name: str, parameters: int) -> None:
    assert sum(row.parameters for row in table(name).values()) == parameters


def test_M6_xceptions_flows() -> None:
    rows = table("xception")
    assert [rows[f"entry.{i}"].shape[0] for i in range(3)] == [128, 256, 728]
    assert sum(name.startswith("middle.") for name in rows) == 8
    assert rows["flatten"].shape == (2048,)


def test_M9_fashion_cnn() -> None:
    rows = table("fashion_cnn")
    assert [rows[f"conv{i}"].shape[0] for i in range(1, 6)] == [64, 128, 128, 256, 256]
    assert [rows[f"conv{i}"].kernel_size for i in range(1, 6)] == [7, 3, 3, 3, 3]
    assert [rows[n].shape for n in ("fc1", "fc2", "output")] == [(128,), (64,), (10,)]


def test_values_are_the_networks_own() -> None:
    model, image = build_model("imagenette_resnet"), torch.rand(3, 64, 64)
    rows = layer_table(model, image)
    found = row_values(model, image, [row.name for row in rows])
    assert [tuple(found[row.name].shape) for row in rows] == [row.shape for row in rows]
    with torch.no_grad():
        torch.testing.assert_close(found[rows[-1].name], model(image[None])[0])
    stage = next(row for row in rows if row.name == "stage1.0")
    assert stage.kind == "ResidualBlock"
    assert stage.layers > 5


def test_M3_a_network_without_its_fully_connected_weights_runs_up_to_them() -> None:
    model = drawn_convolutions(model_skeleton("vgg16"))
    names = ["x", "features.0", "features.4", "classifier.0"]
    found = row_values(model, torch.rand(3, 32, 32), names)
    assert set(found) == {"x", "features.0", "features.4"}
    assert found["features.4"].shape == (64, 16, 16)
    assert found["features.4"].isfinite().all()
    assert found["features.4"].any()


def test_hidden_rows_are_passed_by_and_their_cost_is_not_lost() -> None:
    rows = layer_table(model_skeleton("resnet18"), torch.empty(1, 3, 64, 64, device="meta"), blocks=False)
    shown = {row.name: row for row in visible_rows(rows, ("bn", "relu", "layer1.0.bn", "layer1.0.relu"))}
    assert shown["maxpool"].inputs == ("conv1",)
    assert shown["layer1.0.conv2"].inputs == ("layer1.0.conv1",)
    assert shown["layer1.0.add"].inputs == ("layer1.0.conv2", "maxpool")
    assert sum(row.parameters for row in shown.values()) == sum(row.parameters for row in rows)
    assert shown["maxpool"].parameters == 128


def test_M5_a_block_of_one_convolution_shows_its_kernel() -> None:
    rows = table("googlenet")
    assert (rows["conv1"].kernel_size, rows["conv1"].stride) == (7, 2)
    assert rows["inception3a"].kernel_size == 0
    assert {"aux1", "aux2"} <= set(rows)
