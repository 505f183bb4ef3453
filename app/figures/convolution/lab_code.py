"""PyTorch code that gives the lab's numbers in a fresh interpreter, with the downloaded picture beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from app.figures.convolution.lab_block import working
from app.pictures import CurrentPicture
from cnn.checks import ShapeError
from cnn.convolution.lab_errors import LabError
from cnn.convolution.pipeline import bank_tensors, resolved_padding
from cnn.convolution.settings import LabSettings
from cnn.padding import padding_fill

WHOLE_BANK = 320
"""Weights up to which the code lists the whole bank; beyond, only the filter of the map that is looked at."""

_PAD_MODES = {"reflect": "reflect", "replicate": "replicate", "circular": "circular"}
_ACTIVATIONS = {"relu": "torch.relu(z)", "sigmoid": "torch.sigmoid(z)", "tanh": "torch.tanh(z)"}
_POOLS = {
    "max": "a_pooled, winners = F.max_pool2d(a, {f}, {s}, {p}, return_indices=True)",
    "average": "a_pooled = F.avg_pool2d(a, {f}, {s}, {p})",
    "l2": "a_pooled = F.lp_pool2d(F.pad(a, ({p}, {p}, {p}, {p})), 2, {f}, {s})",
}


def pytorch_code(picture: CurrentPicture, settings: LabSettings) -> str:
    """Return code whose `z`, `a` and `a_pooled` are the lab's maps; empty where the settings give none."""
    source = working(picture, settings)
    try:
        weight, bias, groups = bank_tensors(settings, source)
    except (LabError, ShapeError):
        return ""
    index = min(settings.index, weight.shape[0] - 1)
    exact = not weight.is_floating_point()
    kind = "torch.float64" if exact or weight.dtype == torch.float64 else "torch.float32"
    lines = ["import torch", "import torch.nn.functional as F"]
    lines += _picture_lines(picture, source, kind)
    lines += _shift_lines(settings)
    first = 0
    if weight.numel() > WHOLE_BANK:
        first = index // (weight.shape[0] // groups) * weight.shape[1]
        weight, bias, groups = weight[index : index + 1], bias[index : index + 1], 1
        lines.append(f"# the filter of map {index + 1}; the bank has more")
        if first or source.shape[0] != weight.shape[1]:
            lines.append(f"image = image[{first}:{first + weight.shape[1]}]")
    lines += [f"weight = torch.tensor({_numbers(weight)}, dtype={kind})  # (filters, channels, f, f)"]
    lines += [f"bias = torch.tensor({bias.tolist()}, dtype={kind})"]
    if settings.flip:
        lines.append("weight = weight.flip(2, 3)  # convolution as mathematics means it")
    lines += _padding_lines(settings, source, first, weight.shape[1] * groups)
    stride, dilation = (settings.stride_h, settings.stride_w), (settings.dilation_h, settings.dilation_w)
    lines.append(f"z = F.conv2d(padded, weight, bias, stride={stride}, dilation={dilation}, groups={groups})")
    lines.append(f"a = {_ACTIVATIONS.get(settings.activation, 'z')}")
    sizes = {"f": settings.pool_size, "s": settings.pool_stride, "p": settings.pool_padding}
    modes = ("max",) if settings.pooling == "all" else (settings.pooling,)
    lines += [_POOLS[mode].format(**sizes) for mode in modes if mode in _POOLS]
    lines.append("print(z.shape, z.min().item(), z.max().item())")
    return "\n".join(lines)


def _picture_lines(picture: CurrentPicture, source: Tensor, kind: str) -> list[str]:
    if picture.kind != "photo":
        return ["", f"image = torch.tensor({_numbers(source)}, dtype={kind})  # (channels, rows, columns)"]
    lines = ["import numpy as np", "from PIL import Image", ""]
    lines.append('pixels = np.array(Image.open("picture.png"))  # the input, from Downloads')
    if source.shape[0] == 1:
        return [*lines, f"image = torch.from_numpy(pixels)[None].to({kind})  # (1, H, W), 0..255"]
    return [*lines, f"image = torch.from_numpy(pixels).permute(2, 0, 1).to({kind})  # (3, H, W), 0..255"]


def _shift_lines(settings: LabSettings) -> list[str]:
    down, right = settings.shift_y, settings.shift_x
    if not down and not right:
        return []
    return [
        f"image = F.pad(image, ({right}, 0, {down}, 0))[:, : image.shape[1], : image.shape[2]]  # shifted, zeros come in"
    ]


def _padding_lines(settings: LabSettings, source: Tensor, first: int, count: int) -> list[str]:
    top, bottom, left, right = resolved_padding(settings)
    sides = f"({left}, {right}, {top}, {bottom})"
    if not any((top, bottom, left, right)):
        return ["padded = image[None]"]
    if settings.padding_mode in _PAD_MODES:
        return [f'padded = F.pad(image[None], {sides}, mode="{settings.padding_mode}")']
    if settings.padding_mode == "zeros":
        return [f"padded = F.pad(image[None], {sides})"]
    fill: list[Any] = padding_fill(source, "mean")[first : first + count].tolist()
    return [
        f"mean = torch.tensor({fill}, dtype=image.dtype)[:, None, None]",
        f"padded = F.pad((image - mean)[None], {sides}) + mean",
    ]


def _numbers(values: Tensor) -> str:
    return str(values.tolist())
