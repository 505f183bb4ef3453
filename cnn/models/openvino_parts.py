"""Parts of a network computed by OpenVINO in place of torch; the network's own steps between them stay torch's.

OpenVINO is an optional extra (`requirements-openvino.txt`); it is imported when the first part is converted. The parts
are read from the graph that torch records of them, by OpenVINO's reader itself: nothing is sent anywhere.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from cnn.device import half_dtype

__all__ = [
    "ConversionError",
    "OpenVINOPart",
    "converted_folder",
    "installed_version",
    "network_digest",
    "replace_parts",
]

FOLDER_BYTES = 1_500_000_000
KIND = "1"  # of the files on disk; another number where they are made otherwise


class ConversionError(RuntimeError):
    """OpenVINO cannot be imported, or a part cannot be converted."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What a part was given and gave in one pass: its inputs, and the shape of both nestings."""

    inputs: tuple[Tensor, ...]
    given: pytree.TreeSpec
    gave: pytree.TreeSpec


class OpenVINOPart(nn.Module):
    """A compiled part: takes and gives what the part of torch did, float32. One thread at a time.

    Args:
        compiled: of `openvino.Core.compile_model`. gave: how its outputs are nested.
    """

    def __init__(self, compiled: Any, gave: pytree.TreeSpec) -> None:
        super().__init__()
        self._request = compiled.create_infer_request()
        self._gave = gave

    def forward(self, *inputs: Any) -> Any:
        given = [value.float().contiguous().numpy() for value in pytree.tree_leaves(inputs)]
        results = self._request.infer(given, share_inputs=True)
        outputs = [torch.from_numpy(results[place]) for place in range(self._gave.num_leaves)]
        return pytree.tree_unflatten(outputs, self._gave)


class _Flat(nn.Module):
    """A part that takes and gives tensors side by side, for the recording."""

    def __init__(self, part: nn.Module, given: pytree.TreeSpec) -> None:
        super().__init__()
        self.part, self.given = part, given

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(pytree.tree_leaves(self.part(*pytree.tree_unflatten(list(inputs), self.given))))


@cache
def installed_version() -> str:
    """OpenVINO's version, "" where it is not installed. It is not imported for this."""
    if importlib.util.find_spec("openvino") is None:
        return ""
    try:
        return importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError:
        return ""


def converted_folder() -> Path:
    """Where converted networks are kept: `$CONVSCOPE_DATA/converted`, else in the user's cache."""
    root = os.environ.get("CONVSCOPE_DATA")
    return (Path(root) if root else Path.home() / ".cache" / "convscope") / "converted"


def network_digest(network: nn.Module) -> str:
    """A digest of a network's layers and of every weight and statistic in it."""
    digest = hashlib.blake2b(f"{KIND} {installed_version()} {network}".encode(), digest_size=16)
    for name, value in network.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def replace_parts(
    network: nn.Module,
    free: Mapping[str, tuple[int, ...]],
    run: Callable[[nn.Module], Any],
    run_other: Callable[[nn.Module], object],
    folder: Path,
) -> tuple[nn.Module, Any]:
    """The network with its parts computed by OpenVINO, and what torch itself gave in `run`.

    Args:
        network: on the CPU, in evaluation mode; it is changed. The caller alone has it.
        free: dotted names of the parts ("" for the whole network) and the axes of their inputs that may have any
            length. Parts that the network does not have, or that `run` does not reach, stay as they are.
        run: one pass over a picture. run_other: one over a picture of another size, which the parts are read from, so
            that what holds for one size only shows in `run`.
        folder: for files of this network; read from where they are there.

    Raises:
        ConversionError: no OpenVINO, or it does not take a part. OSError: the folder cannot be written.
    """
    core, known = _core(), dict(network.named_modules())
    parts = {name: known[name] for name in free if name in known}
    with torch.inference_mode():
        seen, result = _watched(network, parts, run)
        there = all(_file(folder, name).is_file() for name in seen)
        if not there:
            smaller, _ = _watched(network, parts, run_other)
            with _fresh(folder) as fresh:
                for name in seen:
                    if name not in smaller:
                        raise ConversionError(f"part {name!r} was not reached with another picture")
                    _go_on()
                    _save(core, parts[name], smaller[name], free[name], _file(fresh, name))
    replaced = network
    for name, one in seen.items():
        _go_on()
        part = OpenVINOPart(_compiled(core, _file(folder, name)), one.gave)
        if not name:
            replaced = part
        else:
            owner, _, last = name.rpartition(".")
            setattr(network.get_submodule(owner), last, part)
    return replaced, result


