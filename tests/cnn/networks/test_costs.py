"""Costs against the lectures' numbers, torch's own layers and the scaled networks of torchvision."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnn.models.registry import build_model, model_skeleton
from cnn.networks.costs import (
    bottleneck_cost,
    conv_cost,
    fully_connected_weights,
    inverted_residual_cost,
    separable_cost,
    separable_ratio,
)
from cnn.networks.graph import network_graph
from cnn.networks.scaling import (
    BASE_CHANNELS,
    BASE_LAYERS,
    EFFICIENTNETS,
    compound_scaling,
    scaled_channels,
    scaled_layers,
)


def test_M5_bottleneck_of_the_lecture() -> None:
    # 28×28×192, 5×5, 32 filters: 120 million multiplications; through a 1×1 layer of 16 channels 12.4
    # million.
    assert conv_cost(192, 32, 5, (28, 28)).multiply_adds == 120_422_400
    assert bottleneck_cost(192, 16, 32, 5, (28, 28)).multiply_adds == 12_443_648


def test_M7_separable_convolution_of_the_lecture() -> None:
    # 6×6×3, 3×3, 5 filters: 2160 multiplications; depthwise 432 and pointwise 240 together 672, a share of
    # 0.31.
    full, separable = conv_cost(3, 5, 3, (4, 4)), separable_cost(3, 5, 3, (4, 4))
    assert (full.multiply_adds, separable.multiply_adds) == (2160, 672)
    assert separable.multiply_adds / full.multiply_adds == pytest.approx(separable_ratio(5, 3))
    assert separable_ratio(512, 3) == pytest.approx(1 / 512 + 1 / 9)


@pytest.mark.parametrize(
    ("channels", "out", "kernel", "groups"), [(8, 12, 3, 1), (8, 12, 5, 4), (6, 6, 3, 6)]
)
def test_parameters_are_those_of_torchs_layer(channels: int, out: int, kernel: int, groups: int) -> None:
    layer = nn.Conv2d(channels, out, kernel, groups=groups)
    cost = conv_cost(channels, out, kernel, (4, 4), groups=groups, bias=True)
    assert cost.parameters == sum(p.numel() for p in layer.parameters())
    with pytest.raises(ValueError, match="divisible by 5"):
        conv_cost(channels, out, kernel, (4, 4), groups=5)


def test_M7_inverted_residual_is_mobilenet_v2s() -> None:
    block = model_skeleton("mobilenet_v2").features[3]  # type: ignore[index]
    weights = sum(m.weight.numel() for m in block.modules() if isinstance(m, nn.Conv2d))
    assert inverted_residual_cost(24, 24, 6, 3, (56, 56)).parameters == weights


def test_C11_fully_connected_weights() -> None:
    assert fully_connected_weights(1000 * 1000, 10_000) == 10**10
    assert fully_connected_weights(100 * 100, 1000) == 10**7


@pytest.mark.parametrize(
    ("name", "published"),
    # Multiply-adds of torchvision's weights tables, in 10^9.
    [("resnet18", 1.814), ("resnet50", 4.089), ("mobilenet_v2", 0.301), ("googlenet", 1.498)],
)
def test_multiply_adds_of_whole_networks(name: str, published: float) -> None:
    model = build_model(name)
    image = torch.rand(1, 3, 224, 224)
    graph = network_graph(model, image)
    weighted = sum(
        n.multiply_adds
        for n in graph.nodes
        if not n.kind.startswith(("Batch", "aux")) and "aux" not in n.name
    )
    assert weighted / 1e9 == pytest.approx(published, rel=0.002)


def test_multiply_adds_are_half_of_torchs_count() -> None:
    model = build_model("unet")
    image = torch.rand(1, 1, 64, 64)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(image)
    ours = sum(n.multiply_adds for n in network_graph(model, image).nodes if "Conv" in n.kind)
    assert ours == counter.get_total_flops() // 2


def test_M8_compound_scaling_doubles_the_cost() -> None:
    assert compound_scaling(1).cost == pytest.approx(1.2 * 1.1**2 * 1.15**2)
    assert compound_scaling(1).cost == pytest.approx(2, abs=0.1)
    assert compound_scaling(0).cost == 1
    assert compound_scaling(3).cost == pytest.approx(compound_scaling(1).cost ** 3)
    with pytest.raises(ValueError, match="at least 1"):
        compound_scaling(1, alpha=0.5)


@pytest.mark.parametrize("name", list(EFFICIENTNETS))
def test_M8_scaled_stages_are_the_networks_own(name: str) -> None:
    width, depth, _ = EFFICIENTNETS[name]
    features = model_skeleton(name).features
    stages = list(features.children())  # type: ignore[operator]
    channels = [[m for m in stage.modules() if isinstance(m, nn.Conv2d)][-1].out_channels for stage in stages]
    wanted = [scaled_channels(c, width) for c in BASE_CHANNELS[:-1]]
    assert channels == [*wanted, 4 * wanted[-1]]
    assert [len(stage) for stage in stages[1:-1]] == [scaled_layers(n, depth) for n in BASE_LAYERS]
