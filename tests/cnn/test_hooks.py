import gc
import threading
import time

import pytest
import torch
from torch import nn

from cnn import hooks
from cnn.hooks import captured, evaluating, locked


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(32, 3)
    )


@pytest.fixture
def image():
    return torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def hook_count(model):
    return sum(len(module._forward_hooks) for module in model.modules())


def test_captured_outputs_are_those_before_the_in_place_layer(model, image):
    model.eval()
    before = model[1](model[0](image))
    with captured(model, ["0", "1", "2"]) as outputs:
        model(image)
    assert list(outputs) == ["0", "1", "2"]
    assert torch.equal(outputs["1"], before)
    assert (outputs["1"] < 0).any()
    assert torch.equal(outputs["2"], before.clamp(min=0))
    assert not outputs["1"].requires_grad


def test_without_a_copy_the_in_place_layer_is_seen(model, image):
    model.eval()
    with captured(model, ["1"], copy=False) as outputs:
        model(image)
    assert not (outputs["1"] < 0).any()


def test_all_leaves_by_default(model, image):
    nested = nn.Sequential(model, nn.Softmax(1))
    with captured(nested) as outputs:
        nested(image)
    assert list(outputs) == ["0.0", "0.1", "0.2", "0.3", "0.4", "1"]


def test_gradients_flow_to_a_captured_layer_when_asked(model, image):
    with captured(model.eval(), ["4"], detach=False) as outputs:
        scores = model(image)
    (gradient,) = torch.autograd.grad(outputs["4"].sum(), model[4].bias)
    assert torch.equal(gradient, torch.full((3,), 2.0))
    assert scores.requires_grad


def test_hooks_are_gone_after_an_error(model):
    with pytest.raises(RuntimeError), captured(model):
        model(torch.zeros(1, 5, 6, 6))
    assert hook_count(model) == 0


def test_an_unknown_layer_leaves_no_hook(model):
    with (
        pytest.raises(KeyError, match="wanted layers of Sequential, got nope"),
        captured(model, ["0", "nope"]),
    ):
        pass
    assert hook_count(model) == 0


def test_outputs_that_are_no_tensor_are_left_out():
    lstm = nn.LSTM(2, 3)
    with captured(lstm, [""]) as outputs:
        lstm(torch.zeros(1, 1, 2))
    assert outputs == {}


@pytest.mark.parametrize("fails", [False, True])
def test_evaluating_restores_every_flag(model, fails):
    model.train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    modes = [module.training for module in model.modules()]
    flags = [parameter.requires_grad for parameter in model.parameters()]
    try:
        with evaluating(model) as same:
            assert same is model
            assert not any(module.training for module in model.modules())
            assert not any(parameter.requires_grad for parameter in model.parameters())
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert [module.training for module in model.modules()] == modes
    assert [parameter.requires_grad for parameter in model.parameters()] == flags


def test_evaluating_can_keep_gradients(model):
    with evaluating(model, gradients=True):
        assert all(parameter.requires_grad for parameter in model.parameters())


def test_running_statistics_do_not_move_while_evaluating(model, image):
    before = model[1].running_mean.clone()
    with evaluating(model.train()):
        model(image)
    assert torch.equal(model[1].running_mean, before)


def test_locked_keeps_others_out_and_lets_the_owner_in_again(model):
    order = []

    def other():
        with locked(model):
            order.append("other")

    with locked(model), locked(model):
        thread = threading.Thread(target=other)
        thread.start()
        with locked(nn.Identity()):
            order.append("another model")
        time.sleep(0.05)
        order.append("owner")
    thread.join(5)
    assert order == ["another model", "owner", "other"]


def test_a_lock_goes_with_its_model():
    model = nn.Identity()
    with locked(model):
        pass
    count = len(hooks._locks)
    del model
    gc.collect()
    assert len(hooks._locks) < count
