"""Use of the input, counts, activation and edge strength."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnn.checks import ShapeError
from cnn.convolution.activation import activate
from cnn.convolution.convolution import convolve
from cnn.convolution.gradient import gradient
from cnn.convolution.reach import multiply_adds, parameter_count, reached, usage_counts


def slow_counts(size, kernel, stride, padding, dilation):
    """The gradient of the sum of all outputs of a filter of ones counts the uses of each pixel."""
    image = torch.zeros(1, 1, *size, dtype=torch.float64, requires_grad=True)
    padded = F.pad(image, (padding[2], padding[3], padding[0], padding[1]))
    F.conv2d(
        padded, torch.ones(1, 1, *kernel, dtype=torch.float64), stride=stride, dilation=dilation
    ).sum().backward()
    return image.grad[0, 0].long()


def test_C6_corners_count_less():
    counts = usage_counts((6, 6), 3)
    assert counts[0].tolist() == [1, 2, 3, 3, 2, 1]
    assert counts[2, 2] == 9
    assert usage_counts((6, 6), 3, padding=1)[0].tolist() == [4, 6, 6, 6, 6, 4]


@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (5, 8)])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 3, 0), (4, 4, 4, 4)])
@pytest.mark.parametrize("dilation", [(1, 1), (3, 2)])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4)])
def test_C6_usage_counts(stride, padding, dilation, kernel):
    counts = usage_counts((11, 13), kernel, stride=stride, padding=padding, dilation=dilation)
    expected = slow_counts((11, 13), kernel, stride, padding, dilation)
    assert torch.equal(counts, expected)
    rows, columns = reached((11, 13), kernel, stride=stride, padding=padding, dilation=dilation)
    assert torch.equal(rows[:, None] & columns[None, :], expected > 0)


def test_C7_rows_and_columns_never_reached():
    rows, columns = reached((8, 7), 3, stride=2)
    assert rows.tolist() == [True] * 7 + [False], "(8 − 3) is not divisible by 2"
    assert columns.all(), "(7 − 3) is"
    with pytest.raises(ShapeError):
        reached((8, 2), 3)


def test_C11_counts():
    assert parameter_count((1, 3, 5, 5)) == 76
    assert parameter_count((1, 3, 5, 5), bias=False) == 75
    assert parameter_count((2, 3, 3, 3)) == 56
    output = convolve(torch.zeros(3, 6, 6), torch.zeros(2, 3, 3, 3)).output
    assert multiply_adds((2, 3, 3, 3), output.shape[1:]) == 27 * 16 * 2


@pytest.mark.parametrize(
    ("name", "oracle"), [("none", np.asarray), ("relu", lambda z: np.maximum(z, 0)), ("tanh", np.tanh),
                         ("sigmoid", lambda z: 1 / (1 + np.exp(-z)))],
)  # fmt: skip
def test_C9_activation(name, oracle):
    z = torch.randn(2, 5, 5, dtype=torch.float64)
    np.testing.assert_allclose(activate(z, name), oracle(z.numpy()), atol=1e-12)
    whole = activate(torch.tensor([-3, 0, 4]), name)
    assert whole.dtype == (torch.int64 if name in ("none", "relu") else torch.float32)
    with pytest.raises(ValueError, match="none, relu, sigmoid, tanh"):
        activate(z, "gelu")


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
@pytest.mark.parametrize("size", [(40, 50), (301, 302)])
@pytest.mark.parametrize("direction", [True, False])
def test_C4_sobel_magnitude_is_opencvs(kind, size, direction):
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, *size), dtype=np.uint8)).to(kind)
    result = gradient(image, "sobel", direction=direction)
    for c in range(2):
        plane = image[c].numpy()
        x, y = cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)
        np.testing.assert_allclose(result.magnitude[c], cv2.magnitude(x, y), rtol=1e-6)
        if direction:
            theirs = np.arctan2(0 - y, 0 - x)  # OpenCV's filters are ours, negated
            np.testing.assert_allclose(np.deg2rad(result.direction[c].numpy()), theirs, atol=1e-5)
    assert direction or result.direction is None


@pytest.mark.parametrize("pair", ["vertical", "scharr", "prewitt"])
@pytest.mark.parametrize("mode", ["zeros", "replicate", "circular", "mean"])
def test_fused_magnitude_equals_two_filters(pair, mode):
    image = torch.randint(0, 256, (1, 280, 290), dtype=torch.uint8)
    fused = gradient(image, pair, padding_mode=mode, direction=False).magnitude
    apart = gradient(image, pair, padding_mode=mode).magnitude
    assert torch.allclose(fused, apart, rtol=1e-6)


@pytest.mark.parametrize("angle", [0, 23, 90, 180, -135])
def test_C4_direction_of_a_ramp(angle):
    theta = torch.deg2rad(torch.tensor(float(angle)))
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    found = gradient(-(x * theta.cos() + y * theta.sin())).direction[0, 5:-5, 5:-5]
    difference = (found - angle + 180) % 360 - 180
    assert difference.abs().max() < 1e-2
