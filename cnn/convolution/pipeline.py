"""The lab's one computation: picture → bank of filters → convolution → activation → pooling, from one settings record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnn.convolution.activation import activate
from cnn.convolution.bank_text import CUSTOM, FilterSpec
from cnn.convolution.convolution import Convolution, convolve, output_size
from cnn.convolution.filters import FILTERS, as_integers, filter_weight, normalised, rotated, transposed
from cnn.convolution.lab_errors import LabError
from cnn.convolution.pooling import Pooling, pool, shifted
from cnn.convolution.reach import multiply_adds, parameter_count, usage_counts
from cnn.convolution.settings import LabSettings
from cnn.images.encode import thumbnail

MAX_OUTPUT = 40_000_000
"""Elements of all maps together (float32: 160 MB)."""

_OPERATIONS = {"t": transposed, "r": rotated, "n": normalised}
_FILTERS = {record.name: record for record in FILTERS}


@dataclass(frozen=True, slots=True, eq=False)
class LabResult:
    """What the lab computed for one picture and one settings record.

    `picture` (C, H, W) is the input as convolved (shifted, if the settings shift it); `weight` (K', C', k, k) and `bias`
    (K',) as in `convolution`; `row_uses` (H,) and `column_uses` (W,) int64: how many positions of the filter use a
    pixel is their product (C6; 0: never reached, C7). `parameters` counts weights and biases.
    """

    settings: LabSettings
    picture: Tensor
    convolution: Convolution
    row_uses: Tensor
    column_uses: Tensor
    parameters: int
    multiply_adds: int

    @property
    def index(self) -> int:
        """Return the map that is looked at: the settings' own, or the last there is."""
        return min(self.settings.index, self.convolution.output.shape[0] - 1)


@dataclass(frozen=True, slots=True, eq=False)
class MapStages:
    """One map on its way: before the activation (H', W'), after it (H', W'), and pooled in each way asked for."""

    before: Tensor
    after: Tensor
    poolings: Mapping[str, Pooling]


@dataclass(frozen=True, slots=True, eq=False)
class EdgePair:
    """A map and that of its filter turned 90°: strength (H', W') ≥ 0 and direction (H', W') in degrees, 0..360."""

    magnitude: Tensor
    direction: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ShiftEffect:
    """P4: which cells keep their value when the input is shifted (bool): the activated map's and each pooling's."""

    map_kept: Tensor
    pooled_kept: Mapping[str, Tensor]


def working_picture(picture: Tensor, settings: LabSettings) -> Tensor:
    """Return the picture the lab works on: a photo resized (area) to the chosen longer side, in gray or RGB.

    A number matrix (not uint8) stays as it is. Gray is Pillow's: (19595 R + 38470 G + 7471 B + 32768) >> 16.
    """
    if picture.dtype != torch.uint8:
        return picture
    small = thumbnail(picture, int(settings.size))
    if settings.colour == "rgb" or small.shape[0] == 1:
        return small
    red, green, blue = small.to(torch.int32)
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).to(torch.uint8)[None]


def lab(
    picture: Tensor, settings: LabSettings, *, max_output: int = MAX_OUTPUT, exact: bool = True
) -> LabResult:
    """Convolve a working picture (C, H, W) with the settings' bank.

    `max_output` bounds the elements of all maps. `exact` False takes float32 also where whole numbers would be exact:
    quicker for large filters, and as good where only colours are looked at.

    Raises:
        LabError: the settings give no output for a picture of this size, or too large a one.
    """
    _, height, width = picture.shape
    padding = resolved_padding(settings)
    _check(settings, (height, width), padding, picture.shape[0], max_output)
    weight, bias, groups = bank_tensors(settings, picture, exact=exact)
    stride, dilation = (settings.stride_h, settings.stride_w), (settings.dilation_h, settings.dilation_w)
    shown = (
        shifted(picture, settings.shift_y, settings.shift_x)
        if settings.shift_x or settings.shift_y
        else picture
    )
    result = convolve(
        shown, weight, bias, stride=stride, padding=padding, padding_mode=settings.padding_mode, dilation=dilation,
        groups=groups, flip=settings.flip,
    )  # fmt: skip
    top, bottom, left, right = padding
    size = settings.kernel_size
    rows = usage_counts(
        (height, 1), (size, 1), stride=(stride[0], 1), padding=(top, bottom, 0, 0), dilation=(dilation[0], 1)
    )
    columns = usage_counts(
        (1, width), (1, size), stride=(1, stride[1]), padding=(0, 0, left, right), dilation=(1, dilation[1])
    )
    return LabResult(
        settings, shown, result, rows[:, 0], columns[0],
        parameter_count(weight.shape), multiply_adds(weight.shape, result.output.shape[1:]),
    )  # fmt: skip


def map_stages(result: LabResult, index: int | None = None) -> MapStages:
    """Return map `index` (None: the one looked at) before and after the activation and pooled.

    Raises:
        LabError: the pooling gives no output for a map of this size.
    """
    settings = result.settings
    place = result.index if index is None else index
    before = result.convolution.output[place]
    after = activate(before, settings.activation)
    modes = ("max", "average", "l2") if settings.pooling == "all" else (settings.pooling,)
    if settings.pooling == "none":
        return MapStages(before, after, {})
    size, stride, padding = settings.pool_size, settings.pool_stride, settings.pool_padding
    for length in after.shape:
        if length + 2 * padding < size:
            raise LabError("no_pooled_output", n=length, f=size, p=padding)
    return MapStages(
        before, after, {mode: pool(after[None], mode, size, stride=stride, padding=padding) for mode in modes}
    )


