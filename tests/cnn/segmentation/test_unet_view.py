"""The U's maps are those of the forward pass; skips off change the result and nothing else."""

from __future__ import annotations

import pytest
import torch

from cnn.models.unet import SeparableUNet, UNet
from cnn.segmentation.unet_view import skip_results, unet_maps


@pytest.fixture(params=[UNet, SeparableUNet])
def model(request: pytest.FixtureRequest) -> UNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = request.param(1, 3, widths=(4, 6, 8, 10)).eval()
        for weight in network.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=1.4 / weight[0].numel() ** 0.5)
        with torch.no_grad():  # no class everywhere
            network.head.bias.sub_(network(noise())[0].mean((1, 2)))
        return network


def noise(height: int = 40, width: int = 56) -> torch.Tensor:
    return torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(1))


def test_S2_maps_of_both_arms_have_the_sizes_of_the_u(model: UNet) -> None:
    x = noise()
    maps = unet_maps(model, x)
    assert [tuple(level.carried.shape) for level in maps.levels] == [(4, 40, 56), (6, 20, 28), (8, 10, 14)]
    assert maps.bottom.shape == (10, 5, 7)
    for level in maps.levels:
        assert level.carried.shape == level.raised.shape == level.merged.shape
    with torch.inference_mode():
        assert torch.equal(maps.logits, model(x)[0])
        again = model.merge[0](torch.cat([maps.levels[0].carried, maps.levels[0].raised])[None])[0]
    torch.testing.assert_close(again, maps.levels[0].merged)


def test_S2_a_skip_that_is_off_carries_nothing_into_the_merge(model: UNet) -> None:
    maps = unet_maps(model, noise(), (False, True, True))
    top = maps.levels[0]
    assert not top.skip
    with torch.inference_mode():
        alone = model.merge[0](torch.cat([torch.zeros_like(top.carried), top.raised])[None])[0]
    torch.testing.assert_close(alone, top.merged)
    assert model.skips == (True, True, True)


def test_S2_skips_one_by_one(model: UNet) -> None:
    mask = torch.randint(0, 3, (40, 56), generator=torch.Generator().manual_seed(2))
    results = skip_results(model, noise(), mask)
    assert [r.skips for r in results] == [
        (True, True, True),
        (False, True, True),
        (True, False, True),
        (True, True, False),
        (False, False, False),
    ]
    assert results[0].changed == 0
    for result in results:
        with torch.inference_mode():
            labels = model.with_skips(noise(), result.skips)[0].argmax(0)
        assert torch.equal(result.labels.long(), labels)
        assert result.changed == pytest.approx(float((labels != results[0].labels).float().mean()))
        assert result.scores is not None
    assert any(result.changed > 0 for result in results)


def test_A6_one_pixel_goes_through(model: UNet) -> None:
    assert unet_maps(model, noise(1, 1)).logits.isfinite().all()


def test_other_shapes_are_refused(model: UNet) -> None:
    with pytest.raises(ValueError, match="wanted"):
        unet_maps(model, torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match="3 switches"):
        unet_maps(model, noise(), (True,))
