from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire import pack, unpack


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=3),
    st.sampled_from(["uint8", "int32", "float32", "float64"]),
)
def test_what_is_packed_comes_out(shape: list[int], dtype: str) -> None:
    array = (np.arange(np.prod(shape), dtype=np.float64).reshape(shape) * 1.5).astype(dtype)
    header, arrays = unpack(pack({"name": "그림"}, {"a": array, "b": array[::-1]}))
    assert header == {"name": "그림"}
    np.testing.assert_array_equal(arrays["a"], array)
    np.testing.assert_array_equal(arrays["b"], array[::-1])
    assert arrays["b"].dtype == dtype


def test_only_types_that_javascript_has() -> None:
    with pytest.raises(ValueError, match="int64"):
        pack({}, {"a": np.arange(3)})


def test_javascript_reads_the_same(javascript: Callable[..., Any]) -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    block = pack({"id": 7}, {"flags": np.arange(5, dtype=np.uint8), "maps": values})
    read = "(([r]) => [r.id, [...r.arrays.flags.data], r.arrays.maps.shape, [...r.arrays.maps.data]])"
    for lead in (0, 3):  # aligned, and as a view into a larger buffer
        bytes_of = f"new Uint8Array([...Array({lead}).fill(9), ...argument]).subarray({lead})"
        number, flags, shape, maps = javascript(
            "shared/wire.js", f"{read}([unpack({bytes_of})])", list(block)
        )
        assert (number, flags, shape) == (7, [0, 1, 2, 3, 4], [2, 3, 5])
        np.testing.assert_array_equal(np.array(maps, np.float32).reshape(2, 3, 5), values)
