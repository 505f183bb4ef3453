"""Receptive fields as the browser takes them: `app/components/receptive_field/geometry.js` reads these tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnn.convolution.field_tables import LayerField


def field_layers_block(layers: Sequence[LayerField]) -> tuple[list[dict[str, Any]], NDArray[np.int32]]:
    """Return the layers, described, and one int32 array of all tables; layers with the same table share its place."""
    places: dict[bytes, int] = {}
    chunks: list[NDArray[np.int32]] = []
    end = 0
    described = []
    for layer in layers:
        offsets = []
        for table in (layer.rows, layer.columns):
            name = table.tobytes()
            if name not in places:
                places[name] = end
                chunks.append(table.reshape(-1))
                end += table.size
            offsets.append(places[name])
        described.append(_layer(layer, offsets))
    return described, np.concatenate(chunks)


def _layer(layer: LayerField, offsets: list[int]) -> dict[str, Any]:
    field = layer.field
    jump = field.jump if isinstance(field.jump, tuple) else (field.jump, field.jump)
    return {
        "name": layer.name, "kind": layer.kind, "shape": list(field.shape), "grid": list(field.grid),
        "size": list(field.size), "jump": list(jump), "start": list(field.start), "status": field.status,
        "cause": field.cause, "inputs": list(layer.inputs), "share": layer.padding_share, "changes": layer.changes,
        "tables": offsets,
    }  # fmt: skip
