"""What a person takes away from the architectures screen: lists as CSV, maps as PNG and numbers, the input."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import torch

from app.figures.colours import palette
from app.figures.networks.architectures import chosen_row
from app.figures.networks.architectures_code import pytorch_code
from app.figures.networks.architectures_depth import KINDS, SIDE, depth_pair, scaling_part
from app.figures.networks.architectures_maps import as_maps, mosaic_pixels
from app.figures.networks.architectures_runs import run_of, square_of
from app.figures.networks.architectures_settings import ArchitectureSettings
from app.pictures import CurrentPicture
from cnn.images.encode import png_bytes, to_hwc
from cnn.networks.builder import BuilderError
from cnn.networks.prediction import prepared_picture

File = tuple[str, str, Callable[[], bytes], str]


def screen_files(picture: CurrentPicture, settings: ArchitectureSettings) -> tuple[str, tuple[File, ...]]:
    """Return (the code, (label id, file name, maker, MIME type) of each download) of the settings' tab."""
    if settings.tab == "scaling":
        return pytorch_code(settings, "", ()), (_csv(lambda: _scaling_rows(settings), "stages.csv"),)
    if settings.tab == "depth":
        files: list[File] = [
            _csv(lambda: _depth_rows(picture, settings), "signals.csv"),
            ("picture", "input.png", lambda: _depth_picture(picture), "image/png"),
        ]
        return pytorch_code(settings, "", ()), tuple(files)
    try:
        run = run_of(picture, settings)
    except BuilderError:  # the screen says which layer does not fit
        return "", ()
    row = chosen_row(settings, run)
    files = [
        _csv(lambda: _table_rows(picture, settings), "layers.csv"),
        ("picture", "input.png", lambda: png_bytes(to_hwc(run.picture)), "image/png"),
    ]
    if row in run.values:
        palettes = {name: palette(name) for name in ("signed", "magnitude")}
        files.insert(
            1, ("maps", "maps.png", lambda: png_bytes(mosaic_pixels(run.values[row], palettes)), "image/png")
        )
        files.insert(2, ("npz", "values.npz", lambda: _npz(run.values[row]), "application/zip"))
    return pytorch_code(settings, row, tuple(run.image.shape)), tuple(files)


def _csv(rows: Callable[[], list[list[object]]], name: str) -> File:
    def make() -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows())
        return text.getvalue().encode()

    return ("csv", name, make, "text/csv")


def _depth_picture(picture: CurrentPicture) -> bytes:
    made = prepared_picture(square_of(picture), (3, SIDE, SIDE), (0, 0, 0), (1, 1, 1))
    return png_bytes(to_hwc(made.cropped))


def _npz(values: torch.Tensor) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, maps=values.numpy(), channels=np.int64(as_maps(values).shape[0]))
    return file.getvalue()


def _table_rows(picture: CurrentPicture, settings: ArchitectureSettings) -> list[list[object]]:
    head: list[object] = [
        "layer",
        "kind",
        "kernel",
        "stride",
        "padding",
        "dilation",
        "groups",
        "output",
        "parameters",
        "multiply_adds",
    ]
    return [head] + [
        [
            r.name,
            r.kind,
            r.kernel_size,
            r.stride,
            r.padding,
            r.dilation,
            r.groups,
            "x".join(map(str, r.shape)),
            r.parameters,
            r.multiply_adds,
        ]
        for r in run_of(picture, settings).rows
    ]


def _depth_rows(picture: CurrentPicture, settings: ArchitectureSettings) -> list[list[object]]:
    signals = depth_pair(picture, settings).signals
    return [["network", "layer", "signal", "gradient"]] + [
        [kind, layer.depth, layer.signal, layer.gradient] for kind in KINDS for layer in signals[kind]
    ]


def _scaling_rows(settings: ArchitectureSettings) -> list[list[object]]:
    stages = scaling_part(settings)["stages"]
    return [list(stages[0])] + [list(stage.values()) for stage in stages]
