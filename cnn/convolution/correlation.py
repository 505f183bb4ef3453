"""Three ways to one correlation, and when each is quickest: compiled rows, F.conv2d, shifted slices."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cnn.convolution.rows import large_convolution, warming
from cnn.padding import padded_region

__all__ = ["LARGE", "correlation", "padded_image"]

LARGE = 1 << 16
"""Outputs per map from which the compiled kernels are quicker than their set-up."""
UNFOLDED = 1 << 26
"""Elements that F.conv2d may unfold on a CPU; beyond, it is slow and takes many pictures' memory."""


def padded_image(image: Tensor, padding: tuple[int, int, int, int], mode: str, fill: Tensor) -> Tensor:
    """`image` (C, H, W) with its border; the very same tensor if there is none."""
    if not any(padding):
        return image
    rows = torch.arange(-padding[0], image.shape[1] + padding[1], device=image.device)
    columns = torch.arange(-padding[2], image.shape[2] + padding[3], device=image.device)
    return padded_region(image, rows, columns, mode, fill)


def correlation(
    image: Tensor, weight: Tensor, bias: Tensor | None, size: tuple[int, int], *, padding_mode: str,
    fill: Tensor, stride: tuple[int, int], padding: tuple[int, int, int, int], dilation: tuple[int, int],
    groups: int,
) -> Tensor:  # fmt: skip
    """image: (C, H, W); weight: (K, C/groups, kh, kw); bias: (K,); size: (H', W'). Returns (K, H', W').

    int64 if all are whole numbers, else float64 if one of them is, else float32.
    """
    numbers = [image, weight] if bias is None else [image, weight, bias]
    if not any(tensor.is_floating_point() for tensor in numbers):
        kind = torch.int64
    else:
        kind = torch.float64 if any(tensor.dtype == torch.float64 for tensor in numbers) else torch.float32
    weight, bias = weight.to(kind), None if bias is None else bias.to(kind)
    on_cpu = image.device.type == "cpu"
    learning = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in numbers)
    outputs, taps = size[0] * size[1], weight[0].numel()
    large = outputs >= LARGE and (weight.shape[1] < 16 or outputs * taps > UNFOLDED)
    if large and on_cpu and not learning and not warming() and _float32_holds(image, weight, bias):
        source = image if image.dtype in (torch.uint8, torch.float32) else image.to(torch.float32)
        return large_convolution(
            source, weight.float(), None if bias is None else bias.float(), size, stride=stride,
            padding=padding, dilation=dilation, groups=groups, padding_mode=padding_mode,
            fill=fill.to(source.dtype),
        ).to(kind)  # fmt: skip
    padded = padded_image(image, padding, padding_mode, fill).to(kind)
    if kind == torch.int64 or (on_cpu and outputs * taps * groups > UNFOLDED):
        return _shifted_sums(padded, weight, bias, size, stride, dilation, groups)
    with torch.backends.cudnn.flags(allow_tf32=False):
        return F.conv2d(padded[None], weight, bias, stride=stride, dilation=dilation, groups=groups)[0]


def _float32_holds(image: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether float32 sums give what is wanted: for float32, and for whole numbers while they are exact."""
    if weight.dtype != torch.int64:
        return weight.dtype == torch.float32
    peak = 255 if image.dtype == torch.uint8 else max(abs(int(image.amax())), abs(int(image.amin())))
    offset = 0 if bias is None else int(bias.abs().max())
    return peak * weight.double().abs().sum(dim=(1, 2, 3)).max().item() + offset < 1 << 24


def _shifted_sums(
    padded: Tensor, weight: Tensor, bias: Tensor | None, size: tuple[int, int], stride: tuple[int, int],
    dilation: tuple[int, int], groups: int,
) -> Tensor:  # fmt: skip
    """One shifted slice of the padded picture per tap: any dtype, no memory beside the result's."""
    filters, channels, height, width = weight.shape
    maps = padded.new_zeros((groups, filters // groups, *size))
    if bias is not None:
        maps += bias.reshape(groups, -1, 1, 1)
    planes = padded.reshape(groups, channels, 1, *padded.shape[1:])
    taps = weight.reshape(groups, -1, channels, height, width, 1, 1)
    for i in range(height):
        rows = slice(i * dilation[0], i * dilation[0] + (size[0] - 1) * stride[0] + 1, stride[0])
        for j in range(width):
            columns = slice(j * dilation[1], j * dilation[1] + (size[1] - 1) * stride[1] + 1, stride[1])
            for c in range(channels):
                maps.addcmul_(planes[:, c, :, rows, columns], taps[:, :, c, i, j])
    return maps.reshape(filters, *size)
