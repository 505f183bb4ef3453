"""What the receptive-field screen gives away: its input and its view as PNG, the layers as CSV, the heat as NPZ."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from app.figures.colours import palette
from app.figures.convolution.receptive_field import FieldView, measured
from app.figures.convolution.receptive_field_network import FieldNetwork
from cnn.images.encode import png_bytes, to_hwc

FieldFile = tuple[str, str, Callable[[], bytes], str]
_ACCENT = (214, 40, 110)


def field_files(view: FieldView) -> list[FieldFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for. None where nothing is shown."""
    network = view.network
    if network is None:
        return []
    files: list[FieldFile] = [
        ("picture", "picture.png", lambda: png_bytes(to_hwc(view.image)), "image/png"),
        (
            "view",
            "receptive_field.png",
            lambda: view_png(view),
            "image/png",
        ),
        ("csv", "receptive_fields.csv", lambda: fields_csv(network), "text/csv"),
    ]
    if view.weights:
        name = "effective_field.npz"
        files.append(
            (
                "npz",
                name,
                lambda: heat_npz(view),
                "application/octet-stream",
            )
        )
    return files


def fields_csv(network: FieldNetwork) -> bytes:
    """Return a line a layer: map, field size, jump, start, share of padding, status."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        [
            "layer",
            "kind",
            "shape",
            "size_h",
            "size_w",
            "jump_h",
            "jump_w",
            "start_row",
            "start_column",
            "padding_share",
            "status",
            "cause",
        ]
    )
    for layer in network.layers:
        field = layer.field
        jump = field.jump if isinstance(field.jump, tuple) else (field.jump, field.jump)
        shape = "x".join(map(str, field.shape))
        writer.writerow([layer.name, layer.kind, shape, *field.size, *(f"{j:g}" for j in jump), *field.start,
                         f"{layer.padding_share:.6f}", field.status, field.cause])  # fmt: skip
    return file.getvalue().encode()


def view_png(view: FieldView) -> bytes:
    """Return the picture, magnified, with the unit's box, dark outside of it, and the heat where it is shown."""
    assert view.network is not None
    pixels = np.atleast_3d(to_hwc(view.image)).astype(np.float64)
    pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    if view.settings.heat and view.weights:
        heat = measured(view).heat.double().numpy()
        pixels = heated(pixels, heat)
    place, row, column = view.unit
    x1, y1, x2, y2 = view.network.layers[place].field.visible_box(row, column)
    shade = np.full(pixels.shape[:2], 0.55)
    shade[y1:y2, x1:x2] = 1.0
    factor = max(1, 960 // max(pixels.shape[:2]))
    shown = (pixels * shade[..., None]).round().astype(np.uint8).repeat(factor, axis=0).repeat(factor, axis=1)
    corners = (x1 * factor, y1 * factor), (x2 * factor - 1, y2 * factor - 1)
    return png_bytes(
        np.asarray(cv2.rectangle(np.ascontiguousarray(shown), *corners, _ACCENT, 3), dtype=np.uint8)
    )


def heated(pixels: NDArray[np.float64], heat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the picture, gray and dim, with the heat over it: the square root of its part of the largest, in viridis."""
    strength = np.sqrt(heat / (heat.max() or 1.0))
    gray = pixels.mean(axis=2, keepdims=True) * 0.6
    colours = palette("magnitude")[np.rint(strength * 255).astype(int)].astype(np.float64)
    part = np.minimum(1.0, 1.5 * strength)[..., None]
    mixed: NDArray[np.float64] = gray * (1 - part) + colours * part
    return mixed


def heat_npz(view: FieldView) -> bytes:
    """Return `heat` (H, W) float32, the unit's `box` (x1, y1, x2, y2) and the share of the heat `inside` it."""
    assert view.network is not None
    found = measured(view)
    place, row, column = view.unit
    box = np.array(view.network.layers[place].field.box(row, column))
    inside = np.nan if found.inside is None else found.inside
    file = io.BytesIO()
    np.savez_compressed(file, heat=found.heat.numpy(), box=box, inside=inside)
    return file.getvalue()
