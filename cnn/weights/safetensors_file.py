"""Safetensors, read by our own check of the header before any tensor is made."""

from __future__ import annotations

import json
import math
from typing import Any

import torch
from torch import Tensor

from cnn.weights.errors import WeightsError

MOST_TENSORS = 4000
_HEADER_LIMIT = 10 * 2**20
_NAME_LIMIT = 500
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def looks_like_safetensors(head: bytes) -> bool:
    """A length of eight bytes and then a JSON object."""
    return len(head) > 8 and head[8:9] == b"{"


def read_safetensors(data: bytes) -> dict[str, Tensor]:
    """The tensors by name, sharing one copy of the data.

    Raises:
        WeightsError: a header that is not exactly what the format allows.
    """
    length = int.from_bytes(data[:8], "little")
    if length > min(_HEADER_LIMIT, len(data) - 8):
        raise WeightsError("header", reason=f"it claims {length} bytes")
    entries = _entries(data[8 : 8 + length])
    body = memoryview(bytearray(memoryview(data)[8 + length :]))
    end = 0
    tensors = {}
    for name, dtype, shape, first, last in sorted(entries, key=lambda entry: (entry[3], entry[4])):
        wanted = math.prod(shape) * dtype.itemsize
        if first != end or last - first != wanted or last > len(body):
            raise WeightsError(
                "tensor",
                name=name[:60],
                found=f"bytes {first} to {last}",
                wanted=f"{wanted} bytes from {end}",
            )
        end = last
        tensors[name] = _tensor(body[first:last], dtype, shape)
    if end != len(body):
        raise WeightsError("header", reason=f"{len(body) - end} bytes belong to no tensor")
    return {name: tensors[name] for name, *_ in entries}


def _tensor(part: memoryview, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    if len(part) == 0:
        return torch.empty(shape, dtype=dtype)
    address = torch.frombuffer(part, dtype=torch.uint8)
    if address.data_ptr() % dtype.itemsize:
        address = address.clone()
    if dtype == torch.bool and bool((address > 1).any()):
        raise WeightsError("header", reason="a truth value that is neither 0 nor 1")
    return address.view(dtype).view(shape)


def _entries(text: bytes) -> list[tuple[str, torch.dtype, tuple[int, ...], int, int]]:
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError("header", reason="it is not JSON") from error
    if not isinstance(header, dict):
        raise WeightsError("header", reason="it is no JSON object")
    header.pop("__metadata__", None)
    if len(header) > MOST_TENSORS:
        raise WeightsError("header", reason=f"{len(header)} tensors, up to {MOST_TENSORS} are accepted")
    return [_entry(name, entry) for name, entry in header.items()]


class _RepeatedNameError(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedNameError("a name twice")
    return found


def _entry(name: str, entry: Any) -> tuple[str, torch.dtype, tuple[int, ...], int, int]:
    shown = name[:60]
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise WeightsError(
            "tensor", name=shown, found="another description", wanted="dtype, shape, data_offsets"
        )
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise WeightsError("tensor", name=shown, found=f"dtype {dtype!r:.30}", wanted=", ".join(_DTYPES))
    if len(name) > _NAME_LIMIT or not name.isprintable() or not name:
        raise WeightsError(
            "tensor", name=shown, found="an odd name", wanted=f"up to {_NAME_LIMIT} printable letters"
        )
    if not _whole(shape, 8) or not _whole(offsets, 2) or len(offsets) != 2:
        raise WeightsError("tensor", name=shown, found=f"shape {shape!r:.30}", wanted="up to 8 whole sizes")
    return name, _DTYPES[dtype], tuple(shape), offsets[0], offsets[1]


def _whole(values: Any, most: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= most
        and all(type(value) is int and 0 <= value < 2**40 for value in values)
    )
