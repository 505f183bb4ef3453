"""Convolution as one sparse matrix, its transpose as the way back, and the other ways to make a picture larger."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cnn.checks import ShapeError, expect_choice, expect_image, expect_integer, pair

__all__ = [
    "UPSAMPLINGS",
    "ConvolutionMatrix",
    "OverlapStep",
    "UpsamplingStep",
    "bilinear_weight",
    "canvas",
    "convolution_matrix",
    "learned_upsampling",
    "overlap_steps",
    "transposed_size",
    "upsampled",
]

UPSAMPLINGS = ("nearest", "bilinear", "bicubic")
_MOST_STEPS = 4096
_MOST_ELEMENTS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ConvolutionMatrix:
    """A convolution of one channel as a matrix, rows and columns in reading order.

    Attributes:
        matrix: ``(H'·W', H·W)``, the weight's dtype; matrix @ picture.flatten() is the map.
        sources: int64 of the same shape: which element of the weight (row·k + column) stands there, −1 for
            none.
        input_size, output_size: (H, W) and (H', W').
        nonzero: places that hold a weight, whatever its value.
    """

    matrix: Tensor
    sources: Tensor
    input_size: tuple[int, int]
    output_size: tuple[int, int]
    nonzero: int

    def apply(self, image: Tensor) -> Tensor:
        """The convolution of ``(H, W)``: ``(H', W')``."""
        return (self.matrix @ image.to(self.matrix.dtype).flatten()).view(self.output_size)

    def apply_transposed(self, feature_map: Tensor) -> Tensor:
        """The transposed convolution of ``(H', W')``: ``(H, W)``; the shape comes back, not the values."""
        return (self.matrix.t() @ feature_map.to(self.matrix.dtype).flatten()).view(self.input_size)


@dataclass(frozen=True, slots=True, eq=False)
class OverlapStep:
    """One input element of a transposed convolution: its value times the filter is added to the canvas.

    Attributes:
        row, column, value: of the input element.
        top, left: where its contribution begins on the canvas, padding not yet cut off.
        contribution: value · weight ``(kh, kw)``.
        overlap: bool ``(kh, kw)``: canvas elements that an earlier step has reached already.
    """

    row: int
    column: int
    value: float
    top: int
    left: int
    contribution: Tensor
    overlap: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class UpsamplingStep:
    """A learned transposed convolution after `step` of `steps` steps.

    `weight` ``(k, k)``; `output` ``(C, H, W)`` every `every` steps, else None; `error` its mean squared
    difference from the picture, beside those of `UPSAMPLINGS` in `errors`.
    """

    step: int
    steps: int
    weight: Tensor
    error: float
    errors: Mapping[str, float]
    output: Tensor | None


def convolution_matrix(
    weight: Tensor, input_size: tuple[int, int], *, stride: int | tuple[int, int] = 1, padding: int = 0
) -> ConvolutionMatrix:
    """The matrix of a filter ``(kh, kw)`` on pictures of `input_size` (H, W), zeros around them.

    Raises:
        ShapeError: another weight, a kernel above the padded picture, or a matrix of over four million
            elements.
    Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic", section 4.1.
    """
    if weight.ndim != 2 or weight.numel() == 0:
        raise ShapeError(f"expected a weight (kh, kw), got {tuple(weight.shape)}", "weight_shape")
    size, step = pair(input_size, "input_size"), pair(stride, "stride")
    expect_integer(padding, "padding", minimum=0)
    kernel = weight.shape[0], weight.shape[1]
    for have, wanted in zip(size, kernel, strict=True):
        if wanted > have + 2 * padding:
            message = f"expected a kernel of at most {have + 2 * padding}, got {wanted}"
            raise ShapeError(message, "kernel_too_large", kernel=wanted, size=have + 2 * padding)
    out = tuple((n + 2 * padding - f) // s + 1 for n, f, s in zip(size, kernel, step, strict=True))
    if out[0] * out[1] * size[0] * size[1] > _MOST_ELEMENTS:
        message = f"expected a matrix of at most {_MOST_ELEMENTS:,} elements, got {out} from {size}"
        raise ShapeError(message, "matrix_too_large")
    rows = _places(out[0], size[0], step[0], padding)
    columns = _places(out[1], size[1], step[1], padding)
    down = rows[:, None, :, None].expand(-1, out[1], -1, size[1])
    across = columns[None, :, None, :].expand(out[0], -1, size[0], -1)
    inside = (down >= 0) & (down < kernel[0]) & (across >= 0) & (across < kernel[1])
    sources = torch.where(inside, down * kernel[1] + across, -1).reshape(out[0] * out[1], -1)
    matrix = torch.where(sources >= 0, weight.flatten()[sources.clamp(min=0)], 0)
    return ConvolutionMatrix(matrix, sources, size, (out[0], out[1]), int((sources >= 0).sum()))


def _places(outputs: int, inputs: int, stride: int, padding: int) -> Tensor:
    """Which kernel element meets input i at output o, ``(outputs, inputs)``; outside 0..k−1 where none does."""
    return torch.arange(inputs)[None] + padding - stride * torch.arange(outputs)[:, None]


def transposed_size(
    size: int,
    kernel_size: int,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """(n − 1)·s − 2p + d·(f − 1) + output_padding + 1.

    Raises:
        ShapeError: nothing would be left. Source: PyTorch documentation, ConvTranspose2d.
    """
    length = (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1
    if length < 1:
        raise ShapeError(f"expected an output of at least 1, got {length}", "nothing_left", length=length)
    return length


def overlap_steps(image: Tensor, weight: Tensor, *, stride: int = 1) -> tuple[OverlapStep, ...]:
    """A transposed convolution element by element, in reading order; see `canvas` for the sums.

    Args:
        image: ``(H, W)``, at most 4,096 elements. weight: ``(kh, kw)``.

    Raises:
        ShapeError: other axes or too many elements.
    """
    expect_integer(stride, "stride", minimum=1)
    if image.ndim != 2 or weight.ndim != 2 or not 0 < image.numel() <= _MOST_STEPS or weight.numel() == 0:
        message = (
            f"expected a picture (H, W) of at most {_MOST_STEPS:,} elements and a weight (kh, kw), "
            f"got {tuple(image.shape)} and {tuple(weight.shape)}"
        )
        raise ShapeError(message, "image_shape", shape=tuple(image.shape))
    height, width = weight.shape
    reached = torch.zeros(
        (image.shape[0] - 1) * stride + height, (image.shape[1] - 1) * stride + width, dtype=torch.bool
    )
    steps = []
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            top, left = row * stride, column * stride
            there = reached[top : top + height, left : left + width]
            value = image[row, column]
            steps.append(OverlapStep(row, column, float(value), top, left, value * weight, there.clone()))
            there.fill_(True)
    return tuple(steps)


def canvas(
    steps: tuple[OverlapStep, ...], count: int, *, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """The sum of the first `count` contributions ``(H', W')``, cut by `padding` on every side.

    With all steps this is the transposed convolution. `output_padding` adds rows and columns at the bottom
    and right.

    Raises:
        ValueError: no steps; ShapeError: a padding that leaves nothing.
    """
    if not steps:
        raise ValueError("expected at least one step, got none")
    last, (height, width) = steps[-1], steps[0].contribution.shape
    full = torch.zeros(last.top + height, last.left + width, dtype=steps[0].contribution.dtype)
    for step in steps[:count]:
        full[step.top : step.top + height, step.left : step.left + width] += step.contribution
    full = F.pad(full, (0, output_padding, 0, output_padding))
    cut = full[padding : full.shape[0] - padding or None, padding : full.shape[1] - padding or None]
    if min(full.shape) <= 2 * padding:
        message = f"expected a padding below {min(full.shape) / 2:g}, got {padding}"
        raise ShapeError(message, "nothing_left", padding=padding)
    return cut


def upsampled(image: Tensor, factor: int, mode: str) -> Tensor:
    """A picture `factor` times as large on both sides: ``(C, H, W)`` → float32 ``(C, H·factor, W·factor)``.

    Raises:
        ValueError: another mode of `UPSAMPLINGS`, or a factor outside 2..16.
    """
    expect_choice(mode, UPSAMPLINGS, "mode")
    _checked_factor(factor)
    picture = expect_image(image).float()[None]
    aligned = {} if mode == "nearest" else {"align_corners": False}
    return F.interpolate(picture, scale_factor=float(factor), mode=mode, **aligned)[0]


def bilinear_weight(factor: int) -> Tensor:
    """The filter ``(2·factor − factor % 2,) · 2`` with which a transposed convolution of this stride interpolates.

    Source: Long et al. 2015, "Fully convolutional networks for semantic segmentation", section 3.3.
    """
    _checked_factor(factor)
    size = 2 * factor - factor % 2
    centre = (size - 1) / 2
    slope = 1 - (torch.arange(size) - centre).abs() / factor
    return slope[:, None] * slope[None]


def learned_upsampling(
    image: Tensor,
    *,
    factor: int = 2,
    steps: int = 200,
    learning_rate: float = 0.02,
    every: int = 10,
    seed: int = 0,
) -> Generator[UpsamplingStep, Mapping[str, Any] | None, None]:
    """Learn the filter of a transposed convolution that makes a picture large again, beside the fixed ways.

    The picture is made `factor` times smaller by averaging; one filter of 2·factor a side, the same for
    every channel, starts at random and is learned by back-propagation and Adam. {"learning_rate": …} may be
    sent.

    Args:
        image: ``(C, H, W)`` or ``(H, W)``, uint8 or in 0..1; sides are cut to multiples of `factor`.

    Raises (at the first step):
        ValueError, ShapeError: a factor outside 2..16, a number not positive, a picture below 4·factor a
            side.
    """
    _checked_factor(factor)
    expect_integer(steps, "steps", minimum=1)
    expect_integer(every, "every", minimum=1)
    picture = expect_image(image)
    picture = picture.float() / 255 if picture.dtype == torch.uint8 else picture.float()
    height, width = (side // factor * factor for side in picture.shape[-2:])
    if min(height, width) < 4 * factor:
        message = f"expected sides of at least {4 * factor}, got {tuple(image.shape[-2:])}"
        raise ShapeError(message, "image_too_small", minimum=4 * factor)
    goal = picture[:, None, :height, :width]
    small = F.avg_pool2d(goal, factor)
    errors = {
        way: float((upsampled(small[:, 0], factor, way) - goal[:, 0]).pow(2).mean()) for way in UPSAMPLINGS
    }
    kernel, padding = 2 * factor, factor // 2
    extra = factor % 2  # an odd factor leaves one row more to cut
    noise = torch.randn(1, 1, kernel, kernel, generator=torch.Generator().manual_seed(seed))
    weight = (0.1 * noise).requires_grad_(True)
    optimiser = torch.optim.Adam([weight], lr=learning_rate)
    for step in range(1, steps + 1):
        optimiser.zero_grad()
        output = F.conv_transpose2d(small, weight, stride=factor, padding=padding)
        output = output[..., extra : extra + height, extra : extra + width] if extra else output
        loss = (output - goal).pow(2).mean()
        (weight.grad,) = torch.autograd.grad(loss, weight)
        optimiser.step()
        shown = output.detach()[:, 0].clone() if step % every == 0 or step in (1, steps) else None
        sent = yield UpsamplingStep(
            step, steps, weight.detach()[0, 0].clone(), float(loss.detach()), errors, shown
        )
        if sent and "learning_rate" in sent:
            for group in optimiser.param_groups:
                group["lr"] = float(sent["learning_rate"])


def _checked_factor(factor: int) -> None:
    if expect_integer(factor, "factor", minimum=2) > 16:
        raise ValueError(f"expected factor from 2 to 16, got {factor}")
