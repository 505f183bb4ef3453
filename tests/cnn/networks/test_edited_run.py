"""Runs with edits against runs of a network changed by hand; edits as text; where elements come from."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn.models.registry import build_model
from cnn.networks.edit_text import MOST_EDITS, edit_code, parsed_edits
from cnn.networks.edited_run import edited_run, value_range
from cnn.networks.element_source import element_source
from cnn.networks.switchboard import CutInput, ReplaceChannel, ScaleChannels, channel_effects, output_tensor


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_a_run_keeps_layers_and_their_ranges(image: torch.Tensor) -> None:
    model = build_model("resnet18", num_classes=6)
    run = edited_run(model, image, (), ("conv1", "layer1.0.add"))
    with torch.no_grad():
        first = model.conv1(image)
        torch.testing.assert_close(run.output, model(image)[0])
    torch.testing.assert_close(run.kept["conv1"], first[0])
    stats = run.ranges["conv1"]
    assert (stats.low, stats.high) == (float(first.min()), float(first.max()))
    assert run.ranges["relu"].low == 0


def test_silencing_equals_zero_weights(image: torch.Tensor) -> None:
    model = build_model("resnet18", num_classes=6)
    run = edited_run(model, image, parsed_edits("layer1.0.conv1@3=0;layer1.0.conv1@5=0"))
    with torch.no_grad():
        model.layer1[0].conv1.weight[[3, 5]] = 0
        torch.testing.assert_close(run.output, model(image)[0])


def test_M2_cutting_a_shortcut_leaves_the_branch_alone(image: torch.Tensor) -> None:
    model = build_model("resnet18", num_classes=6)
    block = model.layer1[1]
    run = edited_run(model, image, parsed_edits("layer1.1.add!1"), ("layer1.1.add", "layer1.0"))
    with torch.no_grad():
        x = run.kept["layer1.0"][None]
        branch = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
    torch.testing.assert_close(run.kept["layer1.1.add"], branch[0])


def test_edits_as_text() -> None:
    edits = parsed_edits("a.b@3=0.5;a@all=0;c@1=mean;c@2=c7;cat!1")
    kinds = [type(edit) for edit in edits]
    assert kinds == [ScaleChannels, ScaleChannels, ReplaceChannel, ReplaceChannel, CutInput]
    assert edits[0].channels == (3,)
    assert edits[1].channels is None
    assert edits[3].by == 7
    again = eval(
        edit_code(edits),
        {"ScaleChannels": ScaleChannels, "ReplaceChannel": ReplaceChannel, "CutInput": CutInput},
    )
    assert edit_code(again) == edit_code(edits)
    assert parsed_edits("; ;x@=;x@1=nan;x@1=1.2.3;../x!1;x@-1=0") == ()
    assert len(parsed_edits("x@1=0;" * 100)) == MOST_EDITS


def test_effects_of_some_channels_are_those_of_all(image: torch.Tensor) -> None:
    model = build_model("resnet18", num_classes=6).eval()
    whole = [step.effect for step in channel_effects(model, image, "layer1", 2)]
    part = list(channel_effects(model, image, "layer1", 2, channels=range(10, 20)))
    assert [step.channel for step in part] == list(range(10, 20))
    assert [step.effect for step in part] == pytest.approx(whole[10:20], abs=1e-5)
    assert part[-1].total == 64


def test_effects_on_a_segmentation_are_mean_scores() -> None:
    model = build_model("unet").eval()
    image = torch.randn(1, *model_input(model), generator=torch.Generator().manual_seed(1))
    effect = next(iter(channel_effects(model, image, "head", 1)))
    assert effect.effect == pytest.approx(0.0, abs=1e-6), (
        "another class's channel does not move this one's score"
    )


def model_input(model: nn.Module) -> tuple[int, int, int]:
    first = next(p for p in model.parameters() if p.ndim == 4)
    return int(first.shape[1]), 32, 32


def test_elements_of_a_concatenation_name_their_source() -> None:
    model = build_model("googlenet", num_classes=5).eval()
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    run = edited_run(model, image, (), ("inception3a.cat", "inception3a.branch2.1.relu"))
    source = element_source(model, image, "inception3a.cat", 70, 3, 2)
    assert source.joined
    assert source.inputs[0][:2] == ("inception3a.branch2.1.relu", 6)
    assert source.value == float(run.kept["inception3a.branch2.1.relu"][6, 3, 2]) == source.inputs[0][2]


def test_ranges_of_what_is_not_finite() -> None:
    found = value_range(torch.tensor([1.0, float("nan"), -2.0, float("inf")]))
    assert (found.low, found.high, found.bad) == (-2.0, 1.0, 0.5)
    assert output_tensor({"out": torch.ones(2)}).sum() == 2
    with pytest.raises(TypeError, match="wanted an output"):
        output_tensor("no tensor")
