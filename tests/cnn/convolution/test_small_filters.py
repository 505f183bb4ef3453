"""Whole-number filters for the pictures of the arithmetic."""

from __future__ import annotations

import pytest
import torch

from cnn.convolution.filters import filter_weight
from cnn.convolution.small_filters import SMALL_FILTERS, small_weight


@pytest.mark.parametrize("name", SMALL_FILTERS)
@pytest.mark.parametrize("side", [1, 2, 3, 5, 7])
def test_they_are_whole_and_square(name: str, side: int) -> None:
    weight = small_weight(name, side, seed=4)
    assert weight.shape == (side, side)
    assert weight.dtype == torch.int64
    assert torch.equal(weight, small_weight(name, side, seed=4))


def test_their_values() -> None:
    assert small_weight("numbered", 2).tolist() == [[1, 2], [3, 4]]
    assert small_weight("gaussian", 3).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    assert small_weight("laplacian", 3).tolist() == [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    assert torch.equal(small_weight("sobel_x", 3).float(), filter_weight("sobel_x"))
    assert int(small_weight("laplacian", 5).sum()) == 0
    with pytest.raises(ValueError, match="from 1 to 7"):
        small_weight("box", 8)
