"""The fast copy computes what the network computes."""

from __future__ import annotations

import torch
from torch import nn

from cnn.models.imagenette_resnet import ImagenetteResNet
from cnn.models.prepared import HalfPrecision, prepared
from cnn.models.unet import SeparableUNet


def trained(model: nn.Module) -> nn.Module:
    """With statistics and scales that folding could get wrong."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator) * 0.1
            module.running_var = torch.rand(module.num_features, generator=generator) + 0.5
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
    return model.eval()


def test_folded_copies_give_the_same_numbers_and_hold_no_folded_norm() -> None:
    x = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    for model in (trained(ImagenetteResNet()), trained(SeparableUNet(3, 4, widths=(8, 16)))):
        fast = prepared(model, (), half=None)
        with torch.inference_mode():
            torch.testing.assert_close(fast(x), model(x), atol=1e-4, rtol=1e-4)
        norms = sum(isinstance(m, nn.BatchNorm2d) for m in fast.modules())
        assert norms < sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
        assert prepared(model, (), half=None) is fast


def test_a_changed_weight_makes_a_new_copy() -> None:
    model = trained(ImagenetteResNet())
    first = prepared(model, (), half=None)
    with torch.no_grad():
        model.head.bias.add_(1)
    second = prepared(model, (), half=None)
    assert second is not first
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(second(x), first(x) + 1, atol=1e-4, rtol=1e-4)


def test_half_precision_is_inside_only() -> None:
    model = trained(ImagenetteResNet())
    fast = prepared(model, ("stage1", "no.such.part"), half=torch.bfloat16)
    assert isinstance(fast.get_submodule("stage1"), HalfPrecision)
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert fast(x).dtype == torch.float32
        torch.testing.assert_close(fast(x), model(x), atol=0.1, rtol=0.1)
    assert all(p.dtype == torch.float32 for p in model.parameters())
