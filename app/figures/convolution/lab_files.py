"""What the lab gives away: the input and maps as PNG, the map as CSV, every stage as NPZ."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from app.figures.colours import palette
from app.figures.convolution.lab_block import working
from app.pictures import CurrentPicture
from cnn.convolution.pipeline import LabResult, lab, map_stages, working_picture
from cnn.convolution.settings import LabSettings
from cnn.images.encode import palette_png, png_bytes, to_hwc

FULL_OUTPUT = 60_000_000
"""Cells of a map at full resolution: what a picture of 50 megapixels needs."""

LabFile = tuple[str, str, Callable[[], bytes], str]


def lab_files(picture: CurrentPicture, settings: LabSettings) -> list[LabFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""

    def shown() -> LabResult:
        return lab(working(picture, settings), settings)

    files: list[LabFile] = [
        ("map", "map.png", lambda: map_png(shown()), "image/png"),
        ("csv", "map.csv", lambda: map_csv(shown()), "text/csv"),
        ("npz", "convolution.npz", lambda: stages_npz(shown()), "application/octet-stream"),
        ("zip", "maps.zip", lambda: maps_zip(shown()), "application/zip"),
    ]
    if picture.kind == "photo":
        files.insert(
            0, ("picture", "picture.png", lambda: png_bytes(to_hwc(working(picture, settings))), "image/png")
        )
        files.insert(2, ("full", "map_full.png", lambda: full_png(picture.pixels, settings), "image/png"))
    return files


def map_png(result: LabResult, index: int | None = None) -> bytes:
    """Return a map (None: the one looked at) in the lab's colours, one pixel a cell."""
    values = map_stages(replace_pooling(result), index).before
    return palette_png(*_coloured(values))


def full_png(pixels: Tensor, settings: LabSettings) -> bytes:
    """Return the map that is looked at, computed on the whole picture, not on the working size."""
    whole = working_picture(pixels, replace(settings, size=str(max(pixels.shape))))
    alone = replace(settings, bank=(settings.bank[settings.index % len(settings.bank)],), index=0)
    if settings.mode == "each":
        channel = min(settings.index // len(settings.bank), whole.shape[0] - 1)
        whole = whole[channel : channel + 1]
    return map_png(lab(whole, alone, max_output=FULL_OUTPUT))


def map_csv(result: LabResult) -> bytes:
    """Return the map that is looked at as comma-separated values, every digit of the tensor's."""
    values = result.convolution.output[result.index].numpy()
    whole = np.issubdtype(values.dtype, np.integer)
    file = io.StringIO()
    np.savetxt(file, values, delimiter=",", fmt="%d" if whole else "%.9g")
    return file.getvalue().encode()


def stages_npz(result: LabResult) -> bytes:
    """Return input, padded input, weights, bias, all maps, and activation and pooling of the one looked at."""
    done, stages = result.convolution, map_stages(result)
    arrays = {
        "input": done.image,
        "padded": done.padded,
        "weight": done.weight,
        "z": done.output,
        "a": stages.after,
    }
    arrays |= {f"pooled_{mode}": pooling.output[0] for mode, pooling in stages.poolings.items()}
    if done.bias is not None:
        arrays["bias"] = done.bias
    if "max" in stages.poolings and stages.poolings["max"].winners is not None:
        arrays["winners"] = stages.poolings["max"].winners[0]
    file = io.BytesIO()
    np.savez_compressed(file, **{name: values.numpy() for name, values in arrays.items()})
    return file.getvalue()


def maps_zip(result: LabResult) -> bytes:
    """Return every map twice: in the lab's colours, and gray from its least value (black) to its most (white)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for index in range(result.convolution.output.shape[0]):
            archive.writestr(f"map_{index + 1:02}_colour.png", map_png(result, index))
            values = result.convolution.output[index].double()
            low, high = float(values.min()), float(values.max())
            gray = (values - low) * (255.0 / (high - low) if high > low else 0.0)
            archive.writestr(f"map_{index + 1:02}_gray.png", png_bytes(gray.round().to(torch.uint8).numpy()))
    return file.getvalue()


def replace_pooling(result: LabResult) -> LabResult:
    """Return the result without pooling, for what needs none."""
    return replace(result, settings=replace(result.settings, pooling="none"))


def _coloured(values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    low, high = float(values.min()), float(values.max())
    limit = max(-low, high) or 1.0
    if low >= 0:
        levels = (values.double() * (255.0 / limit)).round().clamp(0, 255)
        return levels.to(torch.uint8).numpy(), palette("gray")
    levels = (values.double() * (127.0 / limit)).round().add(128).clamp(1, 255)
    return levels.to(torch.uint8).numpy(), palette("signed")
