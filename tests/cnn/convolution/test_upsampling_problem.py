"""Row C17: a learned transposed convolution against back-propagation and the fixed ways to enlarge."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_sample_images
from torch.nn import functional as F

from cnn.checks import ShapeError
from cnn.convolution.transposed_convolution import upsampled
from cnn.convolution.transposed_settings import FIELDS, TransposedSettings
from cnn.convolution.upsampling_problem import (
    MOMENTUM,
    enlarged,
    learned_upsampling_trace,
    reduced,
)


def photo() -> torch.Tensor:
    return torch.tensor(load_sample_images().images[0]).permute(2, 0, 1)[:, ::6, ::6].contiguous()


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_C17_every_step_is_back_propagations(factor: int) -> None:
    trace = learned_upsampling_trace(photo(), factor=factor, steps=12, seed=3)
    weight = trace.weights[0].clone().requires_grad_(True)
    optimiser = torch.optim.SGD([weight], lr=trace.rate, momentum=MOMENTUM, nesterov=True)
    for step in range(12):
        loss = (enlarged(trace.small, weight, factor) - trace.goal).pow(2).mean()
        assert trace.errors[step] == pytest.approx(loss.item(), rel=1e-5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        torch.testing.assert_close(trace.weights[step + 1], weight.detach(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_C17_bicubic_is_one_of_the_filters_that_can_be_learned(factor: int) -> None:
    impulse = torch.zeros(1, 9, 9)
    impulse[0, 4, 4] = 1
    answer = upsampled(impulse, factor, "bicubic")[0]
    first = 4 * factor - (3 * factor + 1) // 2
    weight = answer[first : first + 4 * factor, first : first + 4 * factor]
    _, small = reduced(photo(), factor)
    torch.testing.assert_close(
        enlarged(small, weight, factor), upsampled(small, factor, "bicubic"), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_C17_the_learned_filter_is_better_than_every_fixed_one(factor: int) -> None:
    trace = learned_upsampling_trace(photo(), factor=factor)
    assert trace.errors[-1] < min(trace.fixed.values())
    assert trace.errors[0] > 5 * max(trace.fixed.values())
    shown = F.mse_loss(enlarged(trace.small, trace.weights[-1], factor), trace.goal.double())
    assert trace.errors[-1] == pytest.approx(shown.item(), rel=1e-4)


def test_pictures_too_small_are_refused() -> None:
    with pytest.raises(ShapeError):
        reduced(torch.rand(1, 15, 40), 4)
    with pytest.raises(ValueError, match="factor from 2 to 4"):
        reduced(torch.rand(1, 90, 90), 5)


@pytest.mark.parametrize("values", [
    {}, {"kernel": 5, "size": 2}, {"kernel": 1, "small": 1, "up_padding": 2}, {"extra": 3, "up_stride": 2},
    {"step": 16}, {field.name: object() for field in FIELDS},
], ids=str)  # fmt: skip
def test_fault_C1_settings_always_fit_together(values: dict[str, object]) -> None:
    settings = TransposedSettings.from_mapping(values)
    assert settings.kernel <= settings.size
    layer = torch.nn.ConvTranspose2d(
        1, 1, settings.kernel, settings.up_stride, settings.up_padding, output_padding=settings.extra
    )
    assert min(layer(torch.rand(1, 1, settings.small, settings.small)).shape) >= 1
    assert TransposedSettings.from_mapping(settings.to_mapping()) == settings
