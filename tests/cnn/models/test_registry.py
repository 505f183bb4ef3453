"""Every registered network against published parameter counts and tables."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from cnn.models.registry import MODELS, build_model, model_record, model_skeleton
from cnn.models.running import Runner
from cnn.models.tracing import trace
from cnn.models.xception import XceptionBlock


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def shapes(model: nn.Module, image: Tensor) -> dict[str, tuple[int, ...]]:
    network = trace(model)
    with torch.inference_mode():
        values = Runner(network).values(image)
        return {network.names[node]: tuple(v.shape[1:]) for node, v in values if isinstance(v, Tensor)}


def test_every_classification_network_of_torchvision_is_offered() -> None:
    offered = {
        record.name.removesuffix("_torchvision") for record in MODELS if record.source == "torchvision"
    }
    assert offered == set(torchvision.models.list_models(module=torchvision.models))


def test_names_are_unique_and_records_complete() -> None:
    assert len({record.name for record in MODELS}) == len(MODELS)
    for record in MODELS:
        assert all(record.labels[language] for language in ("en", "ko")), record.name
        assert len(record.mean) == len(record.std) == record.input_shape[0], record.name
        assert record.paper, record.name


@pytest.mark.parametrize("name", [r.name for r in MODELS if r.parameters is not None])
def test_parameters_are_the_published_number(name: str) -> None:
    assert parameters(model_skeleton(name)) == model_record(name).parameters


@pytest.mark.parametrize(
    ("name", "count"),
    [
        pytest.param("vgg16", 138_357_544, id="M3"),
        pytest.param("resnet18", 11_689_512, id="M4-18"),
        pytest.param("resnet34", 21_797_672, id="M4-34"),
        pytest.param("resnet50", 25_557_032, id="M4-50"),
        pytest.param("resnet152", 60_192_808, id="M4-152"),
        pytest.param("alexnet", 60_965_224, id="M2"),
        pytest.param("xception", 22_855_952, id="M6"),
        pytest.param("mobilenet_v1", 4_231_976, id="M7-v1"),
        pytest.param("mobilenet_v2", 3_504_872, id="M7-v2"),
        pytest.param("efficientnet_b0", 5_288_548, id="M8-b0"),
        pytest.param("efficientnet_b7", 66_347_960, id="M8-b7"),
    ],
)
def test_published_tables(name: str, count: int) -> None:
    assert parameters(model_skeleton(name)) == count


def test_M5_googlenet_with_and_without_its_side_branches() -> None:
    model = model_skeleton("googlenet")
    branches = parameters(model.aux1) + parameters(model.aux2)  # type: ignore[arg-type]
    assert parameters(model) - branches == 6_624_904
    names = trace(build_model("googlenet")).nodes
    assert "aux1.fc2" in names
    assert "aux2.fc2" in names


def test_M5_googlenet_predicts_as_torchvisions_does() -> None:
    ours = build_model("googlenet", seed=3)
    theirs = torchvision.models.googlenet(weights=None, aux_logits=True, init_weights=False).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(image), theirs(image), rtol=0, atol=0)


def test_M2_alexnet_sizes_of_the_table() -> None:
    found = shapes(build_model("alexnet", num_classes=10), torch.rand(1, 3, 227, 227))
    wanted = {
        "c1": (96, 55, 55),
        "s2": (96, 27, 27),
        "c3": (256, 27, 27),
        "s4": (256, 13, 13),
        "c5": (384, 13, 13),
        "c6": (384, 13, 13),
        "c7": (256, 13, 13),
        "s8": (256, 6, 6),
        "f9": (4096,),
        "f10": (4096,),
        "out": (10,),
    }
    assert {name: found[name] for name in wanted} == wanted


def test_M2_local_response_normalisation_is_the_papers() -> None:
    # b = a / (k + α Σ a²)^β over five neighbouring channels, k = 2, α = 1e-4, β = 0.75 (section 3.3).
    model = build_model("alexnet", num_classes=2)
    a = torch.rand(1, 96, 3, 3) * 40
    found = model.norm1(a)  # type: ignore[operator]
    for channel in (0, 1, 50, 95):
        near = a[:, max(0, channel - 2) : channel + 3]
        wanted = a[:, channel] / (2 + 1e-4 * near.square().sum(1)) ** 0.75
        torch.testing.assert_close(found[:, channel], wanted)


def test_M1_lenet5_sizes_of_the_table() -> None:
    found = list(shapes(build_model("lenet5"), torch.rand(1, 1, 32, 32)).values())
    for shape in [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1), (84,), (10,)]:
        assert shape in found, shape


def test_M4_a_plain_twin_is_the_residual_network_without_its_projections() -> None:
    for depth in (18, 34, 50, 152):
        plain, residual = model_skeleton(f"plain{depth}"), model_skeleton(f"resnet{depth}")
        projections = sum(
            parameters(m.downsample)
            for m in residual.modules()
            if isinstance(getattr(m, "downsample", None), nn.Module)
        )
        assert parameters(plain) == parameters(residual) - projections
        assert not any("add" in name for name in trace(plain).nodes)


def test_M4_a_residual_block_of_zeros_is_the_identity_and_a_plain_one_is_not() -> None:
    image = torch.rand(1, 64, 9, 9)
    for name, same in (("resnet18", True), ("plain18", False)):
        block = build_model(name, num_classes=2).layer1[0]  # type: ignore[index]
        nn.init.zeros_(block.bn2.weight)
        with torch.inference_mode():
            assert torch.equal(block(image), image) is same


def test_M6_xception_shortcut_and_features() -> None:
    block = XceptionBlock(64, (128, 128), stride=2, relu_first=False).eval()
    with torch.inference_mode():
        x = torch.rand(1, 64, 150, 150)
        assert block.shortcut(x).shape == block(x).shape == (1, 128, 75, 75)
    found = shapes(build_model("xception", num_classes=5), torch.rand(1, 3, 299, 299))
    assert found["entry.2.add"] == (728, 19, 19)
    assert found["exit.4"] == (2048, 10, 10)
    assert found["flatten"] == (2048,)


def test_M7_mobilenet_v1_sizes_of_the_papers_table() -> None:
    found = shapes(build_model("mobilenet_v1", num_classes=5), torch.rand(1, 3, 224, 224))
    wanted = {0: (64, 112, 112), 1: (128, 56, 56), 3: (256, 28, 28), 5: (512, 14, 14), 11: (1024, 7, 7)}
    assert {n: found[f"blocks.{n}.relu2"] for n in wanted} == wanted


@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v1", "shufflenet_v2_x0_5", "googlenet"])
def test_building_is_seeded_and_leaves_the_global_state_alone(name: str) -> None:
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    first, again, other = build_model(name), build_model(name), build_model(name, seed=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])  # type: ignore[index]
    states = first.state_dict()
    assert all(torch.equal(value, states[key]) for key, value in again.state_dict().items())
    assert any(not torch.equal(value, states[key]) for key, value in other.state_dict().items())
    assert not first.training


@pytest.mark.parametrize(
    "name", ["lenet5", "alexnet", "resnet18", "vgg11", "mobilenet_v2", "googlenet", "unet"]
)
def test_number_of_classes(name: str) -> None:
    record = model_record(name)
    model = build_model(name, num_classes=7)
    size = max(record.minimum_size, 32)
    with torch.inference_mode():
        assert model(torch.rand(1, record.input_shape[0], size, size)).shape[1] == 7


def test_what_cannot_be_built_is_said() -> None:
    with pytest.raises(KeyError, match=r"resnet51.*resnet50"):
        build_model("resnet51")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        build_model("resnet18", num_classes=0)
    with pytest.raises(ValueError, match="no classes"):
        build_model("siamese", num_classes=3)
