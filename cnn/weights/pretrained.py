"""Torchvision's pretrained weights: what there is, where it lies, and how it is fetched and checked."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torchvision.models import get_model_weights, list_models

from cnn.models.googlenet import GoogLeNet
from cnn.weights.errors import WeightsError

_TIMEOUT = 10.0
_CHUNK = 1 << 18
_RENAMED = {"alexnet": "alexnet_torchvision"}
_MODULES = (torchvision.models, torchvision.models.detection, torchvision.models.segmentation)
_TASKS = ("classification", "detection", "segmentation")


@dataclass(frozen=True, slots=True)
class PretrainedRecord:
    """Weights that torchvision publishes.

    Attributes:
        name: "resnet50/IMAGENET1K_V2".
        architecture: torchvision's name of the network.
        model: the registry's name; "" for detectors and segmenters, which torchvision builds.
        task: "classification", "detection" or "segmentation".
        url, file: where it is published, and the file's name.
        digest: the beginning of the file's sha256, part of its name.
        megabytes: of the file.
        categories: the classes, in the order of the outputs.
        crop, resize: the side cut out, and the shorter side before it; 0 where the picture stays as it is.
        mean, std: per channel, of pixels in 0..1.
        interpolation: of the resizing.
        accuracy: top-1 in per cent, mAP or mIoU, as published; None where it was not.
        licence: of the weights, or where it is told.
    """

    name: str
    architecture: str
    model: str
    task: str
    url: str
    file: str
    digest: str
    megabytes: float
    categories: tuple[str, ...]
    crop: int
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    accuracy: float | None
    licence: str


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """Bytes there are and bytes there will be; `total` 0 while unknown. `path` once it is complete."""

    done: int
    total: int
    path: Path | None = None


def _digest(file: str) -> str:
    found = re.search(r"-([0-9a-f]{8,})\.", file)
    return found.group(1) if found else ""


def _first(value: Any) -> int:
    return int(value[0]) if isinstance(value, (list, tuple)) and value else int(value or 0)


def _accuracy(meta: dict[str, Any]) -> float | None:
    values: dict[str, float] = next(iter(meta.get("_metrics", {}).values()), {})
    return next((float(v) for v in values.values()), None)


def _record(architecture: str, weights: Any, task: str) -> PretrainedRecord:
    transform = weights.transforms()
    file = weights.url.rpartition("/")[2]
    mode = getattr(transform, "interpolation", None)
    return PretrainedRecord(
        name=f"{architecture}/{weights.name}",
        architecture=architecture,
        model=_RENAMED.get(architecture, architecture) if task == "classification" else "",
        task=task,
        url=weights.url,
        file=file,
        digest=_digest(file),
        megabytes=float(weights.meta["_file_size"]),
        categories=tuple(weights.meta["categories"]),
        crop=_first(getattr(transform, "crop_size", 0)),
        resize=_first(getattr(transform, "resize_size", 0)),
        mean=tuple(getattr(transform, "mean", (0.0,) * 3)),
        std=tuple(getattr(transform, "std", (1.0,) * 3)),
        interpolation=str(getattr(mode, "value", "bilinear")),
        accuracy=_accuracy(weights.meta),
        licence=str(weights.meta.get("license", "BSD-3-Clause (torchvision); trained on ImageNet or COCO")),
    )


PRETRAINED: tuple[PretrainedRecord, ...] = tuple(
    _record(architecture, weights, task)
    for module, task in zip(_MODULES, _TASKS, strict=True)
    for architecture in list_models(module=module)
    for weights in get_model_weights(architecture)
    if weights.meta["categories"]  # Weights of the features alone classify nothing.
)
_BY_NAME = {record.name: record for record in PRETRAINED}
_locks: dict[Path, threading.Lock] = {}
_choosing = threading.Lock()
_checked: dict[Path, tuple[int, int]] = {}


def pretrained_record(name: str) -> PretrainedRecord:
    """The record of "resnet50/IMAGENET1K_V2", or of torchvision's default for "resnet50".

    Raises:
        KeyError: no such weights.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    with suppress(ValueError):
        default = get_model_weights(name).DEFAULT
        return _BY_NAME[f"{name}/{default.name}"]
    raise KeyError(f"wanted pretrained weights by name, got {name!r}")


