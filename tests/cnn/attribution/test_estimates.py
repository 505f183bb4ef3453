"""Maps that get better run by run: the last one against captum and the direct call, the first ones against plain loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Occlusion, Saliency
from torch import Tensor, nn

from cnn.attribution.estimates import (
    Estimate,
    integrated_gradient_steps,
    occlusion_steps,
    smooth_grad_steps,
    spread_order,
)
from cnn.attribution.pixels import attribution, gradient_maps
from cnn.models.registry import build_model

STEPS: dict[str, Callable[..., Iterator[Estimate]]] = {
    "integrated_gradients": integrated_gradient_steps,
    "smooth_grad": smooth_grad_steps,
    "occlusion": occlusion_steps,
}


def photo(size: int = 48) -> Tensor:
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return build_model("tiny_vgg", num_classes=4, seed=1).eval()


@pytest.mark.parametrize("steps", [1, 2, 7, 32])
def test_integrated_gradients_end_as_captums(model: nn.Module, steps: int) -> None:
    baseline = torch.full_like(photo(), 0.2)
    *_, last = integrated_gradient_steps(model, photo(), 3, baseline=baseline, steps=steps)
    wanted, gap = IntegratedGradients(model).attribute(
        photo(), baseline, target=3, n_steps=steps, return_convergence_delta=True
    )
    assert last.result is not None
    assert last.done == last.total == steps
    scale = float(wanted.abs().max())
    torch.testing.assert_close(last.result.values / scale, wanted[0] / scale, rtol=1e-4, atol=1e-5)
    assert last.result.gap == pytest.approx(float(gap.abs()), abs=1e-4)


def test_an_early_estimate_is_the_mean_gradient_of_its_points(model: nn.Module) -> None:
    first, second, *_ = integrated_gradient_steps(model, photo(), 1, steps=8)
    assert first.result is None
    nodes, weights = (
        torch.linalg.eigh(  # Golub and Welsch: the rule from the Jacobi matrix of Legendre's polynomials
            sum(
                torch.diag(torch.tensor([k / (4 * k * k - 1) ** 0.5 for k in range(1, 8)]).double(), side)
                for side in (-1, 1)
            )
        )
    )
    shares = weights[0].square()
    gradients = []
    for place in (4, 2):  # the middle, then a quarter
        pixels = (photo() * float((1 + nodes[place]) / 2)).requires_grad_()
        gradients.append(torch.autograd.grad(model(pixels)[0, 1], pixels)[0][0])
    torch.testing.assert_close(first.heat, (gradients[0] * photo()[0]).sum(0), rtol=1e-3, atol=1e-5)
    mean = (gradients[0] * shares[4] + gradients[1] * shares[2]) / (shares[4] + shares[2])
    torch.testing.assert_close(second.heat, (mean * photo()[0]).sum(0).float(), rtol=1e-3, atol=1e-5)


def test_smooth_grad_ends_as_the_mean_of_captums_saliencies(model: nn.Module) -> None:
    estimates = list(smooth_grad_steps(model, photo(), 2, samples=5, seed=4))
    assert [step.done for step in estimates] == [1, 2, 3, 4, 5]
    generator = torch.Generator().manual_seed(4)
    spread = 0.15 * float(photo().max() - photo().min())
    total = torch.zeros(48, 48)
    for done, step in enumerate(estimates, start=1):
        noisy = photo() + spread * torch.randn(photo().shape, generator=generator)
        total += Saliency(model).attribute(noisy, target=2)[0].sum(0)
        torch.testing.assert_close(step.heat, total / done, rtol=1e-4, atol=1e-6)
    tunnel = NoiseTunnel(Saliency(model)).attribute(
        photo(), nt_type="smoothgrad", nt_samples=64, stdevs=spread, target=2
    )
    *_, many = smooth_grad_steps(model, photo(), 2, samples=64)
    both = torch.stack([many.heat.flatten(), tunnel[0].sum(0).detach().flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.9  # other noise, the same mean


def test_occlusion_covers_the_whole_picture_with_its_first_quarter_and_ends_as_captums(
    model: nn.Module,
) -> None:
    estimates = list(occlusion_steps(model, photo(), 3, window=8, stride=4, batch_size=1))
    coarse, last = estimates[35], estimates[-1]  # 6 × 6 squares side by side, of 11 × 11
    apart = Occlusion(model).attribute(photo(), (3, 8, 8), strides=(3, 8, 8), target=3)
    torch.testing.assert_close(coarse.heat, apart[0, 0], rtol=1e-3, atol=1e-5)
    assert last.done == last.total == 121
    wanted = Occlusion(model).attribute(photo(), (3, 8, 8), strides=(3, 4, 4), target=3)
    torch.testing.assert_close(last.heat, wanted[0, 0], rtol=1e-3, atol=1e-5)
    batched = list(occlusion_steps(model, photo(), 3, window=8, stride=4, batch_size=50))
    assert [step.done for step in batched] == [50, 100, 121]
    torch.testing.assert_close(batched[-1].heat, last.heat, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", STEPS)
def test_the_last_estimate_is_the_direct_call(model: nn.Module, method: str) -> None:
    *before, last = STEPS[method](model, photo())
    assert last.result is not None
    assert all(step.result is None and bool(step.heat.isfinite().all()) for step in before)
    assert [step.done for step in before] == sorted({step.done for step in before})
    with torch.no_grad():
        assert last.result.target == int(model(photo())[0].argmax())
    torch.testing.assert_close(last.heat, last.result.heat, rtol=0, atol=0)
    if method != "occlusion":
        wanted = attribution(method, model, photo())
        assert torch.equal(last.heat, wanted.heat)
        assert (last.signed, last.result.warning) == (wanted.signed, wanted.warning)


@pytest.mark.parametrize("method", STEPS)
def test_bad_input_is_refused_and_numbers_that_are_not_finite_are_warned_of(method: str) -> None:
    broken = nn.Sequential(nn.Flatten(), nn.Linear(3 * 48 * 48, 4)).eval()
    with pytest.raises(IndexError, match=r"0\.\.3, got 4"):
        next(STEPS[method](broken, photo(), 4))
    with pytest.raises(ValueError, match="at least 1"):
        next(STEPS[method](broken, photo(), 0, **{"window" if method == "occlusion" else _COUNT[method]: 0}))
    with pytest.raises(ValueError, match="class scores"):
        next(STEPS[method](nn.Conv2d(3, 2, 1), photo(), 0))
    nn.init.constant_(broken[1].weight, float("nan"))  # type: ignore[arg-type]
    *_, last = STEPS[method](broken, photo(), 0)
    assert last.result is not None
    assert last.result.warning == "not_finite"
    assert not bool(last.heat.any())


_COUNT = {"integrated_gradients": "steps", "smooth_grad": "samples"}


@pytest.mark.parametrize("count", [1, 2, 3, 8, 20, 32])
def test_every_beginning_of_the_order_is_spread(count: int) -> None:
    order = spread_order(count)
    assert sorted(order) == list(range(count))
    for length in range(2, count + 1):
        places = sorted(order[:length])
        gaps = [b - a for a, b in zip([-1, *places], [*places, count], strict=True)]
        assert max(gaps) <= 2 * count / length + 2


def test_one_pass_gives_both_maps_of_the_gradient(model: nn.Module) -> None:
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    handle = model.register_forward_hook(count)
    found = gradient_maps(model, photo(), 2)
    handle.remove()
    assert passes == 1
    for method, map_ in found.items():
        assert torch.equal(map_.heat, attribution(method, model, photo(), 2).heat)
