"""Pooling against the lectures' numbers, PyTorch and slow loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.checks import ShapeError
from cnn.convolution.pooling import POOLINGS, pool, pool_terms, shifted

P1 = torch.tensor([[1, 3, 2, 1, 3], [2, 9, 1, 1, 5], [3, 2, 3, 2, 3], [8, 3, 5, 1, 0], [5, 6, 1, 2, 9]])
P2 = torch.tensor([[1, 3, 2, 1], [2, 9, 1, 1], [1, 4, 2, 3], [5, 6, 1, 2]])


def test_P1_max_pooling_and_its_winners():
    result = pool(P1, "max", 3, stride=1)
    assert result.output.tolist() == [[[9, 9, 5], [9, 9, 5], [8, 6, 9]]]
    assert result.winners[0, 0].tolist() == [6, 6, 9]
    assert result.winners[0, 2].tolist() == [15, 21, 24]
    assert result.output.dtype == torch.int64


def test_P2_average_pooling():
    result = pool(P2, "average", 2)
    assert result.output.tolist() == [[[3.75, 1.25], [4, 2]]]
    assert result.output.dtype == torch.float64
    assert result.winners is None


def test_P3_channel_by_channel():
    image = torch.rand(2, 5, 5)
    for mode in POOLINGS:
        result = pool(image, mode, 3, stride=1)
        assert result.output.shape == (2, 3, 3)
        for c in range(2):
            assert torch.equal(result.output[c], pool(image[c], mode, 3, stride=1).output[0])


def test_P4_two_of_three_shifted_copies_pool_alike():
    image = torch.zeros(8, 8, dtype=torch.int64)
    image[2, 2], image[4, 4] = 9, 7
    maps = [pool(shifted(image, 0, by), "max", 2).output for by in range(3)]
    assert torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[1], maps[2])


def test_shifted_moves_down_and_right():
    image = torch.arange(6).reshape(2, 3)
    assert shifted(image, 1, 1).tolist() == [[0, 0, 0], [0, 0, 1]]
    assert shifted(image, -1, -2, fill=9).tolist() == [[5, 9, 9], [9, 9, 9]]
    assert shifted(image, 5, 0).tolist() == [[0] * 3] * 2
    assert torch.equal(shifted(image[None], 0, 0), image[None])


def slow(image, mode, kernel, stride, padding):
    """One window at a time."""
    channels, height, width = image.shape
    rows = (height + 2 * padding[0] - kernel[0]) // stride[0] + 1
    columns = (width + 2 * padding[1] - kernel[1]) // stride[1] + 1
    output = np.empty((channels, rows, columns))
    for c, i, j in np.ndindex(*output.shape):
        values = [
            int(image[c, y, x])
            for u, v in itertools.product(range(kernel[0]), range(kernel[1]))
            if 0 <= (y := i * stride[0] - padding[0] + u) < height
            and 0 <= (x := j * stride[1] - padding[1] + v) < width
        ]
        if mode == "max":
            output[c, i, j] = max(values)
        elif mode == "average":
            output[c, i, j] = sum(values) / math.prod(kernel)
        else:
            output[c, i, j] = math.sqrt(sum(value * value for value in values))
    return output


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_equals_a_slow_loop(data):
    kernel = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(data.draw(st.integers(0, length // 2)) for length in kernel)
    shape = (data.draw(st.integers(1, 3)), *(data.draw(st.integers(length, 9)) for length in kernel))
    image = torch.from_numpy(np.random.default_rng(data.draw(st.integers(0, 99))).integers(-50, 50, shape))
    for mode in POOLINGS:
        for kind in (torch.int64, torch.float32, torch.float64):
            result = pool(image.to(kind), mode, kernel, stride=stride, padding=padding)
            expected = slow(image, mode, kernel, stride, padding)
            np.testing.assert_allclose(result.output.double(), expected, rtol=1e-6)
            if mode == "max":
                assert np.array_equal(result.output, expected)
                picked = image.to(kind).flatten(1).gather(1, result.winners.flatten(1))
                assert torch.equal(picked.reshape(result.output.shape), result.output)


def test_equals_torch_layers():
    image = torch.randn(3, 20, 23)
    average = F.avg_pool2d(image[None], 3, 2, 1)[0]
    assert torch.equal(pool(image, "average", 3, stride=2, padding=1).output, average)
    largest, winners = F.max_pool2d(image[None], 3, 2, 1, return_indices=True)
    ours = pool(image, "max", 3, stride=2, padding=1)
    assert torch.equal(ours.output, largest[0])
    assert torch.equal(ours.winners, winners[0])
    l2 = F.lp_pool2d(image[None], 2, 3, 2)[0]
    assert torch.allclose(pool(image, "l2", 3, stride=2).output, l2, rtol=1e-5)


def test_integers_too_large_for_floats_keep_their_order():
    image = torch.tensor([[2**60 + 1, 2**60], [0, 2**60 + 2]])
    assert pool(image, "max", 2).output.tolist() == [[[2**60 + 2]]]
    assert pool(image, "max", 2).winners.tolist() == [[[3]]]


def test_negative_pictures_are_not_beaten_by_the_padding():
    assert pool(torch.full((3, 3), -5.0), "max", 2, padding=1).output.unique().tolist() == [-5]


@pytest.mark.parametrize("mode", POOLINGS)
def test_terms_make_the_value(mode):
    result = pool(P1, mode, 3, stride=2, padding=1)
    for i, j in np.ndindex(*result.output.shape[1:]):
        terms = pool_terms(result, 0, i, j)
        inside = terms.values[terms.inside]
        assert terms.value == result.output[0, i, j].item()
        if mode == "max":
            assert inside.max() == terms.value == P1[terms.winner]
            assert terms.divisor is None
        elif mode == "average":
            assert inside.sum().item() / terms.divisor == terms.value
        else:
            assert math.sqrt((inside * inside).sum()) == pytest.approx(terms.value)
        assert torch.equal(terms.values[~terms.inside], torch.zeros_like(terms.values[~terms.inside]))
    assert terms.rows.tolist() == [3, 4, 5]
    with pytest.raises(IndexError, match="row"):
        pool_terms(result, 0, 3, 0)


@pytest.mark.parametrize(
    ("keywords", "code"),
    [({"kernel_size": 6}, "kernel_too_large"), ({"kernel_size": 2, "padding": 2}, "pool_padding")],
)
def test_misfits_are_named(keywords, code):
    with pytest.raises(ShapeError, match=r"expected .*got") as caught:
        pool(P1, "max", **keywords)
    assert caught.value.code == code


def test_unknown_mode():
    with pytest.raises(ValueError, match="max, average, l2"):
        pool(P1, "median", 2)
