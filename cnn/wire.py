"""Arrays as one block of bytes: over our WebSocket, as a component's data, and beside the frames of a run on disk.

Layout: little-endian uint32 length of the header, the header (UTF-8 JSON, padded with spaces so that what
follows is aligned to 8 bytes), then the arrays one after another, each aligned to 8 bytes. The header is the
given mapping with `arrays: {name: {dtype, shape, offset}}` added, offsets counted from the first array.
`app/components/shared/wire.js` reads it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

DTYPES = ("uint8", "int32", "float32", "float64")
_ALIGN = 8


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return header and arrays as one block.

    Raises:
        ValueError: an array's dtype is none of `DTYPES` (JavaScript has no 64-bit integer array to spare).
    """
    places: dict[str, dict[str, Any]] = {}
    chunks: list[memoryview | bytes] = []
    offset = 0
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"expected one of {', '.join(DTYPES)} for {name!r}, got {array.dtype}")
        flat = np.ascontiguousarray(array)
        places[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": offset}
        chunks.append(flat.reshape(-1).view(np.uint8).data)
        gap = -flat.nbytes % _ALIGN
        chunks.append(b"\0" * gap)
        offset += flat.nbytes + gap
    text = json.dumps({**header, "arrays": places}, ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-(4 + len(text)) % _ALIGN)
    return b"".join([struct.pack("<I", len(text)), text, *chunks])


def unpack(block: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return (header without `arrays`, arrays by name), the inverse of `pack`."""
    (length,) = struct.unpack_from("<I", block)
    header = json.loads(block[4 : 4 + length])
    start = 4 + length
    arrays = {}
    for name, place in header.pop("arrays").items():
        count = int(np.prod(place["shape"], dtype=np.int64))
        data = np.frombuffer(block, np.dtype(place["dtype"]), count, start + place["offset"])
        arrays[name] = data.reshape(place["shape"])
    return header, arrays
