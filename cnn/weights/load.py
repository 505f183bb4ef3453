"""Reads a person's weights: safetensors by its header, a state dict in a bounded process, nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from cnn.jobs import WorkerError, run_in_worker
from cnn.weights.archive_file import ArchiveRefusedError, read_archive
from cnn.weights.errors import WeightsError
from cnn.weights.safetensors_file import looks_like_safetensors, read_safetensors

LIMIT = 200 * 10**6
_SECONDS = 20.0
_MEMORY = 300 * 2**20

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF", "an HDF5 file (Keras)"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "a git-lfs pointer: fetch the file itself"),
    (b"<", "a web page"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF"),
)


def load_weights(source: bytes | Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, on the CPU.

    Safetensors is checked and read here; a .pt state dict only in a process that can be killed, may
    neither write
    nor connect nor start anything, and reads plain tensors alone (``weights_only=True``). Nothing is ever
    retried
    in a more permissive way. All numbers are finite.

    Args:
        source: the file's bytes, or a path of ours (never a path typed by a person).

    Raises:
        WeightsError: with a code and a sentence in both languages.
    """
    data = _bytes(source)
    if looks_like_safetensors(data[:16]):
        tensors = read_safetensors(data)
    elif data[:4] == b"PK\x03\x04":
        tensors = _from_archive(data)
    else:
        raise _refused_kind(data)
    if not tensors:
        raise WeightsError("no_tensors")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not _finite(tensor):
            raise WeightsError(
                "tensor", name=name[:60], found="numbers that are not finite", wanted="finite ones"
            )
    return tensors


def _bytes(source: bytes | Path) -> bytes:
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > LIMIT:
            raise WeightsError("too_large", size=f"{size / 1e6:.0f}", limit=LIMIT // 10**6)
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise WeightsError("missing", file=Path(str(source)).name) from error
    if not data:
        raise WeightsError("empty")
    return data


def _refused_kind(data: bytes) -> WeightsError:
    for magic, found in _KINDS:
        if data.startswith(magic):
            return WeightsError("kind", found=found)
    if data[:1] == b"\x80":
        return WeightsError("pickle")
    if data[:1] == b"\x08" and b"onnx" in data[:4096].lower():
        return WeightsError("onnx")
    if data[:1] in {b"\x08", b"\x0a"}:
        return WeightsError("onnx" if b"pytorch" in data[:200] else "kind", found="an unknown file")
    return WeightsError("kind", found="an unknown file")


def _from_archive(data: bytes) -> dict[str, Tensor]:
    try:
        return run_in_worker(
            read_archive,
            data,
            timeout=_SECONDS,
            memory=_MEMORY + 4 * len(data),
            torch=True,
            sandbox=True,
            errors=(ArchiveRefusedError,),
        )
    except ArchiveRefusedError as refusal:
        values = json.loads(str(refusal))
        raise WeightsError(values.pop("code"), **values) from None
    except WorkerError as error:
        code = {"timeout": "too_slow", "memory": "too_much_memory"}.get(error.code, "damaged")
        raise WeightsError(code) from error


def _finite(tensor: Tensor) -> bool:
    # The sum is not finite whenever an element is not; only then each is looked at.
    if bool(torch.isfinite(tensor.sum(dtype=torch.float64))):
        return True
    return bool(torch.isfinite(tensor).all())
