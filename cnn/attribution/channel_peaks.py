"""Where in a set of pictures each channel of a layer is excited most: one scan answers for all channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn.attribution.feature_visualization import excited_node
from cnn.hooks import evaluating, locked
from cnn.models.running import prepared


@dataclass(frozen=True, slots=True)
class Peak:
    """The unit of a channel that one picture excites most, and its value."""

    picture: int
    row: int
    column: int
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class PeakStep:
    """The pictures scanned so far.

    Attributes:
        step, steps: batches.
        grid: (rows, columns) of the layer's map; (1, 1) for a layer without one.
        values: (n, C), the largest value of each picture and channel; NaN stands where the network gave one.
        places: (n, C) int64, row · columns + column of the first unit with that value.
    """

    step: int
    steps: int
    grid: tuple[int, int]
    values: Tensor
    places: Tensor

    def strongest(self, channel: int, count: int = 9) -> tuple[Peak, ...]:
        """The peaks of a channel in the pictures that excite it most, the strongest first, equal ones by picture.

        Raises:
            IndexError: no such channel.
        """
        if not 0 <= channel < self.values.shape[1]:
            raise IndexError(f"wanted a channel in 0..{self.values.shape[1] - 1}, got {channel}")
        column = torch.nan_to_num(self.values[:, channel], nan=-torch.inf)
        order = column.argsort(descending=True, stable=True)[:count].tolist()
        return tuple(
            Peak(
                picture,
                *divmod(int(self.places[picture, channel]), self.grid[1]),
                float(self.values[picture, channel]),
            )
            for picture in order
        )


def peak_steps(
    *,
    model: nn.Module,
    pictures: Tensor,
    layer: str,
    mean: Sequence[float],
    std: Sequence[float],
    batch_size: int = 12,
) -> Iterator[PeakStep]:
    """Scan the pictures batch by batch; a job function.

    Args:
        model: any network; put into evaluation mode for each batch.
        pictures: uint8 (N, C, H, W), as the network sees them before they are normalised.
        layer: a name as in :func:`cnn.models.tracing.trace`; ``OUTPUT`` for the network's scores.
        mean, std: per channel, of pixels in 0..1.

    Raises:
        KeyError: no such layer. ValueError: a layer without channels, or no pictures.
    """
    if len(pictures) == 0 or pictures.ndim != 4:
        raise ValueError(f"wanted pictures (N, C, H, W), at least one, got {tuple(pictures.shape)}")
    centre, spread = (torch.tensor(tuple(v)).view(1, -1, 1, 1) for v in (mean, std))
    groups = torch.split(pictures, batch_size)
    values: list[Tensor] = []
    places: list[Tensor] = []
    for step, group in enumerate(groups, 1):
        images = (group.float() / 255 - centre) / spread
        with locked(model), evaluating(model), torch.no_grad():
            runner = prepared(model, images)
            node = excited_node(runner, layer)
            value = next(value for found, value in runner.values(images, last=node) if found is node)
        if not isinstance(value, Tensor) or value.ndim not in (2, 4):
            raise ValueError(f"wanted a layer with outputs (N, C) or (N, C, H, W), got {layer}")
        grid = (int(value.shape[2]), int(value.shape[3])) if value.ndim == 4 else (1, 1)
        most, place = value.flatten(2).max(dim=2) if value.ndim == 4 else (value, torch.zeros_like(value))
        values.append(most.float().cpu())
        places.append(place.long().cpu())
        yield PeakStep(step, len(groups), grid, torch.cat(values), torch.cat(places))


def cut_out(picture: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, tuple[int, int]]:
    """The part of a picture (C, H, W) in a box (x1, y1, x2, y2) with exclusive ends, cut at the picture's edge.

    Returns:
        The part, and (x, y) of its corner inside the box: the box may begin in the padding.

    Raises:
        ValueError: the box lies wholly off the picture.
    """
    x1, y1, x2, y2 = box
    height, width = picture.shape[-2:]
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if left >= right or top >= bottom:
        raise ValueError(f"wanted a box that meets the picture {width}×{height}, got {box}")
    return picture[..., top:bottom, left:right], (left - x1, top - y1)
