"""Convolution of large pictures on the CPU: interior first, straight from the picture, then the strips of
its border.

No padded copy of the picture is made: only the strips that touch the padding are put together, and they run
through the same kernels, so that every element's sum has the same order wherever it lies.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnn.convolution.buffers import float_maps
from cnn.padding import padded_region

__all__ = ["Region", "border_strips", "interior", "large_convolution", "run_rows", "warm_up", "warming"]

WORTH_SPLITTING = 1 << 20  # multiply-adds below which one thread is quicker

Region = tuple[int, int, int, int]  # first row, last row (exclusive), first column, last column of the output

_warming = threading.Lock()


@lru_cache(maxsize=1)
def _threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, _threads() - 1), thread_name_prefix="convolution")


if hasattr(os, "register_at_fork"):  # a forked child has the pool's bookkeeping but not its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def run_rows(work: Callable[[int, int], None], first: int, last: int, cost: int) -> None:
    """work(first, last) for all rows, split between the processors where `cost`, in multiply-adds, is worth
    it.

    The caller's own thread does its share, so that a busy pool delays but never blocks.
    """
    parts = min(_threads(), last - first) if cost >= WORTH_SPLITTING else 1
    bounds = (
        [first + (last - first) * part // parts for part in range(parts + 1)] if parts > 1 else [first, last]
    )
    others = [_pool().submit(work, low, high) for low, high in pairwise(bounds[1:])]
    work(bounds[0], bounds[1])
    for other in others:
        other.result()


def interior(
    size: tuple[int, int],
    output: tuple[int, int],
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> Region:
    """The outputs whose patch lies inside the picture; (0, 0, 0, 0) if there are none."""
    ends = []
    for axis, before in ((0, padding[0]), (1, padding[2])):
        first = -(-before // stride[axis])
        room = size[axis] - 1 - dilation[axis] * (kernel_size[axis] - 1) + before
        last = min(output[axis], room // stride[axis] + 1)
        ends.append((first, last))
    (top, bottom), (left, right) = ends
    return (top, bottom, left, right) if top < bottom and left < right else (0, 0, 0, 0)


def border_strips(output: tuple[int, int], inner: Region) -> Iterator[Region]:
    """The up to four regions of the output around `inner`."""
    height, width = output
    top, bottom, left, right = inner
    for strip in (
        (0, top, 0, width),
        (top, bottom, 0, left),
        (top, bottom, right, width),
        (bottom, height, 0, width),
    ):
        if strip[0] < strip[1] and strip[2] < strip[3]:
            yield strip


def strip_positions(
    strip: Region,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """The input rows and columns, padding included, that the outputs of `strip` read."""
    top, bottom, left, right = strip
    rows = torch.arange(top * stride[0], (bottom - 1) * stride[0] + dilation[0] * (kernel_size[0] - 1) + 1)
    columns = torch.arange(left * stride[1], (right - 1) * stride[1] + dilation[1] * (kernel_size[1] - 1) + 1)
    return rows - padding[0], columns - padding[2]


def large_convolution(
    image: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    output: tuple[int, int],
    *,
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    groups: int,
    padding_mode: str,
    fill: Tensor | None,
) -> Tensor:
    """image: (C, H, W) uint8 or float32, on the CPU; weight: (K, C/groups, kh, kw) float32; output: (H', W').

    Returns (K, H', W') float32.
    """
    image = image.detach().contiguous()
    filters, kernel_size = weight.shape[0], (weight.shape[2], weight.shape[3])
    size = (image.shape[1], image.shape[2])
    weights = weight.detach().contiguous().numpy()
    offsets = np.zeros(filters, np.float32) if bias is None else bias.detach().numpy()
    maps = float_maps((filters, *output))
    inner = interior(size, output, kernel_size, stride, padding, dilation)
    if inner[1]:
        origin = (inner[0] * stride[0] - padding[0], inner[2] * stride[1] - padding[2])
        _run(image.numpy(), weights, offsets, maps, inner, origin, stride, dilation, groups)
    for strip in border_strips(output, inner):
        rows, columns = strip_positions(strip, kernel_size, stride, padding, dilation)
        block = padded_region(image, rows, columns, padding_mode, fill).contiguous().numpy()
        _run(block, weights, offsets, maps, strip, (0, 0), stride, dilation, groups)
    return torch.from_numpy(maps)


def _run(
    source: NDArray[Any],
    weights: NDArray[np.float32],
    offsets: NDArray[np.float32],
    maps: NDArray[np.float32],
    region: Region,
    origin: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> None:
    """Fill `region` of every map; its first element reads `source` (C, h, w) from `origin` on."""
    from cnn.convolution import kernels

    top, bottom, left, right = region
    filters, channels = weights.shape[:2]
    dense = kernels.DENSE.get(weights.shape[2:])
    plain = stride == (1, 1) and dilation == (1, 1) and origin == (0, 0) and dense is not None
    for k in range(filters):
        start = k // (filters // groups) * channels
        planes = source[start : start + channels]
        common = (planes, weights[k], offsets[k], maps[k], top, left, right - left)

        def work(first: int, last: int, common: tuple[Any, ...] = common) -> None:
            if plain and dense is not None:
                dense(*common, first, last)
            else:
                kernels.sparse(*common, first, last, origin, stride, dilation)

        run_rows(work, top, bottom, (bottom - top) * (right - left) * weights[k].size)


def warming() -> bool:
    """Whether a warm-up is under way in some thread: until it ends the kernels keep a caller waiting."""
    return _warming.locked()


def warm_up() -> float:
    """Compile the kernels, or load them from the disk, for uint8 and float32 pictures. Returns the seconds
    it took.

    The server calls this once, before or beside its first request; without it the first large picture pays.
    """
    from cnn.convolution import kernels

    started = time.perf_counter()
    with _warming:
        for kind in (np.uint8, np.float32):
            image = np.zeros((1, 8, 8), kind)
            maps = np.zeros((1, 8, 8), np.float32)
            for size in ((1, 1), *kernels.DENSE):
                weights = np.zeros((1, 1, *size), np.float32)
                _run(image, weights, maps[0, 0], maps, (0, 1, 0, 1), (0, 0), (1, 1), (1, 1), 1)
            kernels.edge_magnitude(image[0], np.zeros((2, 3, 3), np.float32), maps[0], 0, 0, 1, 0, 1)
    return time.perf_counter() - started
