"""Features of regions against torchvision's own pooling, at borders, outside, thin and on several levels."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign

from cnn.detection.fast_roi_align import pooled_regions


def boxes(count: int, width: float, height: float, seed: int) -> Tensor:
    """(N, 4), some of them partly or wholly outside, some without an area."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=generator) * torch.tensor([1.4 * width, 1.4 * height])
    corners -= torch.tensor([0.2 * width, 0.2 * height])
    sides = torch.rand(count, 2, generator=generator) ** 3 * torch.tensor([width, height])
    sides[:3] = 0
    return torch.cat([corners, corners + sides], 1)


@pytest.mark.parametrize("sampling", [2, 0, 3])
@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("last", [False, True])
def test_B10_regions_are_pooled_as_torchvision_pools_them(sampling: int, levels: int, last: bool) -> None:
    names = [str(level) for level in range(levels)]
    generator = torch.Generator().manual_seed(sampling + levels)
    maps = OrderedDict(
        (name, torch.randn(2, 19, 40 >> level, 56 >> level, generator=generator))
        for level, name in enumerate(names)
    )
    if last:
        maps = OrderedDict((n, m.contiguous(memory_format=torch.channels_last)) for n, m in maps.items())
    maps["pool"] = torch.randn(2, 19, 5, 5)  # a level that is not pooled from
    regions = [boxes(60, 448, 320, 1), boxes(40, 448, 320, 2)]
    sizes = [(320, 448), (320, 448)]
    theirs = MultiScaleRoIAlign(names, 7, sampling)
    ours = MultiScaleRoIAlign(names, 7, sampling)
    wanted = theirs(maps, regions, sizes)
    torch.testing.assert_close(pooled_regions(ours, maps, regions, sizes), wanted, atol=2e-5, rtol=1e-4)
    assert ours.scales == theirs.scales
    assert float(wanted.abs().max()) > 0.5


def test_no_regions_give_no_features() -> None:
    pool, maps = MultiScaleRoIAlign(["0"], 7, 2), {"0": torch.randn(1, 8, 10, 10)}
    assert pooled_regions(pool, maps, [torch.zeros(0, 4)], [(80, 80)]).shape == (0, 8, 7, 7)
