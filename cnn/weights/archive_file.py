"""What is inside a .pt archive, looked at before and while a bounded process opens it."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pickletools import genops
from typing import Any

import torch
from torch import Tensor, nn

from cnn.weights.safetensors_file import MOST_TENSORS

_PICKLE_LIMIT = 8 * 2**20
_NAMES = ("state_dict", "model_state_dict", "model", "params", "weights")
_ALLOWED = frozenset(
    (
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "torch Size",
        *(
            f"torch {kind}Storage"
            for kind in [
                "Float",
                "Double",
                "Half",
                "BFloat16",
                "Long",
                "Int",
                "Short",
                "Char",
                "Byte",
                "Bool",
            ]
        ),
        *(f"torch {kind}" for kind in ("float32", "float64", "float16", "bfloat16", "int64", "uint8")),
    )
)


class ArchiveRefusedError(Exception):
    """A refusal that crosses from the bounded process: a code and its values as JSON."""

    @classmethod
    def of(cls, code: str, **values: str) -> ArchiveRefusedError:
        return cls(json.dumps({"code": code, **values}))


def read_archive(data: bytes) -> dict[str, Tensor]:
    """The tensors of a state dict, for a bounded process.

    Raises:
        ArchiveRefusedError: anything but a plain archive of plain tensors.
    """
    try:
        _check_archive(data)
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except ArchiveRefusedError:
        raise
    except pickle.UnpicklingError as error:
        raise ArchiveRefusedError.of("code", name=_global_in(str(error))) from None
    except (
        RuntimeError,
        ValueError,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OSError,
        zipfile.BadZipFile,
        RecursionError,
        AssertionError,
        UnicodeDecodeError,
        NotImplementedError,
        OverflowError,
        ImportError,
    ):
        raise ArchiveRefusedError.of("damaged") from None
    return _tensors(found, len(data))


def _global_in(message: str) -> str:
    """The name torch's refusal speaks of."""
    words = message.split("GLOBAL ")
    return words[1].split()[0][:60] if len(words) > 1 else "?"


def _check_archive(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) > MOST_TENSORS:
            raise ArchiveRefusedError.of("archive", reason=f"{len(members)} members")
        names = [member.filename for member in members]
        if len(set(names)) != len(names):
            raise ArchiveRefusedError.of("archive", reason="a member twice")
        _check_contents(names)
        if any(m.compress_type != zipfile.ZIP_STORED or m.compress_size != m.file_size for m in members):
            raise ArchiveRefusedError.of("archive", reason="compressed members")
        if any(m.flag_bits & 1 for m in members):
            raise ArchiveRefusedError.of("archive", reason="encrypted members")
        if sum(m.file_size for m in members) > len(data):
            raise ArchiveRefusedError.of("archive", reason="members that overlap")
        pickles = [m for m in members if m.filename.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1:
            raise ArchiveRefusedError.of("archive", reason="no single data.pkl")
        if pickles[0].file_size > _PICKLE_LIMIT:
            raise ArchiveRefusedError.of("archive", reason="a data.pkl of more than 8 MB")
        if archive.testzip() is not None:
            raise ArchiveRefusedError.of("damaged")
        _check_pickle(archive.read(pickles[0]))


def _check_contents(names: list[str]) -> None:
    parts = [name.split("/") for name in names]
    if any(part[-1] == "archive_format" or (len(part) > 1 and part[1] == "models") for part in parts):
        raise ArchiveRefusedError.of("exported_program")
    if any(
        part[-1] in {"constants.pkl", "model.json"} or (len(part) > 1 and part[1] == "code") for part in parts
    ):
        raise ArchiveRefusedError.of("torchscript")


def _check_pickle(text: bytes) -> None:
    """Names what a pickle would call, for the sentence; torch's own weights_only loader is what refuses."""
    strings: list[str] = []
    for opcode, argument, _ in genops(text):
        name = None
        if opcode.name == "GLOBAL":
            name = str(argument)
        elif opcode.name in {"STACK_GLOBAL", "INST"}:
            name = " ".join(strings[-2:]) if opcode.name == "STACK_GLOBAL" else str(argument)
        elif opcode.name in {"EXT1", "EXT2", "EXT4", "NEWOBJ_EX", "OBJ"}:
            name = opcode.name
        if name is not None and name not in _ALLOWED:
            raise ArchiveRefusedError.of("code", name=name.replace(" ", ".")[:60])
        if isinstance(argument, str):
            strings = [*strings[-1:], argument]


def _tensors(found: Any, size: int) -> dict[str, Tensor]:
    if isinstance(found, nn.Parameter) or not isinstance(found, Mapping):
        raise ArchiveRefusedError.of("no_tensors")
    for name in _NAMES:
        inner = found.get(name)
        if isinstance(inner, Mapping) and inner and all(isinstance(v, Tensor) for v in inner.values()):
            found = inner
            break
    if not found or len(found) > MOST_TENSORS:
        raise ArchiveRefusedError.of("no_tensors")
    total = 0
    plain = {}
    for name, value in found.items():
        _check_tensor(name, value)
        total += value.numel() * value.element_size()
        if total > 2 * size:
            raise ArchiveRefusedError.of(
                "tensor", name=str(name)[:60], found="shared data", wanted="data of its own"
            )
        plain[name] = value.detach().contiguous()
    return plain


def _check_tensor(name: Any, value: Any) -> None:
    shown = str(name)[:60]

    def refuse(found: str, wanted: str) -> ArchiveRefusedError:
        return ArchiveRefusedError.of("tensor", name=shown, found=found, wanted=wanted)

    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 500:
        raise refuse("an odd name", "a name of printable letters")
    if type(value) not in {Tensor, nn.Parameter}:
        raise refuse(f"a {type(value).__name__}", "a tensor")
    if value.layout != torch.strided or value.is_quantized or value.is_nested or value.device.type != "cpu":
        raise refuse("a sparse, quantized or nested tensor", "a plain one")
    if value.is_complex():
        raise refuse("complex numbers", "real ones")
    needed = value.numel() * value.element_size()
    if value.untyped_storage().nbytes() < needed or not _dense(value):
        raise refuse(
            f"shape {tuple(value.shape)} over too little data", "an element of its own for each place"
        )


def _dense(value: Tensor) -> bool:
    """Whether no two elements share a place."""
    places = sorted(
        (stride, size) for stride, size in zip(value.stride(), value.shape, strict=True) if size != 1
    )
    reach = 1
    for stride, size in places:
        if size and stride < reach:
            return False
        reach = stride * size
    return True
