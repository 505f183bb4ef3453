"""Crop by crop against all at once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnn.detection.convolutional import ConversionError, as_convolutional
from cnn.detection.sliding_window import fitted_picture, sliding_windows
from cnn.models.imagenette_resnet import ImagenetteResNet
from cnn.models.lenet5 import LeNet5
from cnn.models.tiny_vgg import TinyVGG
from cnn.models.unet import UNet


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_O3_both_ways_give_the_same_scores_and_one_pass_costs_less() -> None:
    model, picture = LeNet5().eval(), noise(1, 75, 90)
    result = sliding_windows(model, picture, window=32)
    assert result.jump == (4, 4)
    assert result.crop_scores.shape == (10, 11, 15)
    assert not result.padded
    assert result.same
    torch.testing.assert_close(result.convolutional_scores, result.crop_scores, atol=1e-5, rtol=1e-4)
    with torch.inference_mode():  # one window by hand
        alone = model(picture[None, :, 12:44, 20:52])[0]
    torch.testing.assert_close(result.crop_scores[:, 3, 5], alone, atol=1e-5, rtol=1e-4)
    assert result.boxes[3, 5].tolist() == [20, 12, 52, 44]
    assert result.convolutional_multiply_adds < 0.2 * result.crop_multiply_adds
    torch.testing.assert_close(result.heat.sum(0), torch.ones(11, 15))


def test_O3_multiply_adds_are_the_published_sum_of_the_layers() -> None:
    result = sliding_windows(LeNet5().eval(), noise(1, 32, 32), window=32)
    layers = 28 * 28 * 25 * 6 + 100 * 25 * 6 * 16 + 400 * 120 + 120 * 84 + 84 * 10
    assert result.crop_multiply_adds == result.convolutional_multiply_adds == layers


def test_O3_a_wider_stride_takes_every_second_window() -> None:
    model, picture = LeNet5().eval(), noise(1, 60, 47)
    every, second = (sliding_windows(model, picture, window=32, stride=s) for s in (4, 8))
    assert second.same
    torch.testing.assert_close(second.convolutional_scores, every.convolutional_scores[:, ::2, ::2])


def test_O3_padding_makes_a_difference_that_is_told() -> None:
    model = TinyVGG().eval()
    result = sliding_windows(model, noise(3, 96, 80), window=64)
    assert result.padded
    assert result.jump == (16, 16)
    assert result.crop_scores.shape == (10, 3, 2)
    assert result.largest_difference > 0
    alone = sliding_windows(model, noise(3, 64, 64), window=64)
    assert alone.same


def test_O3_a_hidden_layer_over_maps_becomes_a_large_filter() -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 5, 6), nn.ReLU(), nn.Linear(6, 3)
    ).eval()
    converted = as_convolutional(model, (2, 8, 12))
    kinds = [m for m in converted.network.modules() if isinstance(m, nn.Conv2d)]
    assert [m.kernel_size for m in kinds] == [(3, 3), (3, 5), (1, 1)]
    assert sliding_windows(model, noise(2, 20, 21), window=(8, 12)).same


def test_pictures_are_scaled_so_that_windows_fit() -> None:
    scaled, scale = fitted_picture(noise(1, 100, 200), 50, 32)
    assert scaled.shape == (1, 64, 128)
    assert scale == (0.64, 0.64)
    assert fitted_picture(noise(1, 1, 1), 50, 32)[0].shape == (1, 32, 32)


def test_what_cannot_slide_is_refused() -> None:
    for model, shape in ((UNet(1, 2), (1, 32, 32)), (nn.Sequential(nn.Linear(4, 2)), (1, 4, 4))):
        with pytest.raises(ConversionError, match="wanted"):
            as_convolutional(model, shape)
    lenet = LeNet5().eval()
    for options, picture in (
        ({"window": 32}, noise(1, 31, 50)),
        ({"window": 32, "stride": 3}, noise(1, 40, 40)),
    ):
        with pytest.raises(ValueError, match="wanted"):
            sliding_windows(lenet, picture, **options)


def test_residual_networks_convert_as_well() -> None:
    model = ImagenetteResNet().eval()
    result = sliding_windows(model, noise(3, 64, 64), window=64)
    assert result.same
    assert result.jump == (16, 16)
