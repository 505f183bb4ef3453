"""Features of regions as torchvision's RoIAlign gives them, several times faster on a CPU: all channels of a place at once.

Channels lie side by side in memory, so that each of the four neighbours of a sampled point is one run of numbers; torchvision
goes through the picture once for every channel.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import _convert_to_roi_format, _filter_input, _setup_scales

__all__ = ["pooled_regions"]


def pooled_regions(
    pool: MultiScaleRoIAlign,
    features: dict[str, Tensor],
    boxes: list[Tensor],
    image_sizes: list[tuple[int, int]],
) -> Tensor:
    """What `pool(features, boxes, image_sizes)` returns, to rounding: (K, C, P, P) float32.

    Args:
        pool: of a two-stage detector; on another device than a CPU it is called itself.
        features: (N, C, H, W) by level. boxes: (K, 4) of each picture, in pixels of the network's input.
        image_sizes: (height, width) of the network's inputs.

    Source: He, Gkioxari, Dollár and Girshick 2017, "Mask R-CNN"; `torchvision.ops.roi_align`, not aligned.
    """
    levels = _filter_input(features, pool.featmap_names)
    if any(level.device.type != "cpu" for level in levels):
        return pool(features, boxes, image_sizes)
    if pool.scales is None or pool.map_levels is None:  # torchvision sets them at the first picture
        pool.scales, pool.map_levels = _setup_scales(
            levels, image_sizes, pool.canonical_scale, pool.canonical_level
        )
    rois = _convert_to_roi_format(boxes).float().contiguous()
    where = pool.map_levels(boxes) if len(levels) > 1 else torch.zeros(len(rois), dtype=torch.int64)
    height, width = pool.output_size
    out = torch.empty(len(rois), levels[0].shape[1], height, width)
    for number, (level, scale) in enumerate(zip(levels, pool.scales, strict=True)):
        own = (where == number).nonzero()[:, 0]
        if len(own):
            rows = level.float().permute(0, 2, 3, 1).contiguous().numpy()
            _pool(rows, rois.numpy(), own.numpy(), np.float32(scale), pool.sampling_ratio, out.numpy())
    return out


@numba.njit(cache=True, nogil=True)
def _weights(
    start: np.float32,
    step: np.float32,
    samples: int,
    length: int,
    places: NDArray[np.int64],
    shares: NDArray[np.float32],
) -> int:
    """Fill in which rows (or columns) a bin reads and with which share; how many. Points outside read nothing."""
    found = 0
    for sample in range(samples):
        at = start + (np.float32(sample) + np.float32(0.5)) * step / np.float32(samples)
        if at < -1 or at > length:
            continue
        at = max(at, np.float32(0))
        low = min(int(at), length - 1)
        high = min(low + 1, length - 1)
        part = np.float32(at - low) if high > low else np.float32(0)
        for place, share in ((low, np.float32(1) - part), (high, part)):
            if found > 0 and places[found - 1] == place:
                shares[found - 1] += share
            elif found > 1 and places[found - 2] == place:
                shares[found - 2] += share
            elif share > 0:
                places[found], shares[found] = place, share
                found += 1
    return found


@numba.njit(cache=True, nogil=True)
def _pool(
    maps: NDArray[np.float32],  # (N, H, W, C)
    rois: NDArray[np.float32],  # (K, 5): the picture, x1, y1, x2, y2
    own: NDArray[np.int64],
    scale: np.float32,
    sampling: int,
    out: NDArray[np.float32],  # (K, C, P, Q)
) -> None:
    _, height, width, channels = maps.shape
    bins_down, bins_across = out.shape[2], out.shape[3]
    one = np.float32(1)
    sums = np.empty((bins_down, bins_across, channels), np.float32)
    for roi in own:
        picture = int(rois[roi, 0])
        left, top = rois[roi, 1] * scale, rois[roi, 2] * scale
        bin_w = max(rois[roi, 3] * scale - left, one) / np.float32(bins_across)
        bin_h = max(rois[roi, 4] * scale - top, one) / np.float32(bins_down)
        down = sampling if sampling > 0 else int(np.ceil(bin_h))
        across = sampling if sampling > 0 else int(np.ceil(bin_w))
        mean = one / np.float32(max(down * across, 1))
        rows, row_shares = np.empty(2 * down, np.int64), np.empty(2 * down, np.float32)
        columns = np.empty((bins_across, 2 * across), np.int64)
        column_shares = np.empty((bins_across, 2 * across), np.float32)
        counts = np.empty(bins_across, np.int64)
        for column in range(bins_across):
            counts[column] = _weights(
                left + np.float32(column) * bin_w,
                bin_w,
                across,
                width,
                columns[column],
                column_shares[column],
            )
        for row in range(bins_down):
            many = _weights(top + np.float32(row) * bin_h, bin_h, down, height, rows, row_shares)
            for column in range(bins_across):
                total = sums[row, column]
                total[:] = 0
                for i in range(many):
                    for j in range(counts[column]):
                        weight = row_shares[i] * column_shares[column, j] * mean
                        values = maps[picture, rows[i], columns[column, j]]
                        for k in range(channels):
                            total[k] += weight * values[k]
        for k in range(channels):
            for row in range(bins_down):
                for column in range(bins_across):
                    out[roi, k, row, column] = sums[row, column, k]
