"""The estimate against what autograd really keeps, and the largest size."""

import pytest
import torch

from cnn.style import memory
from cnn.style.errors import StyleError
from cnn.style.features import extractor, style_network
from cnn.style.gatys import style_transfer
from cnn.style.memory import largest_size, memory_estimate
from cnn.style.settings import StyleSettings

VGG = style_network("random-vgg19")


def kept_by_autograd(cut, size):
    """Bytes of the distinct tensors that a forward pass keeps for backward, without the parameters."""
    own = {p.data_ptr() for p in cut.parameters()} | {b.data_ptr() for b in cut.buffers()}
    sizes = {}

    def keep(tensor):
        if tensor.data_ptr() not in own:
            sizes[tensor.data_ptr()] = (tensor.untyped_storage().nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        maps = cut(torch.rand(1, 3, *size).requires_grad_(True))
    assert maps
    return sum(amount for amount, _ in sizes.values())


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_kept_maps_are_those_that_autograd_keeps(pooling):
    settings = StyleSettings(network="random-vgg19", precision="float32", pooling=pooling)
    layers = (*VGG.content_layers, *VGG.style_layers)
    measured = kept_by_autograd(extractor(VGG, layers, pooling=pooling), (64, 80))
    assert memory_estimate(VGG, settings, (64, 80)).saved == pytest.approx(measured, rel=0.1)


def test_the_estimate_grows_with_size_styles_and_precision():
    half, full = (StyleSettings(network="random-vgg19", precision=p) for p in ("bfloat16", "float32"))
    small, large = memory_estimate(VGG, half, (128, 128)), memory_estimate(VGG, half, (256, 256))
    assert large.saved == 4 * small.saved
    assert memory_estimate(VGG, full, (128, 128)).weights == 2 * small.weights
    assert memory_estimate(VGG, half, (128, 128), styles=3).targets > small.targets
    assert small.total == small.weights + small.saved + small.passing + small.targets + small.optimiser
    assert large.text().endswith("MB")


def test_the_largest_size_is_the_largest_that_fits():
    settings = StyleSettings(network="random-vgg19")
    budget = 300 << 20
    size = largest_size(VGG, settings, proportions=(2, 3), memory=budget)
    assert size % 16 == 0
    assert memory_estimate(VGG, settings, (round(size * 2 / 3), size)).total <= budget
    bigger = size + 16
    assert memory_estimate(VGG, settings, (round(bigger * 2 / 3), bigger)).total > budget
    assert largest_size(VGG, settings, memory=1) == 0


def test_a_size_that_does_not_fit_is_refused_beforehand(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device: 200 << 20)
    picture = torch.zeros(3, 40, 40, dtype=torch.uint8)
    with pytest.raises(StyleError) as refused:
        next(style_transfer(picture, picture, network="random-vgg19", size=2048))
    assert refused.value.code == "too_large"
    assert 16 <= int(refused.value.values["largest"]) < 2048
    assert "200 MB" in refused.value.sentence("ko")
