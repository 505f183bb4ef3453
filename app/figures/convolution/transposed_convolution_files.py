"""Downloads and PyTorch code of the transposed-convolution screen, by view."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

from app.figures.convolution.transposed_convolution import (
    levels,
    pixels_of,
    start_values,
    trace_of,
    weight_of,
    working_photo,
)
from app.pictures import CurrentPicture
from cnn.checks import ShapeError
from cnn.convolution.transposed_convolution import UPSAMPLINGS, convolution_matrix, overlap_steps, upsampled
from cnn.convolution.transposed_settings import TransposedSettings
from cnn.convolution.upsampling_problem import MOMENTUM, UpsamplingTrace, cut_of, enlarged
from cnn.images.encode import png_bytes, to_hwc

Made = list[tuple[str, str, Callable[[], bytes], str]]


def transposed_files(picture: CurrentPicture, settings: TransposedSettings) -> Made:
    """Return (label id, file name, maker, MIME type) of each download."""
    if settings.view == "matrix":
        return [("matrix", "convolution_matrix.csv", lambda: _matrix_csv(settings), "text/csv")]
    if settings.view == "steps":
        return [("steps", "steps.csv", lambda: _steps_csv(picture, settings), "text/csv")]
    made: Made = [("picture", "picture.png", lambda: png_bytes(to_hwc(working_photo(picture))), "image/png")]
    try:
        trace = trace_of(picture, settings)
    except ShapeError:
        return made
    factor = int(settings.factor)
    weight = trace.weights[settings.learned]
    made.append(
        (
            "learned",
            "learned.png",
            lambda: png_bytes(levels(enlarged(trace.small, weight, factor)).transpose(1, 2, 0)),
            "image/png",
        )
    )
    for way in UPSAMPLINGS:
        made.append(
            (
                way,
                f"{way}.png",
                lambda way=way: png_bytes(levels(upsampled(trace.small, factor, way)).transpose(1, 2, 0)),
                "image/png",
            )
        )
    made.append(("weights", "learned_filter.csv", lambda: _csv(weight.tolist()), "text/csv"))
    return made


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue().encode()


def _matrix_csv(settings: TransposedSettings) -> bytes:
    made = convolution_matrix(
        weight_of(settings), (settings.size, settings.size), stride=settings.stride, padding=settings.padding
    )
    return _csv((made.matrix.t() if settings.transposed else made.matrix).tolist())


def _steps_csv(picture: CurrentPicture, settings: TransposedSettings) -> bytes:
    steps = overlap_steps(start_values(picture, settings), weight_of(settings), stride=settings.up_stride)
    rows: list[list[object]] = [
        ["step", "row", "column", "value", "top", "left", "contribution in reading order"]
    ]
    for number, step in enumerate(steps, start=1):
        where = [number, step.row, step.column, step.value, step.top, step.left]
        rows.append([*where, *step.contribution.flatten().tolist()])
    return _csv(rows)


def pytorch_code(picture: CurrentPicture, settings: TransposedSettings) -> str:
    """Return code that gives the view's numbers in a fresh interpreter."""
    if settings.view == "photo":
        try:
            return _photo_code(settings, trace_of(picture, settings))
        except ShapeError:
            return ""
    head = ["import torch", "import torch.nn.functional as F", ""]
    weight = f"weight = torch.tensor({weight_of(settings).tolist()}).double()"
    if settings.view == "steps":
        values = f"x = torch.tensor({start_values(picture, settings).tolist()}).double()"
        numbers = (
            f"stride={settings.up_stride}, padding={settings.up_padding}, output_padding={settings.extra}"
        )
        return "\n".join(
            [
                *head,
                values,
                weight,
                f"output = F.conv_transpose2d(x[None, None], weight[None, None], {numbers})[0, 0]",
                "print(output, tuple(output.shape))",
            ]
        )
    side, numbers = settings.size, f"stride={settings.stride}, padding={settings.padding}"
    extra = (side + 2 * settings.padding - settings.kernel) % settings.stride
    again = numbers + (f", output_padding={extra}" if extra else "")
    return "\n".join(
        [
            *head,
            f"x = torch.tensor({pixels_of(picture, side).tolist()}).double()  # {side} x {side} pixels",
            weight,
            f"units = torch.eye({side * side}).double().view(-1, 1, {side}, {side})  # one picture for each pixel",
            f"matrix = F.conv2d(units, weight[None, None], {numbers}).flatten(1).T",
            f"y = F.conv2d(x[None, None], weight[None, None], {numbers})",
            "assert torch.equal(matrix @ x.flatten(), y.flatten())",
            f"back = F.conv_transpose2d(y, weight[None, None], {again})",
            "assert torch.equal(matrix.T @ y.flatten(), back.flatten())",
            "print(tuple(matrix.shape))",
            "print(matrix.T)" if settings.transposed else "print(matrix)",
            "print(back[0, 0])" if settings.transposed else "print(y[0, 0])",
        ]
    )


def _photo_code(settings: TransposedSettings, trace: UpsamplingTrace) -> str:
    factor = int(settings.factor)
    side, cut = 4 * factor, cut_of(factor)
    return f"""import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

pixels = np.array(Image.open("picture.png"))  # from Downloads
picture = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1).double() / 255
height, width = (side // {factor} * {factor} for side in picture.shape[1:])
picture = picture[:, None, :height, :width]  # the channels as a batch
small = F.avg_pool2d(picture, {factor})
padded = F.pad(small, (2, 2, 2, 2), mode="replicate")


def enlarged(weight):
    large = F.conv_transpose2d(padded, weight, stride={factor})
    return large[..., {cut} : {cut} + height, {cut} : {cut} + width]


weight = 0.1 * torch.randn(1, 1, {side}, {side}, generator=torch.Generator().manual_seed({settings.seed}))
weight = weight.double().requires_grad_(True)
optimiser = torch.optim.SGD([weight], lr={trace.rate!r}, momentum={MOMENTUM}, nesterov=True)
for step in range({settings.learned}):
    optimiser.zero_grad()
    loss = (enlarged(weight) - picture).pow(2).mean()
    loss.backward()
    optimiser.step()
off = (enlarged(weight) - picture).pow(2).mean().sqrt().item() * 255
print("learned: off by", off, "gray levels")
for mode in ("nearest", "bilinear", "bicubic"):
    options = {{}} if mode == "nearest" else {{"align_corners": False}}
    large = F.interpolate(small, scale_factor={factor}, mode=mode, **options)
    print(mode, (large - picture).pow(2).mean().sqrt().item() * 255)
"""
