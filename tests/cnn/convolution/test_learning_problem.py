"""Row C10: the loss as an exact quadratic, against PyTorch's back-propagation and its optimisers."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_sample_images
from torch.nn import functional as F

from cnn.checks import ShapeError
from cnn.convolution.filters import filter_weight
from cnn.convolution.learned_filters import learned_filter
from cnn.convolution.learning_problem import learning_problem, learning_trace
from cnn.convolution.learning_settings import FIELDS, LearningSettings, Phase, plan_of, plan_text

SOBEL = filter_weight("sobel_x")


def photo(index: int = 0, step: int = 4) -> torch.Tensor:
    return torch.tensor(load_sample_images().images[index]).permute(2, 0, 1)[:, ::step, ::step]


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("size", [3, 5])
def test_C10_loss_and_gradient_are_those_of_autograd(size: int, noise: float) -> None:
    problem = learning_problem(photo(), filter_weight("gaussian", kernel_size=size), seed=4)
    weight = torch.randn(size, size, dtype=torch.float64, requires_grad=True)
    goal = (problem.goal + noise * problem.noise).double()
    output = F.conv2d(problem.pixels.double()[None, None], weight[None, None])[0, 0]
    loss = (output - goal).pow(2).mean() / problem.unit
    loss.backward()
    assert problem.loss(weight.detach(), noise) == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(problem.gradient(weight.detach(), noise), weight.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("learner", ["momentum", "gradient_descent", "adam"])
def test_C10_the_trace_is_back_propagations(learner: str) -> None:
    records = list(learned_filter(photo(step=6), SOBEL, steps=60, learner=learner, learning_rate=0.7, seed=2))
    problem = learning_problem(photo(step=6), SOBEL, seed=2)
    trace = learning_trace(problem, [Phase(0, learner, 0.7, 0)], 60)
    for record in records:
        torch.testing.assert_close(trace.weights[record.step].float(), record.weight, rtol=1e-3, atol=2e-4)
        assert trace.losses[record.step - 1] == pytest.approx(record.loss, rel=1e-3, abs=1e-6)
    assert trace.errors[-1] == pytest.approx(records[-1].error, abs=2e-4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_C10_converges_to_sobel_within_a_hundredth(seed: int) -> None:
    problem = learning_problem(photo(), SOBEL, seed=seed)
    trace = learning_trace(problem, plan_of("0m1n0"), 400)
    assert trace.errors[0] > 0.5
    assert trace.errors[-1] < 1e-2
    assert not trace.diverged


def test_C10_noise_on_the_wanted_map_averages_out() -> None:
    problem = learning_problem(photo(step=2), SOBEL)
    trace = learning_trace(problem, plan_of("0m1n30"), 600)
    assert trace.errors[-1] < 0.15
    assert trace.losses[-1] == pytest.approx(0.09, rel=0.05)  # what is left is the noise's own variance


def test_C10_steered_learning_is_torchs_with_another_optimiser_from_there_on() -> None:
    problem = learning_problem(photo(step=6), SOBEL, seed=1)
    trace = learning_trace(problem, plan_of("0m1n0_20m0.3n0_40a0.5n10"), 60)
    weight = problem.start.double().clone().requires_grad_(True)
    optimiser: torch.optim.Optimizer = torch.optim.SGD([weight], problem.safe_rate, momentum=0.95)
    for step in range(60):
        if step == 20:
            optimiser.param_groups[0]["lr"] = 0.3 * problem.safe_rate
        if step == 40:
            optimiser = torch.optim.Adam([weight], 0.05)
        weight.grad = problem.gradient(weight.detach(), 0.1 if step >= 40 else 0.0)
        optimiser.step()
    torch.testing.assert_close(trace.weights[-1], weight.detach())


def test_C10_a_rate_too_large_diverges_and_says_so() -> None:
    trace = learning_trace(learning_problem(photo(), SOBEL), plan_of("0g10n0"), 3000)
    assert trace.diverged
    assert len(trace.losses) < 3000
    assert torch.isfinite(trace.weights).all()


def test_flat_and_small_pictures_are_refused() -> None:
    with pytest.raises(ShapeError):
        learning_problem(torch.full((40, 40), 7.0), SOBEL)
    with pytest.raises(ShapeError):
        learning_problem(torch.rand(5, 5), SOBEL)


@pytest.mark.parametrize("text", ["", "junk", "9999z1n1", "0m99n999", "5a0n0_5m1n0_3g2n7", "1m1n1_" * 40])
def test_fault_C1_plans_are_always_valid(text: str) -> None:
    phases = plan_of(text)
    assert phases[0].start == 0
    assert [p.start for p in phases] == sorted({p.start for p in phases})
    assert all(0.01 <= p.rate <= 10 and 0 <= p.noise <= 100 for p in phases)
    assert plan_of(plan_text(phases)) == phases


def test_settings_are_valid_whatever_comes() -> None:
    settings = LearningSettings.from_mapping(
        {field.name: object() for field in FIELDS} | {"plan": "x", "step": 1e9}
    )
    assert settings == LearningSettings(step=3000)
    assert LearningSettings.from_mapping(settings.to_mapping()) == settings
