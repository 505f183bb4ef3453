"""Rows C11, C12, C14 and C15: counts, shifts, stacks, other axes."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from cnn.checks import ShapeError
from cnn.convolution.connections import (
    StackLayer,
    connection_counts,
    connections,
    convolve_sequence,
    convolve_volume,
    stacked_filters,
    translation_study,
)

VERTICAL = torch.tensor([[1.0, 0, -1]] * 3)


def test_C11_the_lectures_counts():
    assert connection_counts(1000, 1000, 10_000).fully_connected == 10**10
    assert connection_counts(100, 100, 1_000).fully_connected == 10**7
    for f, channels in itertools.product((1, 3, 5, 11), (1, 3, 64)):
        assert (
            connection_counts(100, 100, 10, channels=channels, kernel_size=f).convolution
            == f**2 * channels + 1
        )
    ten = connection_counts(1000, 1000, 10_000, kernel_size=10, filters=6)
    assert (ten.locally_connected, ten.convolution_all) == (10**6, 6 * 101)


@pytest.mark.parametrize(("size", "kernel"), [(6, 3), (5, 1), (4, 4)])
def test_C11_connections_are_torchs_layers(size, kernel):
    outputs = size - kernel + 1
    shared = connections("convolution", size, kernel)
    weight = torch.arange(1.0, kernel + 1)
    matrix = torch.where(shared >= 0, weight[shared.clamp(min=0)], 0)
    x = torch.rand(size)
    torch.testing.assert_close(matrix @ x, torch.conv1d(x[None, None], weight[None, None])[0, 0])
    local, full = connections("locally_connected", size, kernel), connections("fully_connected", size, kernel)
    assert ((local >= 0) == (shared >= 0)).all()
    assert sorted(local[local >= 0].tolist()) == list(range(outputs * kernel))
    assert sorted(full.flatten().tolist()) == list(range(outputs * size))
    assert len(shared[shared >= 0].unique()) == kernel


def test_C11_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError):
        connection_counts(4, 4, 1, kernel_size=5)
    with pytest.raises(ShapeError):
        connections("convolution", 4, 5)
    with pytest.raises(ValueError, match="kind"):
        connections("dense", 4, 2)
    with pytest.raises(ValueError, match="256"):
        connections("convolution", 257, 2)


@pytest.mark.parametrize("shift", [(1, 1), (0, 3), (-2, 1), (0, 0)])
def test_C12_convolution_shifts_with_the_picture_and_a_dense_layer_does_not(shift):
    image = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(0))
    study = translation_study(image, VERTICAL, shift)
    assert study.map_equal == 1.0
    assert study.dense_equal == (1.0 if shift == (0, 0) else pytest.approx(0, abs=0.05))
    slow = sum(signal.correlate2d(c.numpy(), VERTICAL.numpy(), mode="valid") for c in study.images[1])
    np.testing.assert_allclose(study.maps[1][0].numpy(), slow, atol=1e-5)
    rolled = ndimage.shift(image.numpy(), (0, *shift), order=0, mode="nearest")
    np.testing.assert_array_equal(study.images[1].numpy(), rolled)


def test_C12_some_pooled_outputs_of_a_one_pixel_shift_are_identical():
    image = torch.zeros(12, 12)
    image[4:9, 3:8] = 200
    study = translation_study(image, torch.ones(1, 1), (0, 1))
    assert 0.5 < study.pooled_equal < 1
    slow = np.mean(study.pooled[0].numpy() == study.pooled[1].numpy())
    assert study.pooled_equal == pytest.approx(slow)
    changed = (study.maps[0] != study.maps[1]).float().mean()
    assert 1 - study.pooled_equal <= changed + 0.1


def test_C12_a_picture_below_the_filter_and_shift_is_refused():
    with pytest.raises(ShapeError):
        translation_study(torch.zeros(4, 4), VERTICAL, (3, 3))


def test_C14_three_3x3_against_one_7x7():
    for c in (1, 64):
        small, large = (
            stacked_filters([StackLayer((3, 3), c, c)] * 3),
            stacked_filters([StackLayer((7, 7), c, c)]),
        )
        assert small.receptive_field == large.receptive_field == (7, 7)
        assert (small.weights, large.weights) == (27 * c * c, 49 * c * c)
        assert (small.weights_per_pair, large.weights_per_pair) == (27, 49)
        assert (small.nonlinearities, large.nonlinearities) == (3, 1)


def test_C14_split_filters_and_bottleneck():
    split = stacked_filters([StackLayer((1, 3), 8, 8), StackLayer((3, 1), 8, 8)])
    assert (split.receptive_field, split.weights_per_pair) == ((3, 3), 6)
    bottleneck = stacked_filters(
        [StackLayer((1, 1), 256, 64), StackLayer((3, 3), 64, 64), StackLayer((1, 1), 64, 256)]
    )
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(256, 64, 1, bias=False),
        torch.nn.Conv2d(64, 64, 3, bias=False),
        torch.nn.Conv2d(64, 256, 1, bias=False),
    )
    assert bottleneck.weights == sum(p.numel() for p in layers.parameters()) == 69_632
    with pytest.raises(ShapeError):
        stacked_filters([StackLayer((1, 1), 4, 8), StackLayer((1, 1), 4, 8)])


def test_C15_a_filter_along_a_sequence():
    generator = torch.Generator().manual_seed(0)
    sequence, weight = torch.rand(2, 14, generator=generator), torch.rand(16, 2, 5, generator=generator)
    output = convolve_sequence(sequence, weight)
    assert output.shape == (16, 10)  # width x depth: two axes
    for k, t in itertools.product(range(16), range(10)):
        slow = sum(float(sequence[c, t + u]) * float(weight[k, c, u]) for c in range(2) for u in range(5))
        assert output[k, t] == pytest.approx(slow, rel=1e-5)
    assert convolve_sequence(sequence, weight, stride=2, padding=2).shape == (16, 7)


def test_C15_a_filter_through_a_volume():
    generator = torch.Generator().manual_seed(0)
    volume, weight = (
        torch.rand(2, 5, 6, 7, generator=generator),
        torch.rand(3, 2, 3, 3, 3, generator=generator),
    )
    output = convolve_volume(volume, weight)
    assert output.shape == (3, 3, 4, 5)  # four axes
    for k in range(3):
        slow = sum(signal.correlate(volume[c].numpy(), weight[k, c].numpy(), mode="valid") for c in range(2))
        np.testing.assert_allclose(output[k].numpy(), slow, rtol=1e-4)
    for wrong in (volume[:1], volume[:, :2], volume[0]):
        with pytest.raises(ShapeError):
            convolve_volume(wrong, weight)
