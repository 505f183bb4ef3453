"""Edits against networks whose weights were changed to the same end."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from cnn.models.registry import build_model
from cnn.networks.layers import feature_maps
from cnn.networks.switchboard import CutInput, ReplaceChannel, ScaleChannels, channel_effects, with_edits


def image(channels: int = 3) -> torch.Tensor:
    return torch.randn(2, channels, 64, 64, generator=torch.Generator().manual_seed(1))


def test_without_edits_nothing_changes() -> None:
    model = build_model("resnet18", num_classes=5)
    with with_edits(model, []) as edited, torch.no_grad():
        torch.testing.assert_close(edited(image()), model(image()), rtol=0, atol=0)


def test_silenced_and_scaled_channels_are_changed_weights() -> None:
    model = build_model("resnet18", num_classes=5)
    changed = copy.deepcopy(model)
    with torch.no_grad():
        changed.layer1[0].conv2.weight[[3, 7]] *= 0  # type: ignore[index,union-attr]
        changed.layer2[1].conv1.weight[5] *= 2.5  # type: ignore[index,union-attr]
        wanted = changed(image())
    edits = [ScaleChannels("layer1.0.conv2", (3, 7)), ScaleChannels("layer2.1.conv1", (5,), 2.5)]
    state = copy.deepcopy(model.state_dict())
    with with_edits(model, edits) as edited:
        torch.testing.assert_close(edited(image()), wanted)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_M4_a_cut_shortcut_is_the_plain_network() -> None:
    model = build_model("resnet18", num_classes=5)
    plain = build_model("plain18", num_classes=5)
    plain.load_state_dict(model.state_dict(), strict=False)
    cuts = [CutInput(f"layer{stage}.{block}.add", 1) for stage in (1, 2, 3, 4) for block in (0, 1)]
    with with_edits(model, cuts) as edited, torch.no_grad():
        torch.testing.assert_close(edited(image()), plain(image()))


def test_M10_a_cut_skip_is_the_unets_own_switch() -> None:
    model = build_model("unet")
    skips = [False, True, True, True]
    wanted = model.with_skips(image(1), skips)  # type: ignore[operator]
    names = [name for name in feature_maps(model, image(1)) if "cat" in name]
    with with_edits(model, [CutInput(names[-1], 0)]) as edited, torch.no_grad():
        torch.testing.assert_close(edited(image(1)), wanted)


@pytest.mark.parametrize("by", [4, None, "map"])
def test_replaced_channels(by: int | str | None) -> None:
    model = build_model("lenet5")
    x = torch.randn(1, 1, 32, 32)
    maps = feature_maps(model, x)["c1"]
    wanted = maps.clone()
    wanted[:, 2] = {4: maps[:, 4], None: maps[:, 2].mean(), "map": torch.ones(28, 28)}[by]
    rest = nn.Sequential(*list(model.children())[1:])
    edit = ReplaceChannel("c1", 2, torch.ones(28, 28) if isinstance(by, str) else by)
    with with_edits(model, [edit]) as edited, torch.no_grad():
        torch.testing.assert_close(edited(x), rest(wanted))


def test_what_cannot_be_edited_is_said() -> None:
    model = build_model("resnet18", num_classes=5)
    for edit, error, message in (
        (ScaleChannels("layer1.0.conv2", (64,)), IndexError, "64 channels, got 64"),
        (CutInput("layer1.0.add", 2), IndexError, "2 inputs, got 2"),
        (ScaleChannels("layer8", None), KeyError, "layer8"),
    ):
        with with_edits(model, [edit]) as edited, pytest.raises(error, match=message):
            edited(image())


def test_effects_of_channels_are_those_of_silencing_them() -> None:
    model = build_model("resnet18", num_classes=5)
    x = image()[:1]
    found = list(channel_effects(model, x, "layer4.0.relu", 3, batch_size=48))
    assert [effect.channel for effect in found] == list(range(512))
    assert found[-1].done == found[-1].total == 512
    with torch.no_grad():
        whole = model(x)[0, 3]
    for channel in (0, 100, 511):
        with with_edits(model, [ScaleChannels("layer4.0.relu", (channel,))]) as edited:
            assert found[channel].effect == pytest.approx(float(whole - edited(x)[0, 3]), abs=1e-5)


def test_effects_run_again_only_what_follows_through_branches() -> None:
    model = build_model("googlenet", num_classes=4)
    x = image()[:1]
    found = list(channel_effects(model, x, "inception5a.branch3.1.conv", 1))
    with torch.no_grad(), with_edits(model, [ScaleChannels("inception5a.branch3.1.conv", (9,))]) as edited:
        assert found[9].effect == pytest.approx(float(model(x)[0, 1] - edited(x)[0, 1]), abs=1e-5)
