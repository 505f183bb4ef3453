"""The count against the networks themselves, as torchvision builds them and as they were published."""

from __future__ import annotations

import pytest
import torch

from cnn.models.registry import model_skeleton
from cnn.networks.efficientnet_cost import efficientnet_cost, efficientnet_stages
from cnn.networks.layer_table import layer_table
from cnn.networks.scaling import EFFICIENTNETS


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_b3", "efficientnet_b7"])
def test_M8_cost_is_that_of_the_network_itself(name: str) -> None:
    width, depth, side = EFFICIENTNETS[name]
    rows = layer_table(model_skeleton(name), torch.empty(1, 3, side, side, device="meta"))
    cost = efficientnet_cost(width, depth, side)
    assert cost.parameters == sum(row.parameters for row in rows)
    assert cost.multiply_adds == sum(row.multiply_adds for row in rows)


@pytest.mark.parametrize(
    ("name", "millions", "billions"),
    [("efficientnet_b0", 5.3, 0.39), ("efficientnet_b4", 19, 4.2), ("efficientnet_b7", 66, 37)],
)
def test_M8_published_figures(name: str, millions: float, billions: float) -> None:
    width, depth, side = EFFICIENTNETS[name]
    cost = efficientnet_cost(width, depth, side)
    assert cost.parameters / 1e6 == pytest.approx(millions, rel=0.02)
    assert cost.multiply_adds / 1e9 == pytest.approx(billions, rel=0.06)


def test_stages_shrink_and_widen() -> None:
    stages = efficientnet_stages(1.0, 1.0, 224)
    assert [s.size for s in stages] == [112, 112, 56, 28, 14, 14, 7, 7, 7]
    assert [s.channels for s in stages] == [32, 16, 24, 40, 80, 112, 192, 320, 1280]
    with pytest.raises(ValueError, match="positive"):
        efficientnet_stages(0, 1, 224)