def weights_folder() -> Path:
    """Where torchvision keeps its files too; TORCH_HOME is honoured."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def is_there(record: PretrainedRecord, folder: Path | None = None) -> bool:
    """Whether the file lies in the folder, checked or not."""
    return (folder or weights_folder()).joinpath(record.file).is_file()


def verified_path(record: PretrainedRecord, folder: Path | None = None) -> Path:
    """The file, its sha256 checked whenever it is new or has changed.

    Raises:
        WeightsError: not there, or not the right one: it is then set aside and named.
    """
    folder = folder or weights_folder()
    path = folder / record.file
    try:
        state = path.stat()
        stamp = state.st_size, state.st_mtime_ns
        if _checked.get(path) == stamp:
            return path
        found = _sha256(path)
    except OSError as error:
        raise WeightsError("not_downloaded", file=record.file, folder=str(folder)) from error
    if not found.startswith(record.digest):
        raise _set_aside(path, record, found)
    _checked[path] = stamp
    return path


def _set_aside(path: Path, record: PretrainedRecord, found: str) -> WeightsError:
    aside = path.with_name(f"{record.file}.bad-{found[:8]}")
    with suppress(OSError):
        os.replace(path, aside)
    _checked.pop(path, None)
    return WeightsError(
        "bad_download", file=record.file, found=found[:8], digest=record.digest, aside=aside.name
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(
    record: PretrainedRecord, folder: Path | None = None, *, tries: int = 3
) -> Iterator[DownloadProgress]:
    """Fetches a file, from where an interrupted one stopped; the last record carries its path.

    It is written beside its place and renamed once its sha256 is right, so that a file by its name is always
    whole. Two that fetch the same file wait for one another. Ends at once when the file is there.

    Args:
        record: of ``PRETRAINED``; only its own address is fetched.
        folder: ``weights_folder()`` when None.
        tries: how often a lost connection is taken up again.

    Raises:
        WeightsError: offline (naming the folder for a file brought by hand), bad_download, disk_full.
    """
    folder = folder or weights_folder()
    path = folder / record.file
    part = folder / f"{record.file}.part"
    with _choosing:
        lock = _locks.setdefault(path, threading.Lock())
    with lock:
        if path.is_file():
            done = verified_path(record, folder).stat().st_size
            yield DownloadProgress(done, done, path)
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            yield from _fetched(record, part, tries)
            found = _sha256(part)
            if not found.startswith(record.digest):
                raise _set_aside(part, record, found)
            os.replace(part, path)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                with suppress(OSError):
                    part.unlink()
                raise _disk_full(record, folder) from error
            raise _offline(record, folder, str(error)) from error
        size = path.stat().st_size
        _checked[path] = size, path.stat().st_mtime_ns
        yield DownloadProgress(size, size, path)


def _disk_full(record: PretrainedRecord, folder: Path) -> WeightsError:
    return WeightsError("disk_full", file=record.file, needed=round(record.megabytes + 1), folder=str(folder))


def _offline(record: PretrainedRecord, folder: Path, reason: str) -> WeightsError:
    return WeightsError(
        "offline", file=record.file, reason=reason[:120], digest=record.digest, folder=str(folder)
    )


def _fetched(record: PretrainedRecord, part: Path, tries: int) -> Iterator[DownloadProgress]:
    reason = ""
    for attempt in range(tries):
        if attempt:
            time.sleep(0.3 * attempt)
        before = part.stat().st_size if part.is_file() else 0
        try:
            yield from _one_connection(record, part)
            return
        except urllib.error.HTTPError as error:
            if error.code == 416:
                # What is there is no beginning of the file.
                part.unlink(missing_ok=True)
            elif error.code < 500:
                raise _offline(record, part.parent, f"HTTP {error.code}") from error
            reason = f"HTTP {error.code}"
        except (TimeoutError, ConnectionError, urllib.error.URLError, HTTPException) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
            if not part.is_file() or part.stat().st_size == before:
                break
    raise _offline(record, part.parent, reason)


class _SameHostOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the addresses published are the files' own."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _one_connection(record: PretrainedRecord, part: Path) -> Iterator[DownloadProgress]:
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(record.url, headers={"Range": f"bytes={have}-"} if have else {})
    opener = urllib.request.build_opener(_SameHostOnly)
    with opener.open(request, timeout=_TIMEOUT) as answer:
        resumed = answer.status == 206
        have = have if resumed else 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = have + length if length else 0
        free = shutil.disk_usage(part.parent).free
        if length and free < length:
            raise OSError(errno.ENOSPC, "not enough space")
        with part.open("ab" if resumed else "wb") as file:
            yield DownloadProgress(have, total)
            while block := answer.read(_CHUNK):
                file.write(block)
                have += len(block)
                yield DownloadProgress(have, total)
            file.flush()
            os.fsync(file.fileno())
    if total and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def load_pretrained(record: PretrainedRecord, folder: Path | None = None) -> nn.Module:
    """The network with its published weights, in evaluation mode.

    Raises:
        WeightsError: the file is not there or not the right one.
    """
    path = verified_path(record, folder)
    state = torch.load(path, map_location="cpu", weights_only=True)
    weights = get_model_weights(record.architecture)[record.name.rpartition("/")[2]]
    if record.task == "classification":
        model = _classifier(record, weights)
    else:
        model = torchvision.models.get_model(
            record.architecture, weights=None, weights_backbone=None, num_classes=len(record.categories)
        )
    model.load_state_dict(state, strict=record.architecture not in {"googlenet", "inception_v3"})
    return model.eval()


def _classifier(record: PretrainedRecord, weights: Any) -> nn.Module:
    """Built as torchvision does for these weights: their picture size, and the input scaling of the
    Inceptions."""
    options: dict[str, Any] = {}
    if record.architecture in {"googlenet", "inception_v3"}:
        options = {"init_weights": False, "transform_input": True}
    if record.architecture.startswith("vit"):
        options = {"image_size": weights.meta["min_size"][0]}
    if record.architecture == "googlenet":
        return GoogLeNet(len(record.categories), transform_input=True)
    return torchvision.models.get_model(
        record.architecture, weights=None, num_classes=len(record.categories), **options
    )
