"""How layers are connected: what weight sharing saves, what a shift of the picture does, small stacks, other axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from cnn.checks import ShapeError, expect_choice, expect_image, expect_integer, pair

__all__ = [
    "CONNECTIONS",
    "ConnectionCounts",
    "StackLayer",
    "StackedFilters",
    "TranslationStudy",
    "connection_counts",
    "connections",
    "convolve_sequence",
    "convolve_volume",
    "stacked_filters",
    "translation_study",
]

CONNECTIONS = ("fully_connected", "locally_connected", "convolution")


@dataclass(frozen=True, slots=True)
class ConnectionCounts:
    """Numbers of weights, biases apart, for one layer in three forms.

    `locally_connected` has as many outputs as the fully connected layer, each with its own f·f·n_C weights;
    `convolution` is one filter with its bias, f·f·n_C + 1, `filters` of them `convolution_all`.
    """

    inputs: int
    hidden: int
    fully_connected: int
    locally_connected: int
    convolution: int
    convolution_all: int


@dataclass(frozen=True, slots=True, eq=False)
class TranslationStudy:
    """One picture and the same picture shifted, through three kinds of layer.

    Attributes:
        shift: (down, right) pixels.
        images: the two pictures, each ``(C, H, W)``.
        maps: their convolution maps ``(1, H', W')`` each; `pooled`: those after max pooling.
        map_equal: share of the convolution map's elements that were there before, `shift` away; those whose
            patch stays inside are compared.
        pooled_equal: share of the pooled map's elements that did not change at all, compared in place.
        dense: outputs ``(M,)`` of one fully connected layer for each.
        dense_equal: share of its outputs that did not change (by more than a thousandth of their spread).
        map_change, pooled_change, dense_change: how much each changed in place on average, in parts of its spread.
    """

    shift: tuple[int, int]
    images: tuple[Tensor, Tensor]
    maps: tuple[Tensor, Tensor]
    pooled: tuple[Tensor, Tensor]
    map_equal: float
    pooled_equal: float
    dense: tuple[Tensor, Tensor]
    dense_equal: float
    map_change: float
    pooled_change: float
    dense_change: float


@dataclass(frozen=True, slots=True)
class StackLayer:
    """A layer of a stack: kernel (height, width) and channels in and out, as multiples of C unless given."""

    kernel_size: tuple[int, int]
    in_channels: int
    out_channels: int


@dataclass(frozen=True, slots=True)
class StackedFilters:
    """Stride-1 layers one after another: what they see and cost.

    Attributes:
        receptive_field: (height, width) in the input.
        weights: in all, biases left out; `weights_by_layer` each.
        weights_per_pair: sum of kernel elements, the weights for one channel in and one out per layer.
        nonlinearities: one after each layer.
        multiply_adds: per output pixel, all layers.
    """

    receptive_field: tuple[int, int]
    weights: int
    weights_by_layer: tuple[int, ...]
    weights_per_pair: int
    nonlinearities: int
    multiply_adds: int


def connection_counts(
    height: int, width: int, hidden: int, *, channels: int = 1, kernel_size: int = 3, filters: int = 1
) -> ConnectionCounts:
    """The weights of a layer with H·W·n_C inputs and `hidden` outputs, in three forms.

    Raises:
        TypeError, ValueError: a number that is not whole or not positive; ShapeError: a kernel above the
            picture.
    """
    for name, value in (("height", height), ("width", width), ("hidden", hidden), ("channels", channels)):
        expect_integer(value, name, minimum=1)
    expect_integer(kernel_size, "kernel_size", minimum=1)
    expect_integer(filters, "filters", minimum=1)
    if kernel_size > min(height, width):
        raise ShapeError(
            f"expected a kernel of at most {min(height, width)}, got {kernel_size}",
            "kernel_too_large",
            kernel=kernel_size,
            size=min(height, width),
        )
    inputs, patch = height * width * channels, kernel_size**2 * channels
    return ConnectionCounts(inputs, hidden, inputs * hidden, hidden * patch, patch + 1, filters * (patch + 1))


def connections(kind: str, size: int, kernel_size: int) -> Tensor:
    """Which weight joins which input to which output of a one-dimensional layer, to draw it.

    Args:
        kind: of `CONNECTIONS`. size: inputs, at most 256; there are size − kernel_size + 1 outputs.

    Returns:
        int64 ``(outputs, inputs)``: the number of the weight from 0, −1 where there is no connection. Equal
        numbers are one shared weight.

    Raises:
        ValueError: another kind, a size above 256; ShapeError: a kernel above the size.
    """
    expect_choice(kind, CONNECTIONS, "kind")
    expect_integer(size, "size", minimum=1)
    expect_integer(kernel_size, "kernel_size", minimum=1)
    if size > 256:
        raise ValueError(f"expected size of at most 256, got {size}")
    if kernel_size > size:
        message = f"expected a kernel of at most {size}, got {kernel_size}"
        raise ShapeError(message, "kernel_too_large", kernel=kernel_size, size=size)
    outputs = size - kernel_size + 1
    if kind == "fully_connected":
        return torch.arange(outputs * size).view(outputs, size)
    offset = torch.arange(size)[None] - torch.arange(outputs)[:, None]
    inside = (offset >= 0) & (offset < kernel_size)
    number = offset if kind == "convolution" else offset + kernel_size * torch.arange(outputs)[:, None]
    return torch.where(inside, number, -1)


def translation_study(
    image: Tensor,
    weight: Tensor,
    shift: tuple[int, int] = (1, 1),
    *,
    pool: int = 2,
    relu: bool = False,
    outputs: int = 64,
    seed: int = 0,
) -> TranslationStudy:
    """Shift a picture by a few pixels and see what convolution, max pooling and a fully connected layer make of it.

    The pixels that come in at the border repeat the border's. The fully connected layer has seeded random
    weights over the picture's pixels.

    Args:
        image: ``(H, W)`` or ``(C, H, W)``. weight: ``(k, k)``, applied to every channel and summed.
        pool: side and stride of the pooling. relu: whether the maps go through ReLU first.

    Raises:
        ShapeError: a picture smaller than the filter, the pooling or the shift.
    """
    picture = expect_image(image).float()
    down, right = (expect_integer(value, "shift") for value in shift)
    height, width = picture.shape[-2:]
    wanted = max(weight.shape[-1] + pool - 1 + abs(right), weight.shape[-2] + pool - 1 + abs(down))
    if min(height, width) < wanted:
        message = f"expected a picture of at least {wanted}x{wanted}, got {height}x{width}"
        raise ShapeError(message, "image_too_small", minimum=wanted, height=height, width=width)
    rows = (torch.arange(height) - down).clamp(0, height - 1)
    columns = (torch.arange(width) - right).clamp(0, width - 1)
    images = picture, picture[:, rows][:, :, columns]
    kernel = weight.float().expand(1, len(picture), *weight.shape[-2:])
    maps = tuple(F.conv2d(one[None], kernel)[0] for one in images)
    maps = tuple(one.relu() for one in maps) if relu else maps
    pooled = tuple(F.max_pool2d(one[None], pool)[0] for one in maps)
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(outputs, picture.numel(), generator=generator) / picture.numel() ** 0.5
    dense = tuple(matrix @ one.flatten() for one in images)
    before = maps[0][:, max(0, -down) : maps[0].shape[1] - max(0, down)]
    before = before[:, :, max(0, -right) : maps[0].shape[2] - max(0, right)]
    after = maps[1][:, max(0, down) : maps[1].shape[1] - max(0, -down)]
    after = after[:, :, max(0, right) : maps[1].shape[2] - max(0, -right)]
    spread = dense[0].std().clamp(min=1e-12)
    return TranslationStudy(
        shift=(down, right),
        images=images,
        maps=(maps[0], maps[1]),
        pooled=(pooled[0], pooled[1]),
        map_equal=_share_equal(before, after),
        pooled_equal=_share_equal(*pooled),
        dense=(dense[0], dense[1]),
        dense_equal=float(((dense[0] - dense[1]).abs() <= 1e-3 * spread).float().mean()),
        map_change=_change(*maps),
        pooled_change=_change(*pooled),
        dense_change=_change(*dense),
    )


def _change(a: Tensor, b: Tensor) -> float:
    """The mean absolute difference in parts of the first's standard deviation."""
    return float((a - b).abs().mean() / a.std().clamp(min=1e-12))


