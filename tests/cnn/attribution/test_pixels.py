"""Pixel attribution against plain gradients, closed forms and captum itself."""

from __future__ import annotations

import pytest
import torch
from captum.attr import GuidedBackprop, Occlusion
from torch import Tensor, nn

from cnn.attribution.pixels import METHODS, attribution, occlusion_steps, smoothed, twin_with_own_relus
from cnn.models.registry import build_model


def photo(size: int = 64, channels: int = 3) -> Tensor:
    return torch.randn(channels, size, size, generator=torch.Generator().manual_seed(2))


def gradient(model: nn.Module, image: Tensor, target: int) -> Tensor:
    pixels = image[None].clone().requires_grad_()
    (found,) = torch.autograd.grad(model(pixels)[0, target], pixels)
    return found[0]


def test_saliency_and_input_times_gradient() -> None:
    model = build_model("resnet18", num_classes=4)
    wanted = gradient(model, photo(), 1)
    found = attribution("saliency", model, photo(), 1)
    torch.testing.assert_close(found.values, wanted)
    torch.testing.assert_close(found.heat, wanted.abs().sum(0))
    product = attribution("input_x_gradient", model, photo(), 1)
    torch.testing.assert_close(product.heat, (wanted * photo()).sum(0))


def test_integrated_gradients_add_up_to_the_change_of_the_score() -> None:
    model = build_model("lenet5").eval()
    image = photo(32, 1)
    baseline = torch.full((1, 32, 32), 0.3)
    found = attribution("integrated_gradients", model, image, 4, steps=64, baseline=baseline)
    with torch.no_grad():
        change = model(image[None])[0, 4] - model(baseline[None])[0, 4]
    assert float(found.heat.sum()) == pytest.approx(float(change), abs=1e-3)
    assert found.gap < 1e-3
    assert found.signed


def slow_guided(model: nn.Module, image: Tensor, target: int) -> Tensor:
    """Back-propagation in which every ReLU lets only positive gradients of positive inputs through."""

    class Guided(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, grad):  # type: ignore[no-untyped-def]
            (x,) = ctx.saved_tensors
            return grad * (x > 0) * (grad > 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.ReLU, "forward", lambda self, x: Guided.apply(x))
        patch.setattr(torch.nn.functional, "relu", lambda x, inplace=False: Guided.apply(x))
        return gradient(model, image, target)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "googlenet", "tiny_vgg"])
def test_guided_backprop_where_relus_are_shared_or_functions(name: str) -> None:
    model = build_model(name, num_classes=4, seed=3)
    found = attribution("guided_backprop", model, photo(), 2)
    wanted = slow_guided(model, photo(), 2)
    scale = float(wanted.abs().max())
    torch.testing.assert_close(found.values / scale, wanted / scale, rtol=1e-3, atol=1e-4)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())


def test_guided_backprop_is_captums_where_layers_are_plain() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
    ).eval()
    wanted = GuidedBackprop(model).attribute(photo(10)[None], target=1)
    torch.testing.assert_close(attribution("guided_backprop", model, photo(10), 1).values, wanted[0])


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "unet"])
def test_the_twin_computes_the_same_and_shares_the_weights(name: str) -> None:
    model = build_model(name, num_classes=3)
    twin = twin_with_own_relus(model)
    image = photo(64, 1 if name == "unet" else 3)[None]
    with torch.no_grad():
        torch.testing.assert_close(twin(image), model(image), rtol=0, atol=0)
    mine = {id(p) for p in model.parameters()}
    assert {id(p) for p in twin.parameters()} <= mine


def test_smooth_grad_is_seeded() -> None:
    model = build_model("lenet5")
    first, again = (attribution("smooth_grad", model, photo(32, 1), 1, steps=4, seed=3) for _ in range(2))
    other = attribution("smooth_grad", model, photo(32, 1), 1, steps=4, seed=4)
    assert torch.equal(first.heat, again.heat)
    assert not torch.equal(first.heat, other.heat)


def test_occlusion_is_captums() -> None:
    model = build_model("lenet5")
    image = photo(32, 1)
    steps = list(occlusion_steps(model, image, 3, window=8, stride=8, batch_size=5))
    assert [step.done for step in steps] == [5, 10, 15, 16]
    assert all(step.result is None for step in steps[:-1])
    wanted = Occlusion(model).attribute(image[None], (1, 8, 8), strides=(1, 8, 8), target=3)
    assert steps[-1].result is not None
    torch.testing.assert_close(steps[-1].result.heat, wanted[0, 0], rtol=1e-4, atol=1e-5)
    overlapping = list(occlusion_steps(model, image, 3, window=9, stride=5))[-1]
    assert torch.isfinite(overlapping.heat).all()
    slow = torch.zeros(32, 32)
    seen = torch.zeros(32, 32)
    with torch.no_grad():
        whole = model(image[None])[0, 3]
        for top in range(0, 26, 5):
            for left in range(0, 26, 5):
                covered = image.clone()
                covered[:, top : top + 9, left : left + 9] = 0
                slow[top : top + 9, left : left + 9] += whole - model(covered[None])[0, 3]
                seen[top : top + 9, left : left + 9] += 1
    torch.testing.assert_close(overlapping.heat, slow / seen, rtol=1e-4, atol=1e-5)


def test_a_model_in_training_comes_back_as_it_was() -> None:
    model = build_model("resnet18", num_classes=4).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    for method in METHODS:
        attribution(method, model, photo(), 1, steps=2)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_warnings_and_refusals() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(2 * 64, 2)).eval()
    nn.init.zeros_(model[0].weight)  # type: ignore[arg-type]
    assert attribution("saliency", model, photo(8), 0).warning == "zero"
    nn.init.constant_(model[2].weight, float("nan"))  # type: ignore[arg-type]
    assert attribution("saliency", model, photo(8), 0).warning == "not_finite"
    with pytest.raises(ValueError, match="lime"):
        attribution("lime", model, photo(8))
    with pytest.raises(IndexError, match="got 2"):
        attribution("saliency", model, photo(8), 2)
    with pytest.raises(ValueError, match="at least 1"):
        next(occlusion_steps(model, photo(8), 0, window=0))
    with pytest.raises(ValueError, match="odd"):
        smoothed(torch.zeros(4, 4), 2)
    assert smoothed(torch.ones(4, 4), 3).unique().tolist() == [1]