def _go_on() -> None:
    if not threading.main_thread().is_alive():
        raise ConversionError("the program ends")


def _core() -> Any:
    try:
        import openvino
    except Exception as error:  # an installation that is damaged raises anything
        raise ConversionError(f"OpenVINO cannot be imported: {error}") from error
    return openvino.Core()


def _watched(
    network: nn.Module, parts: Mapping[str, nn.Module], run: Callable[[nn.Module], Any]
) -> tuple[dict[str, _Seen], Any]:
    """What each part was given and gave first while `run` ran the network, and what `run` returned."""
    seen: dict[str, _Seen] = {}

    def keep(name: str, given: tuple[Any, ...], gave: Any) -> None:
        if name not in seen:
            leaves, nesting = pytree.tree_flatten(given)
            inputs = tuple(leaf.detach().clone() for leaf in leaves)
            seen[name] = _Seen(inputs, nesting, pytree.tree_structure(gave))

    hooks = [
        part.register_forward_hook(lambda _, given, gave, name=name: keep(name, given, gave))
        for name, part in parts.items()
    ]
    try:
        return seen, run(network)
    finally:
        for hook in hooks:
            hook.remove()


def _save(core: Any, part: nn.Module, seen: _Seen, free: tuple[int, ...], path: Path) -> None:
    """Write a part as OpenVINO reads it."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    try:
        record: Any = torch.jit.trace
        traced = record(_Flat(part, seen.given), seen.inputs, check_trace=False, strict=False)
        decoder = TorchScriptPythonDecoder(traced, example_input=seen.inputs)
        reader = FrontEndManager().load_by_framework("pytorch")
        model = reader.convert(reader.load(decoder))
        if len(model.inputs) != len(seen.inputs) or len(model.outputs) != seen.gave.num_leaves:
            raise ConversionError(f"wanted {len(seen.inputs)} inputs of a part, got {len(model.inputs)}")
        shapes = {
            place: openvino.PartialShape([-1 if a in free else side for a, side in enumerate(x.shape)])
            for place, x in enumerate(seen.inputs)
        }
        model.reshape(shapes)
        openvino.save_model(model, path, compress_to_fp16=False)
    except ConversionError:
        raise
    except Exception as error:  # the recording and the reader raise anything
        raise ConversionError(f"{type(part).__name__} is not taken: {str(error)[:300]}") from error


def _compiled(core: Any, path: Path) -> Any:
    """A part made ready for as many threads as torch has here, in 16 bits where the machine is made for it."""
    half = half_dtype(torch.device("cpu")) is not None
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        return core.compile_model(core.read_model(path), "CPU", settings)
    except Exception as error:
        shutil.rmtree(path.parent, ignore_errors=True)  # damaged: made again the next time
        raise ConversionError(f"{path.name} cannot be read: {str(error)[:300]}") from error


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name or 'whole'}.xml"


@contextmanager
def _fresh(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder` when all is written; the oldest others make room."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as made:
        inner = Path(made) / folder.name
        inner.mkdir()
        yield inner
        shutil.rmtree(folder, ignore_errors=True)
        try:
            inner.rename(folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
    _sweep(folder)


def _sweep(newest: Path) -> None:
    """Remove the oldest folders beside `newest` until all fit."""
    sizes = {
        one: sum(file.stat().st_size for file in one.iterdir())
        for one in newest.parent.iterdir()
        if one.is_dir() and not one.name.startswith(".")
    }
    for one in sorted((f for f in sizes if f != newest), key=lambda f: f.stat().st_mtime):
        if sum(sizes.values()) <= FOLDER_BYTES:
            return
        shutil.rmtree(one, ignore_errors=True)
        del sizes[one]
