"""Named filters against the lectures and OpenCV; what can be done to a filter."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from cnn.checks import ShapeError
from cnn.convolution.convolution import convolve
from cnn.convolution.filters import (
    FILTERS,
    PAIRS,
    as_integers,
    bank_weight,
    filter_weight,
    mirrored,
    normalised,
    pair_weights,
    rotated,
    transposed,
)

EVERY = [(record.name, size) for record in FILTERS for size in record.sizes]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("vertical", [[1, 0, -1]] * 3),
        ("horizontal", [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]),
        ("sobel_x", [[1, 0, -1], [2, 0, -2], [1, 0, -1]]),
        ("sobel_y", [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),
        ("scharr_x", [[3, 0, -3], [10, 0, -10], [3, 0, -3]]),
        ("scharr_y", [[3, 10, 3], [0, 0, 0], [-3, -10, -3]]),
        ("prewitt_x", [[1, 0, -1]] * 3),
        ("laplacian", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("laplacian_8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    ],
)
def test_C5_three_by_three(name, rows):
    assert filter_weight(name).tolist() == rows


def test_C5_seven_by_seven_single_lines():
    vertical = filter_weight("line_vertical", kernel_size=7)
    assert vertical[:, 3].tolist() == [1] * 7
    assert vertical.sum() == 7
    assert torch.equal(filter_weight("line_horizontal", kernel_size=7), vertical.T)


@pytest.mark.parametrize("pair", ["vertical", "sobel", "scharr"])
def test_C4_edge_at_23_degrees(pair):
    x, y = pair_weights(pair)
    expected = math.cos(math.radians(23)) * x + math.sin(math.radians(23)) * y
    assert torch.allclose(filter_weight("edge", angle=23, pair=pair), expected, atol=1e-6)
    named = {"vertical": "vertical", "sobel": "sobel_x", "scharr": "scharr_x"}[pair]
    assert torch.equal(filter_weight(named, angle=23), filter_weight("edge", angle=23, pair=pair))


def test_C4_a_turned_edge_answers_most_to_its_own_angle():
    y, x = torch.meshgrid(torch.arange(31.0), torch.arange(31.0), indexing="ij")
    theta = math.radians(23)
    ramp = -(
        x * math.cos(theta) + y * math.sin(theta)
    )  # darkens along the direction that the filter looks in
    answers = [convolve(ramp, filter_weight("sobel_x", angle=a)).output[0, 5, 5].item() for a in range(360)]
    assert int(np.argmax(answers)) == 23


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("size", [3, 4, 5, 15])
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4, -1])
def test_quarter_turns_are_exact(pair, size, turns):
    turned = filter_weight("edge", kernel_size=size, pair=pair, angle=90 * turns)
    assert torch.equal(turned, rotated(filter_weight("edge", kernel_size=size, pair=pair), turns))


@pytest.mark.parametrize("size", [3, 5, 7, 9, 15])
@pytest.mark.parametrize(("name", "order"), [("sobel_x", (1, 0)), ("sobel_y", (0, 1))])
def test_sobel_is_opencvs_negated(size, name, order):
    x, y = cv2.getDerivKernels(*order, size)
    assert filter_weight(name, kernel_size=size).tolist() == (-np.outer(y, x)).tolist()


def test_scharr_is_opencvs_negated():
    x, y = cv2.getDerivKernels(1, 0, cv2.FILTER_SCHARR)
    assert filter_weight("scharr_x").tolist() == (-np.outer(y, x)).tolist()


@pytest.mark.parametrize("size", range(1, 16))
def test_gaussian_is_opencvs(size):
    profile = cv2.getGaussianKernel(size, 0)
    assert np.allclose(filter_weight("gaussian", kernel_size=size), profile @ profile.T, atol=1e-7)


@pytest.mark.parametrize(("name", "size"), EVERY)
def test_every_filter_at_every_size(name, size):
    weight = filter_weight(name, kernel_size=size, angle=23)
    assert weight.shape == (size, size)
    assert weight.dtype == torch.float32
    assert weight.isfinite().all()
    assert weight.abs().max() > 0
    blank = (
        "vertical",
        "horizontal",
        "sobel_x",
        "sobel_y",
        "scharr_x",
        "scharr_y",
        "prewitt_x",
        "prewitt_y",
        "edge",
    )
    total, scale = weight.double().sum().item(), weight.double().abs().sum().item()
    if name in (*blank, "laplacian", "laplacian_8", "log", "gabor"):
        assert abs(total) < 1e-6 * scale, "a flat picture gives no answer"
    elif name in ("identity", "gaussian", "box", "sharpen", "emboss"):
        assert total == pytest.approx(1, abs=1e-5), "a flat picture stays as it is"


@pytest.mark.parametrize("size", range(2, 16))
@pytest.mark.parametrize("name", ["vertical", "sobel_x", "prewitt_x", "scharr_x", "laplacian", "laplacian_8"])
def test_whole_weights_are_whole_at_every_size(name, size):
    if size >= (3 if name in ("scharr_x", "laplacian", "laplacian_8") else 2):
        assert as_integers(filter_weight(name, kernel_size=size)).dtype == torch.int64


@pytest.mark.parametrize("size", range(1, 16))
def test_identity_gives_the_picture_back(size):
    image = torch.randint(0, 256, (20, 21))
    weight = as_integers(filter_weight("identity", kernel_size=size))
    assert torch.equal(convolve(image, weight, padding="same").output[0], image)


def test_random_is_seeded():
    assert torch.equal(filter_weight("random"), filter_weight("random"))
    other = filter_weight("random", generator=torch.Generator().manual_seed(1))
    assert not torch.equal(filter_weight("random"), other)
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    filter_weight("random")
    assert torch.rand(1) == before, "the global generator is left alone"


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("sobel_x", {"kernel_size": 1}),
        ("scharr_x", {"kernel_size": 2}),
        ("edge", {"kernel_size": 2, "pair": "scharr"}),
        ("box", {"kernel_size": 16}),
        ("box", {"kernel_size": 0}),
        ("sobel_z", {}),
        ("edge", {"pair": "canny"}),
        ("edge", {"angle": math.nan}),
    ],
)
def test_what_cannot_be_made_is_named(name, keywords):
    with pytest.raises(ValueError, match=r"expected .*got"):
        filter_weight(name, **keywords)


def test_turning_mirroring_transposing():
    weight = torch.tensor([[1.0, 2], [3, 4]])
    assert rotated(weight).tolist() == [[3, 1], [4, 2]]
    assert rotated(weight, -1).tolist() == [[2, 4], [1, 3]]
    assert mirrored(weight).tolist() == [[4, 3], [2, 1]]
    assert transposed(weight).tolist() == [[1, 3], [2, 4]]


def test_normalised():
    assert normalised(torch.ones(2, 2)).tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert normalised(filter_weight("sobel_x")).abs().sum() == 1
    assert normalised(torch.zeros(3, 3)).tolist() == torch.zeros(3, 3).tolist()
    assert normalised(torch.tensor([[1, 3]])).tolist() == [[0.25, 0.75]]


def test_as_integers_only_when_nothing_is_lost():
    assert as_integers(torch.tensor([[0.5]])).dtype == torch.float32
    assert as_integers(torch.tensor([[float("nan")]])).dtype == torch.float32
    assert as_integers(torch.tensor([[-3.0]])).tolist() == [[-3]]
    assert as_integers(torch.tensor([[3]], dtype=torch.int32)).dtype == torch.int64


def test_banks_refuse_what_does_not_fit():
    with pytest.raises(ShapeError, match="one size"):
        bank_weight([torch.zeros(3, 3), torch.zeros(5, 5)], 3)
    with pytest.raises(ShapeError, match="one size"):
        bank_weight([], 3)
    with pytest.raises(ShapeError, match="channel weights"):
        bank_weight([torch.zeros(3, 3)], 3, channel_weights=[1, 2])


def test_records_speak_both_languages():
    assert len({record.name for record in FILTERS}) == len(FILTERS) == 21
    for record in FILTERS:
        for words in (record.label, record.note):
            assert all(words[language].strip() for language in ("en", "ko"))
        assert (
            bool(record.opencv["en"])
            == bool(record.opencv["ko"])
            == (record.name[:6] in ("sobel_", "scharr"))
        )
        turned = filter_weight(record.name, kernel_size=5, angle=30)
        assert record.turnable != torch.equal(turned, filter_weight(record.name, kernel_size=5))