def _share_equal(a: Tensor, b: Tensor) -> float:
    """The share of elements that are equal up to float32 rounding of the largest."""
    tolerance = 1e-5 * float(a.abs().max().clamp(min=1e-12))
    return float(((a - b).abs() <= tolerance).float().mean())


def stacked_filters(layers: Sequence[StackLayer]) -> StackedFilters:
    """What a stack of stride-1 convolutions sees and costs.

    Raises:
        ValueError: no layers; ShapeError: channels that do not fit from one layer to the next.
    Source: Simonyan and Zisserman 2014, "Very deep convolutional networks", section 2.3.
    """
    if not layers:
        raise ValueError("expected at least one layer, got none")
    for before, after in pairwise(layers):
        if before.out_channels != after.in_channels:
            message = f"expected {before.out_channels} channels into the next layer, got {after.in_channels}"
            raise ShapeError(message, "channels", wanted=before.out_channels, got=after.in_channels)
    sizes = [pair(layer.kernel_size, "kernel_size") for layer in layers]
    weights = tuple(
        h * w * layer.in_channels * layer.out_channels for (h, w), layer in zip(sizes, layers, strict=True)
    )
    field = (1 + sum(h - 1 for h, _ in sizes), 1 + sum(w - 1 for _, w in sizes))
    return StackedFilters(
        field, sum(weights), weights, sum(h * w for h, w in sizes), len(layers), sum(weights)
    )


