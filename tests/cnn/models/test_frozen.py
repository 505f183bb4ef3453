"""The layers that a traced network runs: their own values, autograd's gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnn.models.frozen import frozen


def gradients(layer: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values and input gradient of the frozen layer, and autograd's gradient of the layer itself."""
    upward = torch.randn(layer(x).shape, generator=torch.Generator().manual_seed(1))
    ours = x.clone().requires_grad_()
    value = frozen(layer)(ours)
    theirs = x.clone().requires_grad_()
    return (
        value.detach(),
        torch.autograd.grad(value, ours, upward)[0],
        torch.autograd.grad(layer(theirs), theirs, upward)[0],
    )


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_B8_the_gradient_of_a_large_convolution_is_autograds(padding: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(512, 448, 3, padding=padding)
    x = torch.randn(1, 512, 7, 7)
    value, ours, theirs = gradients(layer, x)
    assert torch.equal(value, layer(x))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_weights_changed_in_place_are_laid_out_again() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(512, 512, 3, padding=1)
    step = frozen(layer)
    x = torch.randn(1, 512, 5, 5, requires_grad=True)
    first = torch.autograd.grad(step(x).sum(), x)[0]
    with torch.no_grad():
        layer.weight.mul_(-2)
    torch.testing.assert_close(torch.autograd.grad(step(x).sum(), x)[0], -2 * first, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(512, 512, 3, padding=1, stride=2),
        nn.Conv2d(512, 512, 3, padding="same"),
        nn.Conv2d(512, 512, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(512, 512, 3, dilation=2),
        nn.Conv2d(8, 4, 3),
    ],
    ids=["stride", "same", "circular", "dilation", "small"],
)
def test_other_convolutions_are_left_to_autograd(layer: nn.Conv2d) -> None:
    _, ours, theirs = gradients(layer, torch.randn(1, layer.in_channels, 9, 9))
    assert isinstance(frozen(layer), nn.Conv2d)
    assert torch.equal(ours, theirs)


def test_a_batch_norms_gradient_is_one_multiplication() -> None:
    norm = nn.BatchNorm2d(6)
    with torch.no_grad():
        norm.running_mean.uniform_()
        norm.running_var.uniform_(0.5, 2)
        norm.weight.uniform_(-1, 1)
    value, ours, theirs = gradients(norm.eval(), torch.randn(2, 6, 4, 4))
    assert torch.isfinite(value).all()
    torch.testing.assert_close(ours, theirs)
