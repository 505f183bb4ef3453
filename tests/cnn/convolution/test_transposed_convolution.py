"""Rows C16 and C17: the convolution matrix, transposed convolution by overlaps, the ways to enlarge."""

import cv2
import numpy as np
import pytest
import torch
from scipy import signal
from torch.nn import functional as F

from cnn.checks import ShapeError
from cnn.convolution.transposed_convolution import (
    UPSAMPLINGS,
    bilinear_weight,
    canvas,
    convolution_matrix,
    learned_upsampling,
    overlap_steps,
    transposed_size,
    upsampled,
)


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_C16_a_4x4_picture_and_f_3_make_a_4x16_matrix():
    weight = torch.arange(1, 10).view(3, 3)
    found = convolution_matrix(weight, (4, 4))
    assert found.matrix.shape == (4, 16)
    assert found.nonzero == 36
    assert found.matrix[0].tolist() == [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]
    assert found.matrix[3].tolist() == [0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9]
    assert found.sources[0].tolist() == [0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [((4, 4), (3, 3), 1, 0), ((5, 7), (3, 2), 2, 1), ((6, 6), (2, 4), (2, 1), 2), ((1, 1), (1, 1), 1, 0)],
)
def test_C16_the_matrix_is_the_convolution_and_its_transpose_the_way_back(size, kernel, stride, padding):
    weight, image = random(*kernel), random(*size, seed=1)
    found = convolution_matrix(weight, size, stride=stride, padding=padding)
    wanted = F.conv2d(image[None, None], weight[None, None], stride=stride, padding=padding)[0, 0]
    torch.testing.assert_close(found.apply(image), wanted)
    small = random(*found.output_size, seed=2)
    leaf = image.clone().requires_grad_(True)
    F.conv2d(leaf[None, None], weight[None, None], stride=stride, padding=padding).backward(small[None, None])
    torch.testing.assert_close(found.apply_transposed(small), leaf.grad)


def test_C16_the_transpose_is_torchs_transposed_convolution():
    weight, small = random(3, 3), random(2, 2, seed=3)
    found = convolution_matrix(weight, (4, 4))
    torch.testing.assert_close(
        found.apply_transposed(small), F.conv_transpose2d(small[None, None], weight[None, None])[0, 0]
    )


def test_C16_what_does_not_fit_is_refused():
    for weight, size in ((torch.ones(5, 5), (4, 4)), (torch.ones(3), (4, 4)), (torch.ones(3, 3), (200, 200))):
        with pytest.raises(ShapeError):
            convolution_matrix(weight, size)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"stride": 2, "padding": 1},
        {"stride": 3, "padding": 1, "output_padding": 2},
        {"dilation": 2, "stride": 2},
    ],
)
def test_C17_output_size_is_pytorchs_formula(n, options):
    layer = torch.nn.ConvTranspose2d(1, 1, 3, **options)
    assert transposed_size(n, 3, **options) == layer(torch.zeros(1, 1, n, n)).shape[-1]


def test_C17_2x2_with_f_3_s_2_p_1():
    image, weight = torch.tensor([[1.0, 2], [3, 4]]), torch.arange(9.0).view(3, 3)
    steps = overlap_steps(image, weight, stride=2)
    assert transposed_size(2, 3, stride=2, padding=1) == 3
    wanted = F.conv_transpose2d(image[None, None], weight[None, None], stride=2, padding=1)[0, 0]
    assert torch.equal(canvas(steps, 4, padding=1), wanted)
    assert [(s.row, s.column, s.top, s.left, s.value) for s in steps] == [
        (0, 0, 0, 0, 1), (0, 1, 0, 2, 2), (1, 0, 2, 0, 3), (1, 1, 2, 2, 4)
    ]  # fmt: skip
    assert [int(s.overlap.sum()) for s in steps] == [0, 3, 3, 5]


@pytest.mark.parametrize(("stride", "padding", "extra"), [(1, 0, 0), (2, 0, 0), (2, 1, 1), (3, 1, 2)])
def test_C17_overlaps_add_up_step_by_step(stride, padding, extra):
    image, weight = random(3, 4), random(3, 5, seed=1)
    steps = overlap_steps(image, weight, stride=stride)
    for count in (0, 1, 5, 12):
        part = image.flatten().clone()
        part[count:] = 0
        wanted = F.conv_transpose2d(
            part.view(1, 1, 3, 4), weight[None, None], stride=stride, padding=padding
        )[0, 0]
        torch.testing.assert_close(canvas(steps, count, padding=padding), wanted)
    if 0 < extra < stride:
        options = {"stride": stride, "padding": padding, "output_padding": extra}
        wanted = F.conv_transpose2d(image[None, None], weight[None, None], **options)[0, 0]
        torch.testing.assert_close(canvas(steps, 12, padding=padding, output_padding=extra), wanted)


def test_C17_a_padding_that_leaves_nothing_is_refused():
    steps = overlap_steps(torch.ones(1, 1), torch.ones(2, 2))
    with pytest.raises(ShapeError):
        canvas(steps, 1, padding=1)
    with pytest.raises(ShapeError):
        transposed_size(1, 2, padding=1)
    with pytest.raises(ShapeError):
        overlap_steps(torch.ones(65, 64), torch.ones(2, 2))


def test_C17_nearest_repeats_and_bilinear_is_a_transposed_convolution():
    image = random(2, 5, 6).float()
    for factor in (2, 3):
        assert np.array_equal(
            upsampled(image, factor, "nearest")[0], np.kron(image[0], np.ones((factor, factor)))
        )
        weight = bilinear_weight(factor)
        grown = F.pad(image, (1, 1, 1, 1), mode="replicate")[:, None]
        whole = F.conv_transpose2d(grown, weight[None, None], stride=factor)
        margin = factor + (weight.shape[0] - factor) // 2
        inner = whole[:, 0, margin : margin + 5 * factor, margin : margin + 6 * factor]
        torch.testing.assert_close(inner, upsampled(image, factor, "bilinear"))
        flat = signal.fftconvolve(np.ones((1, 1)), weight.numpy())
        assert flat.sum() == pytest.approx(factor**2)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_C17_bicubic_is_opencvs(factor):
    image = random(7, 9).float()
    wanted = cv2.resize(image.numpy(), None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(upsampled(image, factor, "bicubic")[0].numpy(), wanted, atol=1e-4)


def test_C17_other_ways_and_factors_are_refused():
    ramp = torch.arange(12.0).expand(12, 12)
    with pytest.raises(ValueError, match="mode"):
        upsampled(ramp, 2, "lanczos")
    with pytest.raises(ValueError, match="factor"):
        upsampled(ramp, 99, "nearest")


@pytest.mark.parametrize("factor", [2, 3])
def test_C17_a_learned_filter_beats_nearest(factor):
    smooth = upsampled(random(3, 9, 9).float(), 8, "bicubic").clamp(0, 1)
    records = list(learned_upsampling(smooth, factor=factor, steps=300))
    last = records[-1]
    assert last.errors.keys() == set(UPSAMPLINGS)
    assert last.error < last.errors["nearest"] < records[0].error
    assert last.output.shape == (3, 72 // factor * factor, 72 // factor * factor)
    assert records[1].output is None
    with pytest.raises(ShapeError):
        next(learned_upsampling(torch.rand(4, 4)))
