"""The drawn graph against the network it describes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnn.models.registry import build_model, model_record
from cnn.networks.graph import collapsed, network_graph
from cnn.networks.layers import feature_maps

SMALL = [
    "lenet5",
    "fashion_cnn",
    "tiny_vgg",
    "unet",
    "separable_unet",
    "yolo",
    "siamese",
    "style_net",
    "resnet18",
    "googlenet",
    "mobilenet_v2",
    "densenet121",
    "efficientnet_b0",
    "swin_t",
    "vit_b_32",
    "shufflenet_v2_x0_5",
]


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_and_every_edge_is_there(name: str) -> None:
    record = model_record(name)
    model = build_model(name)
    size = record.input_shape[1] if record.input_shape[1] < 64 or record.minimum_size > 64 else 64
    image = torch.rand(1, record.input_shape[0], size, size)
    graph = network_graph(model, image)
    assert graph.parameters == sum(p.numel() for p in model.parameters())
    names = [node.name for node in graph.nodes]
    for source, target in graph.edges:
        assert names.index(source) < names.index(target)
    assert all(node.inputs for node in graph.nodes if node.kind != "input")
    assert graph.node(graph.output).shape == tuple(model(image).shape)
    maps = feature_maps(model, image)
    for node in graph.nodes:
        if node.kind != "input":
            assert node.shape == tuple(maps[node.name].shape)
            assert node.memory == maps[node.name][0].numel() * maps[node.name].element_size()


def test_M4_shortcuts_and_M5_branches_are_edges() -> None:
    graph = network_graph(build_model("resnet18"), torch.rand(3, 64, 64))
    assert set(graph.node("layer1.0.add").inputs) == {"layer1.0.bn2", "maxpool"}
    assert set(graph.node("layer2.0.add").inputs) == {"layer2.0.bn2", "layer2.0.downsample.1"}
    inception = network_graph(build_model("googlenet"), torch.rand(3, 64, 64))
    assert len(inception.node("inception3a.cat").inputs) == 4
    assert "aux1.fc2" in [node.name for node in inception.nodes]
    assert inception.output == "fc"


def test_blocks_collapse() -> None:
    whole = network_graph(build_model("resnet18"), torch.rand(3, 64, 64))
    graph = collapsed(whole, {"layer1", "layer2.0"})
    names = [node.name for node in graph.nodes]
    assert "layer1" in names
    assert "layer2.0" in names
    assert "layer2.1.conv1" in names
    assert not any(name.startswith("layer1.") for name in names)
    block = graph.node("layer1")
    assert block.kind == "block"
    assert block.inputs == ("maxpool",)
    assert block.parameters == 147_968
    assert graph.parameters == whole.parameters
    assert graph.multiply_adds == whole.multiply_adds
    assert graph.node("layer2.0").inputs == ("layer1",)
    assert collapsed(whole, set()) == whole


def test_dead_and_saturated_layers_are_marked() -> None:
    class Ill(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            nn.init.ones_(self.conv.weight)
            self.conv.bias.data = torch.tensor([0.0, -1e3, -1e3, -1e3])
            self.relu = nn.ReLU()
            self.gate = nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            return self.gate(self.relu(self.conv(x)) * 100)

    graph = network_graph(Ill(), torch.rand(1, 8, 8) + 0.5)
    assert graph.node("relu").dead == 0.75
    assert graph.node("gate").saturated == pytest.approx(0.25)
    assert graph.node("conv").dead == 0
