"""What the layer explorer gives away: its picture and mosaic as PNG, the maps as NPZ, layers and terms as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.colours import palette
from app.figures.networks.layer_explorer_network import (
    Explored,
    chosen_layer,
    chosen_unit,
    fields_of,
    graph_of,
    maps_of,
)
from app.open_models import NetworkError
from app.pictures import as_photo
from cnn.hooks import locked
from cnn.images.encode import palette_png, png_bytes, to_hwc
from cnn.networks.layer_terms import layer_terms

ExplorerFile = tuple[str, str, Callable[[], bytes], str]


def explorer_files(found: Explored, values: Mapping[str, Any]) -> list[ExplorerFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    layer = chosen_layer(values, graph_of(found))
    files: list[ExplorerFile] = [
        ("picture", "picture.png", lambda: png_bytes(to_hwc(as_photo(found.picture))), "image/png"),
        ("graph", "layers.csv", lambda: layers_csv(found), "text/csv"),
    ]
    try:
        maps = maps_of(found, layer).float().numpy()
    except NetworkError:
        return files
    unit = chosen_unit(values, maps_of(found, layer))
    return [
        *files,
        ("maps", "maps.npz", lambda: maps_npz(maps, layer), "application/octet-stream"),
        ("mosaic", "maps.png", lambda: mosaic_png(maps), "image/png"),
        ("terms", "terms.csv", lambda: terms_csv(found, layer, unit), "text/csv"),
    ]


def maps_npz(maps: NDArray[np.float32], layer: str) -> bytes:
    """Return `maps` (C, H, W) float32 and the `layer`'s name."""
    file = io.BytesIO()
    np.savez_compressed(file, maps=maps, layer=np.array(layer))
    return file.getvalue()


def mosaic_png(maps: NDArray[np.float32]) -> bytes:
    """Return all channels side by side, a pixel a value, one scale for the layer: diverging where values are negative."""
    finite = np.nan_to_num(maps, nan=0.0, posinf=0.0, neginf=0.0)
    channels, height, width = finite.shape
    across = max(1, round((channels * height / max(width, 1)) ** 0.5))
    rows = -(-channels // across)
    sheet = np.zeros((rows * (height + 1), across * (width + 1)), np.uint8)
    low, high = float(finite.min()), float(finite.max())
    signed, limit = low < 0, max(-low, high) or 1.0
    entries = (np.rint(finite / limit * 127) + 128 if signed else np.rint(finite / limit * 255)).astype(
        np.uint8
    )
    for channel in range(channels):
        top, left = channel // across * (height + 1), channel % across * (width + 1)
        sheet[top : top + height, left : left + width] = entries[channel]
    return palette_png(sheet, palette("signed" if signed else "magnitude"))


def layers_csv(found: Explored) -> bytes:
    """Return a line a layer: type, shape, costs, receptive field and state on the picture."""
    fields = {field.name: field.field for field in fields_of(found.network)}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["layer", "type", "shape", "parameters", "multiply_adds", "memory_bytes", "field_h", "field_w",
                     "field_status", "dead", "saturated", "inputs"])  # fmt: skip
    for node in graph_of(found).nodes:
        field = fields.get(node.name)
        seen = ("", "", "") if field is None else (*field.size, field.status)
        writer.writerow([node.name, node.kind, "x".join(map(str, node.shape[1:])), node.parameters, node.multiply_adds,
                         node.memory, *seen, f"{node.dead:.4f}", f"{node.saturated:.4f}", " ".join(node.inputs)])  # fmt: skip
    return file.getvalue().encode()


def terms_csv(found: Explored, layer: str, unit: tuple[int, int, int]) -> bytes:
    """Return every product of one element with its place, then bias and value; only the value where it is no sum."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["channel", "row", "column", "input", "weight", "product"])
    try:
        with locked(found.network.model):
            terms = layer_terms(found.network.model, found.prepared.batch, layer, *unit)
    except (TypeError, ValueError, IndexError, RuntimeError):
        value = float(maps_of(found, layer)[unit])
        writer.writerow(["value", "", "", "", "", repr(value)])
        return file.getvalue().encode()
    for c, channel in enumerate(terms.channels):
        for r, row in enumerate(terms.rows.tolist()):
            for k, column in enumerate(terms.columns.tolist()):
                numbers = (terms.patch[c, r, k], terms.weight[c, r, k], terms.products[c, r, k])
                writer.writerow([channel, row, column, *(repr(float(number)) for number in numbers)])
    writer.writerow(["bias", "", "", "", "", repr(float(terms.bias))])
    writer.writerow(["value", "", "", "", "", repr(float(terms.value))])
    return file.getvalue().encode()
