"""The fastest runtime for live pictures on a CPU: OpenVINO where it is installed and gives what torch gives.

A network that is asked for several pictures is converted in the background, once in a process and once on a disk; torch
answers until that is done. The first picture goes through both: where OpenVINO is farther from torch's float32 than torch's
own 16 bits are, by more than a tolerance, torch is used for good.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from cnn.hooks import locked
from cnn.models.openvino_parts import (
    ConversionError,
    converted_folder,
    installed_version,
    network_digest,
    replace_parts,
)
from cnn.models.prepared import fingerprint, folded, prepared

__all__ = [
    "LIVE_AFTER",
    "OPENVINO",
    "RUNTIME_VARIABLE",
    "TORCH",
    "Recipe",
    "converted",
    "live_runtime",
    "refuse",
    "settled",
    "standing",
]

TORCH, OPENVINO = "PyTorch", "OpenVINO"
RUNTIME_VARIABLE = "CONVSCOPE_RUNTIME"
"""Set to "torch", torch alone is used."""
LIVE_AFTER = 8
"""Pictures that are asked for in a row before a network is converted: a few are no stream."""
PAUSE = 10.0
"""Seconds without a picture after which the counting begins anew."""
MOST_BYTES = 400_000_000
"""Of weights of converted networks in a process; a converted network takes up to one and a half times its weights."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How a network is converted and checked.

    Attributes:
        free: as `cnn.models.openvino_parts.replace_parts` takes it.
        run: one pass of the network, or of one that takes its place, over the first picture. run_other: over a picture
            of another size.
        distance: how far apart two results of `run` are. tolerance: in its unit.
        parts: of torch's own fast copy, as `cnn.models.prepared.prepared` takes them; those that are not in `free` stay so.
    """

    free: Mapping[str, tuple[int, ...]]
    run: Callable[[nn.Module], Any]
    run_other: Callable[[nn.Module], object]
    distance: Callable[[Any, Any], float]
    tolerance: float
    parts: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Entry:
    fingerprint: Any
    asked: int = 0
    standing: str = "new"
    runner: nn.Module | None = None
    size: int = 0
    used: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)


_entries: WeakKeyDictionary[nn.Module, _Entry] = WeakKeyDictionary()
_guard = threading.Lock()
_converting = threading.Semaphore(1)


def converted(model: nn.Module, recipe: Callable[[], Recipe]) -> nn.Module | None:
    """The network with its parts computed by OpenVINO; None as long as torch is to be used.

    Args:
        model: on the CPU, else None comes back. Not locked by the caller. A changed weight begins all anew.
        recipe: asked for once, when the conversion begins.
    """
    if not _usable(model):
        return None
    now = fingerprint(model)
    with _guard:
        entry = _entries.get(model)
        if entry is None or entry.fingerprint != now:
            entry = _entries[model] = _Entry(now)
        before, entry.used = entry.used, time.monotonic()
        entry.asked = entry.asked + 1 if entry.used - before < PAUSE else 1
        if entry.standing != "new" or entry.asked < LIVE_AFTER or not _converting.acquire(blocking=False):
            return entry.runner
        entry.standing = "converting"
    made = recipe()
    threading.Thread(target=_convert, args=(model, entry, made), name="conversion").start()
    return None


def refuse(model: nn.Module, reason: object) -> None:
    """Use torch for this network from now on."""
    _log.warning("OpenVINO is not used for %s: %s", type(model).__name__, reason)
    with _guard:
        entry = _entries.get(model)
        if entry is not None:
            entry.standing, entry.runner = "refused", None


def standing(model: nn.Module) -> str:
    """ "new", "converting", "ready" or "refused"."""
    entry = _entries.get(model)
    return "new" if entry is None else entry.standing


def settled(model: nn.Module, seconds: float) -> str:
    """Wait until a conversion that has begun is done, at most so long. Returns: as `standing`."""
    entry = _entries.get(model)
    if entry is not None and entry.standing == "converting":
        entry.done.wait(seconds)
    return standing(model)


def live_runtime() -> str:
    """What computes live pictures on this CPU, with its version where it is not torch."""
    version = installed_version()
    return f"{OPENVINO} {version}" if version and _wanted() else TORCH


def _wanted() -> bool:
    return os.environ.get(RUNTIME_VARIABLE, "").strip().lower() != "torch"


def _usable(model: nn.Module) -> bool:
    if not _wanted() or not installed_version():
        return False
    parameter = next(model.parameters(), None)
    return parameter is not None and parameter.device.type == "cpu"


def _convert(model: nn.Module, entry: _Entry, recipe: Recipe) -> None:
    begun = time.perf_counter()
    try:
        with locked(model):
            network = folded(model, tuple(name for name in recipe.parts if name not in recipe.free))
        entry.size = sum(value.nbytes for value in network.state_dict().values())
        if entry.size > MOST_BYTES:
            raise ConversionError(f"wanted at most {MOST_BYTES} bytes of weights, got {entry.size}")
        folder = converted_folder() / network_digest(network)
        runner, wanted = replace_parts(network, recipe.free, recipe.run, recipe.run_other, folder)
        quick = prepared(model, recipe.parts)
        with locked(quick):
            allowed = recipe.distance(wanted, recipe.run(quick)) + recipe.tolerance
        distance = recipe.distance(wanted, recipe.run(runner))
        if distance > allowed:
            raise ConversionError(f"wanted a result within {allowed:.3f} of torch's, got {distance:.3f}")
        with _guard:
            entry.standing, entry.runner = "ready", runner
            _make_room(entry)
        took = time.perf_counter() - begun
        _log.info("OpenVINO is used for %s, ready after %.1f s", type(model).__name__, took)
    except Exception as error:  # whatever a conversion does, torch answers
        _log.warning("OpenVINO is not used for %s: %s", type(model).__name__, error)
        entry.standing = "refused"
    finally:
        _converting.release()
        entry.done.set()


def _make_room(newest: _Entry) -> None:
    """Forget the converted networks that were used longest ago until the rest fits; they come back from the disk."""
    ready = [entry for entry in _entries.values() if entry.standing == "ready" and entry is not newest]
    total = newest.size + sum(entry.size for entry in ready)
    for entry in sorted(ready, key=lambda one: one.used):
        if total <= MOST_BYTES:
            return
        total -= entry.size
        entry.standing, entry.runner, entry.asked = "new", None, 0
        entry.done = threading.Event()
