"""Networks that a person brings as a file: kept under a random key, opened safely, read as the person says."""

from __future__ import annotations

import json
import math
import struct
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from app.cache import BoundedCache
from app.uploads import UploadStore, default_folder
from cnn.models.cache import MODEL_CACHE
from cnn.models.record import IMAGENET_MEAN, IMAGENET_STD
from cnn.models.registry import model_record
from cnn.weights.builtin import BUILTIN, restored
from cnn.weights.errors import WeightsError
from cnn.weights.load import load_weights
from cnn.weights.matching import compared, fitted_model, plain_names

NORMALISATIONS: dict[str, tuple[float, float]] = {
    "half": (0.5, 0.25),
    "unit": (0.0, 1.0),
    "signed": (0.5, 0.5),
}
"""(mean, standard deviation) of pixels in 0..1, by id; "imagenet" has one a channel, "own" is the architecture's."""
LEAST_SIDE, MOST_SIDE = 8, 1024
OPEN_PER_SESSION = 2
MOST_CLASSES = 20_000
STORE = UploadStore(default_folder().parent / "networks")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read: `architecture` "" is found from the names; `side` 0 is the network's own."""

    architecture: str = ""
    normalisation: str = "own"
    side: int = 0

    @classmethod
    def of(cls, text: str) -> Reading:
        """Read `text` of the address bar; what is not valid becomes the default."""
        parts = text.split(".")
        if len(parts) != 3:
            return cls()
        side = int(parts[2]) if parts[2].isdecimal() else 0
        known = parts[1] if parts[1] in ("own", "imagenet", *NORMALISATIONS) else "own"
        return cls(parts[0], known, min(max(side, LEAST_SIDE), MOST_SIDE) if side else 0)

    def text(self) -> str:
        """Return it as it stands in the address bar; "" is the default."""
        return "" if self == Reading() else f"{self.architecture}.{self.normalisation}.{self.side or ''}"


@dataclass(frozen=True, slots=True)
class OwnDescription:
    """What is known of an opened file but its network. `difference`: from onnxruntime's output, for ONNX."""

    kind: str
    task: str
    architecture: str
    input_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    categories: tuple[str, ...]
    difference: float = 0.0
    sizes_fixed: bool = False


_DESCRIBED: BoundedCache[OwnDescription] = BoundedCache(
    4_000_000, lambda d: 400 + sum(map(len, d.categories))
)
_NAMES: OrderedDict[str, tuple[str, ...]] = OrderedDict()
_OPENED: OrderedDict[str, list[object]] = OrderedDict()


def keep_network(data: bytes, session: str, reading: Reading) -> str:
    """Open a file once to see that it can be, keep it, and return its key.

    Raises:
        WeightsError: it cannot be used, or is not accepted.
    """
    description, model = opened_file(data, reading)
    key, _ = STORE.save(data, session)
    place = ("own", key, reading)
    _DESCRIBED.get_or_make(place, lambda: description)
    MODEL_CACHE.get(place, lambda: model)
    _bound(session, place)
    return key


def own_network(key: str, session: str, reading: Reading) -> tuple[OwnDescription, nn.Module] | None:
    """Return what is known of the network under `key`, and the network, shared; None where it is not kept any more.

    Raises:
        WeightsError: read this way it cannot be used.
    """
    place = ("own", key, reading)
    found: list[OwnDescription] = []

    def load() -> nn.Module:
        data = STORE.read(key)
        if data is None:
            raise LookupError(key)
        description, model = opened_file(data, reading)
        found.append(description)
        return model

    try:
        model = MODEL_CACHE.get(place, load)
        described = _DESCRIBED.get_or_make(place, lambda: (found or [_described_again(key, reading)])[0])
    except LookupError:
        return None
    _bound(session, place)
    names = _NAMES.get(key, ())
    return (replace(described, categories=names) if names else described), model


def name_outputs(key: str, names: tuple[str, ...]) -> None:
    """Keep what the outputs of the network under `key` are called; empty names take it back."""
    _NAMES.pop(key, None)
    if names:
        _NAMES[key] = tuple(name[:60] for name in names[:MOST_CLASSES])
    while len(_NAMES) > 200:
        _NAMES.popitem(last=False)


def output_names(key: str) -> tuple[str, ...]:
    """Return what the person called the outputs."""
    return _NAMES.get(key, ())


def _described_again(key: str, reading: Reading) -> OwnDescription:
    data = STORE.read(key)
    if data is None:
        raise LookupError(key)
    return opened_file(data, reading)[0]


def _bound(session: str, place: object) -> None:
    """One session keeps its newest networks in memory; older ones are opened again when asked for."""
    kept = _OPENED.setdefault(session, [])
    _OPENED.move_to_end(session)
    if place in kept:
        kept.remove(place)
    kept.append(place)
    while len(kept) > OPEN_PER_SESSION:
        MODEL_CACHE.drop(kept.pop(0))  # type: ignore[arg-type]
    while len(_OPENED) > 256:
        for gone in _OPENED.popitem(last=False)[1]:
            MODEL_CACHE.drop(gone)  # type: ignore[arg-type]