def convolve_sequence(sequence: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """A filter along a sequence (sound, a time series): ``(C, L)`` and ``(K, C, f)`` → ``(K, L')``.

    float64 stays, everything else is computed in float32.

    Raises:
        ShapeError: other axes, channels that differ, or a filter longer than the padded sequence.
    """
    return _convolved(sequence, weight, stride, padding, 1)


def convolve_volume(volume: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """A filter through a volume or frames: ``(C, D, H, W)`` and ``(K, C, f, f, f)`` → ``(K, D', H', W')``.

    float64 stays, everything else is computed in float32.

    Raises:
        ShapeError: other axes, channels that differ, or a filter larger than the padded volume.
    """
    return _convolved(volume, weight, stride, padding, 3)


def _convolved(data: Tensor, weight: Tensor, stride: int, padding: int, axes: int) -> Tensor:
    expect_integer(stride, "stride", minimum=1)
    expect_integer(padding, "padding", minimum=0)
    if data.ndim != axes + 1 or weight.ndim != axes + 2 or data.numel() == 0 or weight.numel() == 0:
        message = (
            f"expected {axes + 1} axes and a weight of {axes + 2}, none 0, "
            f"got {tuple(data.shape)} and {tuple(weight.shape)}"
        )
        raise ShapeError(message, "axes", data=tuple(data.shape), weight=tuple(weight.shape))
    if data.shape[0] != weight.shape[1]:
        message = f"expected a weight for {data.shape[0]} channels, got {weight.shape[1]}"
        raise ShapeError(message, "channels", wanted=data.shape[0], got=weight.shape[1])
    for size, kernel in zip(data.shape[1:], weight.shape[2:], strict=True):
        if kernel > size + 2 * padding:
            message = f"expected a kernel of at most {size + 2 * padding}, got {kernel}"
            raise ShapeError(message, "kernel_too_large", kernel=kernel, size=size + 2 * padding)
    kind = torch.float64 if torch.float64 in (data.dtype, weight.dtype) else torch.float32
    function = F.conv1d if axes == 1 else F.conv3d
    return function(data.to(kind)[None], weight.to(kind), stride=stride, padding=padding)[0]
