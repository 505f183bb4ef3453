import math

import pytest
import torch
from torch import nn

from cnn.training.builtin import copy_fitting, stored
from cnn.training.engine import Schedule, _average, make_optimizers, rate_factor


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine():
    assert rate_factor(0.05, 0.1) == pytest.approx(0.51)
    assert rate_factor(0.1, 0.1) == pytest.approx(1.0)
    assert rate_factor(0.55, 0.1) == pytest.approx(0.5)
    assert rate_factor(1.0, 0.1) == pytest.approx(0.0)
    values = [rate_factor(0.2 + i / 100, 0.2) for i in range(80)]
    assert values == sorted(values, reverse=True)
    assert values[20] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.25)))


def test_biases_and_norms_are_not_decayed():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    for kind in ("sgd", "adamw"):
        decayed, others = make_optimizers(model, Schedule(1, 1, 0.1, kind))[0].param_groups
        assert [p.ndim for p in decayed["params"]] == [4]
        assert [p.ndim for p in others["params"]] == [1, 1, 1]
        assert others["weight_decay"] == 0
    with pytest.raises(ValueError, match="'lion'"):
        make_optimizers(model, Schedule(1, 1, 0.1, "lion"))


def test_B15_adam_is_the_fused_one():
    assert make_optimizers(nn.Linear(2, 2), Schedule(1, 1, 0.1, "adamw"))[0].defaults["fused"] is True


def test_muon_steps_kernels_by_an_orthogonal_matrix_and_the_rest_by_adam():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.InstanceNorm2d(16, affine=True), nn.Conv2d(16, 4, 1))
    model.to(memory_format=torch.channels_last)
    kernels, rest = make_optimizers(model, Schedule(1, 1, 0.01, "muon", 0.0))
    assert [p.ndim for g in rest.param_groups for p in g["params"]] == [1, 1, 1, 1]
    before = [model[0].weight.detach().clone(), model[2].weight.detach().clone()]
    model(torch.rand(2, 3, 8, 8)).square().mean().backward()
    kernels.step()
    for was, layer in zip(before, (model[0], model[2]), strict=True):
        change = (was - layer.weight.detach()).flatten(1) / 0.01
        values = torch.linalg.svdvals(change)
        assert (
            values.max() / values.min() < 3.0
        )  # a gradient's lie far apart; Newton-Schulz brings them together
    with pytest.raises(ValueError, match="channels last"):
        make_optimizers(nn.Conv2d(3, 16, 3), Schedule(1, 1, 0.01, "muon"))


def test_the_average_is_the_exponential_one_with_a_quick_start():
    averaged, model = nn.Linear(1, 1), nn.Linear(1, 1)
    expected = averaged.weight.item()
    for step in range(30):
        nn.init.constant_(model.weight, float(step))
        _average(averaged, model, step, 0.9)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert averaged.weight.item() == pytest.approx(expected, rel=1e-4)


def test_only_tensors_of_the_same_name_and_shape_are_copied():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 5))
    before = model[1].weight.clone()
    weights = {"0.weight": torch.ones(3, 2), "1.weight": torch.ones(4, 3), "other": torch.ones(1)}
    assert copy_fitting(model, weights) == 1
    assert torch.equal(model[0].weight, torch.ones(3, 2))
    assert torch.equal(model[1].weight, before)


def test_weights_are_halved_on_disk_but_not_biases_and_statistics():
    kept = stored(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), half=True)
    assert kept["0.weight"].dtype == torch.float16
    assert kept["0.bias"].dtype == torch.float32
    assert kept["1.running_var"].dtype == torch.float32