def opened_file(data: bytes, reading: Reading) -> tuple[OwnDescription, nn.Module]:
    """Open safetensors, a plain state dict or an ONNX network; nothing in the file is executed.

    Raises:
        WeightsError: with a sentence in both languages; MismatchError names every tensor that does not fit.
    """
    try:
        tensors = load_weights(data)
    except WeightsError as error:
        if error.code not in ("onnx", "kind") or data[:1] not in (b"\x08", b"\x0a"):
            raise
        return _onnx(data, reading)
    described = None if reading.architecture else _by_metadata(data, tensors)
    if described is None:
        try:
            described = _registered(tensors, reading.architecture)
        except WeightsError as error:
            described = None if reading.architecture else _as_shipped(tensors)
            if described is None:
                raise error
    description, model = described
    return _read_as(description, reading), model.eval().requires_grad_(False)


def _registered(tensors: dict[str, Tensor], architecture: str) -> tuple[OwnDescription, nn.Module]:
    fitted = fitted_model(tensors, architecture or None)
    record = model_record(fitted.name)
    categories = imagenet_categories() if fitted.num_classes == 1000 else ()
    description = OwnDescription(
        "weights", record.task, record.name, record.input_shape, record.mean, record.std, categories
    )
    return description, fitted.model


def _read_as(description: OwnDescription, reading: Reading) -> OwnDescription:
    channels = description.input_shape[0]
    mean, std = normalisation(reading.normalisation, channels, description.mean, description.std)
    shape = description.input_shape
    if reading.side and description.kind == "weights" and description.task != "embedding":
        side = max(
            reading.side,
            model_record(description.architecture).minimum_size if description.architecture else 1,
        )
        shape = (channels, side, side)
    return replace(description, mean=mean, std=std, input_shape=shape)


def normalisation(
    name: str, channels: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return (mean, standard deviation) per channel of the normalisation `name`; "own" gives `mean` and `std`."""
    if name == "imagenet":
        return (IMAGENET_MEAN, IMAGENET_STD) if channels == 3 else ((0.449,), (0.226,))
    if name in NORMALISATIONS:
        centre, spread = NORMALISATIONS[name]
        return (centre,) * channels, (spread,) * channels
    return mean, std


def _onnx(data: bytes, reading: Reading) -> tuple[OwnDescription, nn.Module]:
    from cnn.weights.onnx_file import load_onnx

    found = load_onnx(data, side=reading.side or 224)
    channels, shape = found.input_shape[0], found.output_shape
    task = "segmentation" if len(shape) == 4 else "classification"
    named = "imagenet" if reading.normalisation == "own" else reading.normalisation
    mean, std = normalisation(named, channels, (0.0,) * channels, (1.0,) * channels)
    categories = imagenet_categories() if shape[1:] == (1000,) else ()
    description = OwnDescription(
        "onnx", task, "", found.input_shape, mean, std, categories, found.difference, found.sizes_fixed
    )
    return description, found.model.eval().requires_grad_(False)


def _as_shipped(tensors: dict[str, Tensor]) -> tuple[OwnDescription, nn.Module] | None:
    """A network that ships, with a person's own weights: trained by the recipes, say."""
    plain = plain_names(tensors)
    for record in BUILTIN:
        if record.task not in ("classification", "segmentation", "detection"):
            continue
        model = record.build()
        wanted = model.state_dict()
        if wanted.keys() == plain.keys() and all(wanted[n].shape == t.shape for n, t in plain.items()):
            model.load_state_dict(restored(plain))
            return _of_record(record, record.categories), model
    return None


def _of_record(record: Any, categories: tuple[str, ...]) -> OwnDescription:
    shape = (record.channels, *record.input_size)
    return OwnDescription("weights", record.task, "", shape, record.mean, record.std, categories)


def _by_metadata(data: bytes, tensors: dict[str, Tensor]) -> tuple[OwnDescription, nn.Module] | None:
    """A file that /transfer_learning made says itself what it is; None where it does not, or says it badly."""
    from cnn.networks.transfer_model import Backbone, built_classifier

    try:
        (length,) = struct.unpack("<Q", data[:8])
        written = json.loads(data[8 : 8 + length])["__metadata__"]
        told, names = json.loads(written["input"]), json.loads(written["categories"])
        size, channels = int(told["size"]), int(told["channels"])
        mean, std = (tuple(float(v) for v in told[name]) for name in ("mean", "std"))
        categories = tuple(str(name)[:60] for name in names)
        sound = LEAST_SIDE <= size <= MOST_SIDE and channels in (1, 3) and len(mean) == len(std) == channels
        finite = all(math.isfinite(v) for v in (*mean, *std)) and all(v > 0 for v in std)
        if not (sound and finite and 1 <= len(categories) <= MOST_CLASSES):
            return None
        name = str(written["architecture"])
        if all(record.name != name for record in BUILTIN) and compared(name, tensors).count:
            return None
        backbone = Backbone(name, name, size, size, channels, mean, std, categories)
        model = built_classifier(backbone, len(categories), tensors)
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError, RecursionError, struct.error):
        return None
    return OwnDescription(
        "weights", "classification", "", (channels, size, size), mean, std, categories
    ), model


def imagenet_categories() -> tuple[str, ...]:
    """Return the names of ImageNet's thousand classes."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    return tuple(_IMAGENET_CATEGORIES)
