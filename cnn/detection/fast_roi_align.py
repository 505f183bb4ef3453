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
    half = np.float32(0.5)
    total = np.empty(channels, np.float32)
    for roi in own:
        picture = int(rois[roi, 0])
        left, top = rois[roi, 1] * scale, rois[roi, 2] * scale
        bin_w = max(rois[roi, 3] * scale - left, one) / np.float32(bins_across)
        bin_h = max(rois[roi, 4] * scale - top, one) / np.float32(bins_down)
        down = sampling if sampling > 0 else int(np.ceil(bin_h))
        across = sampling if sampling > 0 else int(np.ceil(bin_w))
        share = one / np.float32(max(down * across, 1))
        for row in range(bins_down):
            for column in range(bins_across):
                total[:] = 0
                for step_y in range(down):
                    y = top + row * bin_h + (np.float32(step_y) + half) * bin_h / np.float32(down)
                    if y < -1 or y > height:
                        continue
                    y = max(y, np.float32(0))
                    y0 = min(int(y), height - 1)
                    y1 = min(y0 + 1, height - 1)
                    low_y = np.float32(y - y0) if y1 > y0 else np.float32(0)
                    for step_x in range(across):
                        x = left + column * bin_w + (np.float32(step_x) + half) * bin_w / np.float32(across)
                        if x < -1 or x > width:
                            continue
                        x = max(x, np.float32(0))
                        x0 = min(int(x), width - 1)
                        x1 = min(x0 + 1, width - 1)
                        low_x = np.float32(x - x0) if x1 > x0 else np.float32(0)
                        first = np.float32((one - low_y) * (one - low_x))
                        second = np.float32((one - low_y) * low_x)
                        third = np.float32(low_y * (one - low_x))
                        fourth = np.float32(low_y * low_x)
                        a, b = maps[picture, y0, x0], maps[picture, y0, x1]
                        c, d = maps[picture, y1, x0], maps[picture, y1, x1]
                        for k in range(channels):
                            total[k] += first * a[k] + second * b[k] + third * c[k] + fourth * d[k]
                for k in range(channels):
                    out[roi, k, row, column] = total[k] * share