def edge_pair(result: LabResult, index: int | None = None) -> EdgePair:
    """Return strength and direction of edges: the map's filter against the same filter turned a quarter clockwise."""
    done = result.convolution
    place = result.index if index is None else index
    group_size = done.weight.shape[0] // done.groups
    channels = done.weight.shape[1]
    first = place // group_size * channels
    own = done.weight[place]
    turned = torch.rot90(own, -1, dims=(1, 2))[None].contiguous()
    across = convolve(
        done.image[first : first + channels], turned, None, stride=done.stride, padding=done.padding,
        padding_mode=done.padding_mode, dilation=done.dilation,
    ).output[0].float()  # fmt: skip
    along = done.output[place].float()
    if done.bias is not None:
        along = along - done.bias[place].float()
    direction = torch.rad2deg(torch.atan2(across, along)).remainder(360.0)
    return EdgePair(torch.hypot(along, across), direction)


def shift_effect(picture: Tensor, result: LabResult) -> ShiftEffect:
    """Return what the settings' shift left as it was in the map that is looked at, and in each of its pooled maps."""
    moved = map_stages(result)
    still = map_stages(lab(picture, replace(result.settings, shift_x=0, shift_y=0)))
    pooled = {
        mode: moved.poolings[mode].output[0] == still.poolings[mode].output[0] for mode in moved.poolings
    }
    return ShiftEffect(moved.after == still.after, pooled)


def resolved_padding(settings: LabSettings) -> tuple[int, int, int, int]:
    """Return the padding (top, bottom, left, right) in pixels; "same" is d·(f−1) in all, the odd pixel below and right."""
    if settings.padding == "valid":
        return (0, 0, 0, 0)
    if settings.padding == "custom":
        return (settings.top, settings.bottom, settings.left, settings.right)
    high, wide = (
        dilation * (settings.kernel_size - 1) for dilation in (settings.dilation_h, settings.dilation_w)
    )
    return (high // 2, high - high // 2, wide // 2, wide - wide // 2)


def bank_tensors(settings: LabSettings, picture: Tensor, *, exact: bool = True) -> tuple[Tensor, Tensor, int]:
    """Return weight (K', C', k, k), bias (K',) and groups for `picture` (C, H, W).

    Whole numbers everywhere and an integer picture: int64, so that the lab's numbers are exact; else float32 (float64
    for a float64 picture).
    """
    channels = picture.shape[0]
    grids = bank_grids(settings, channels)
    if settings.mode == "sum" and channels <= 3:
        grids = grids * torch.tensor(settings.channel_weights[:channels])[None, :, None, None]
    biases = torch.tensor([spec.bias for spec in settings.bank], dtype=torch.float64)
    groups = 1
    if settings.mode == "each":
        grids = grids.transpose(0, 1).reshape(-1, 1, *grids.shape[2:])
        biases = biases.repeat(channels)
        groups = channels
    if exact and not picture.is_floating_point() and bool((biases == biases.round()).all()):
        whole = as_integers(grids)
        if not whole.is_floating_point():
            return whole.contiguous(), biases.long(), groups
    kind = torch.float64 if picture.dtype == torch.float64 else torch.float32
    return grids.to(kind).contiguous(), biases.to(kind), groups


def bank_grids(settings: LabSettings, channels: int) -> Tensor:
    """Return every filter's weights as the person set them, (K, channels, k, k) float32: not mirrored, not weighted."""
    return torch.stack([_spec_weight(spec, settings.kernel_size, channels) for spec in settings.bank])


def _spec_weight(spec: FilterSpec, size: int, channels: int) -> Tensor:
    """Return the weights (channels, k, k) of one filter, float32."""
    if spec.name == CUSTOM:
        own = torch.tensor(spec.weights, dtype=torch.float32).reshape(-1, size, size)
        grid = own if own.shape[0] == channels else own[:1].expand(channels, -1, -1)
    else:
        sizes = [possible for possible in _FILTERS[spec.name].sizes if possible <= size]
        if not sizes:
            smallest = min(_FILTERS[spec.name].sizes)
            raise LabError("filter_too_small", filter=spec.name, smallest=smallest, k=size)
        generator = torch.Generator().manual_seed(spec.seed)
        made = filter_weight(
            spec.name, kernel_size=sizes[-1], angle=spec.angle, pair=spec.pair, generator=generator
        )
        gap = size - sizes[-1]
        padded = torch.nn.functional.pad(made, (gap // 2, gap - gap // 2) * 2) if gap else made
        grid = padded.expand(channels, -1, -1)
    for letter in spec.operations:
        grid = torch.stack([_OPERATIONS[letter](channel) for channel in grid])
    return grid


def _check(
    settings: LabSettings, size: tuple[int, int], padding: tuple[int, ...], channels: int, most: int
) -> None:
    top, bottom, left, right = padding
    axes = zip(
        size, ((top, bottom), (left, right)), (settings.stride_h, settings.stride_w),
        (settings.dilation_h, settings.dilation_w), strict=True,
    )  # fmt: skip
    elements = len(settings.bank) * (channels if settings.mode == "each" else 1)
    for length, sides, stride, dilation in axes:
        span = dilation * (settings.kernel_size - 1) + 1
        if length + sum(sides) < span:
            raise LabError("no_output", n=length, padded=length + sum(sides), span=span)
        if settings.padding_mode == "reflect" and max(sides) >= length:
            raise LabError("reflect_too_wide", p=max(sides), n=length, most=length - 1)
        if settings.padding_mode == "circular" and max(sides) > length:
            raise LabError("circular_too_wide", p=max(sides), n=length)
        elements *= output_size(length, settings.kernel_size, stride=stride, padding=sides, dilation=dilation)
    if elements > most:
        raise LabError("too_many_values", values=f"{elements / 1e6:.0f}", most=f"{most / 1e6:.0f}")
