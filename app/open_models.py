"""Opens a network by its key for a session: one that ships, a downloaded or a random one, a trained one, one's own file.

Every screen that looks into networks gets them here, so that each is loaded once and shared. Keys are what stands in the
address bar: "imagenette-resnet", "resnet50/IMAGENET1K_V2", "random.resnet50.0", "s-…" (trained in this session), "u-…".
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TypeVar

import torch
from torch import Tensor, nn

from app.network_list import MOST_BYTES, Offer, builtin_labels, offers, pretrained_labels, weight_bytes
from app.own_networks import Reading, own_network
from app.session_models import SESSION_MODELS, built
from cnn.device import parse_device
from cnn.hooks import locked
from cnn.models.cache import MODEL_CACHE
from cnn.models.registry import build_model, model_record, model_skeleton
from cnn.networks.prediction import PreparedPicture, prepared_picture
from cnn.weights.builtin import Builtin, BuiltinError, builtin_record, load_builtin
from cnn.weights.errors import WeightsError

__all__ = ["NetworkError", "Offer", "OpenNetwork", "offers", "open_network"]

T = TypeVar("T")
_log = logging.getLogger(__name__)
FREE_SIDE = 256
"""Pixels of the square that networks without a size of their own are given."""


class NetworkError(Exception):
    """A network cannot be opened. `lines` name every tensor that does not fit, where that is the reason."""

    def __init__(self, en: str, ko: str, lines: Sequence[str] = ()) -> None:
        super().__init__(en)
        self._sentences = {"en": en, "ko": ko}
        self.lines = tuple(lines)

    def text(self, language: str) -> str:
        """Return the sentence in "ko" or, for any other language, English."""
        return self._sentences["ko" if language == "ko" else "en"]


@dataclass(frozen=True, slots=True, eq=False)
class OpenNetwork:
    """A network that is open, and how it is to be used.

    Attributes:
        key, reading: what stands in the address bar as "net" and "net_as".
        labels: what it is called, by language; may hold a person's own words.
        task: "classification", "segmentation", "detection", "embedding" or "style".
        origin: "builtin", "pretrained", "random", "session" or "own".
        architecture: the registry's name; "" where it has none there.
        model: shared, in evaluation mode: use it under `cnn.hooks.locked`.
        input_shape: (C, H, W) that `prepared` makes.
        mean, std: per channel, of pixels in 0..1.
        categories: what the outputs mean, in order; empty where nobody said.
        resize, interpolation: as `cnn.networks.prediction.prepared_picture` takes them.
        record: of a network that ships; `detect` and `segment` take it.
        code: lines of Python that define `model`.
        difference: the largest difference from onnxruntime's output, relative to the largest output, for ONNX.
    """

    key: str
    reading: str
    labels: Mapping[str, str]
    task: str
    origin: str
    architecture: str
    model: nn.Module
    input_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    categories: tuple[str, ...]
    code: tuple[str, ...]
    resize: int = 0
    interpolation: str = "bilinear"
    record: Builtin | None = None
    difference: float = 0.0
    device: str = "cpu"
    at_home: nn.Module | None = None

    @property
    def identity(self) -> str:
        """Name the network, how it is read and where it computes, for cache keys."""
        place = "" if self.device == "cpu" else f":{self.device}"
        return f"{self.key}:{self.reading}{place}"

    def on(self, device: str) -> OpenNetwork:
        """Return the network on `device`: a copy that all sessions there share; what is opened stays on the CPU."""
        home = self.at_home or self.model
        if device == self.device:
            return self
        if device == "cpu":
            return replace(self, model=home, device="cpu", at_home=None)
        key = ("on", device, id(home), self.key, self.reading)
        model = MODEL_CACHE.get(key, lambda: _copied(home, device))
        return replace(self, model=model, device=device, at_home=home)

    def ran(self, work: Callable[[OpenNetwork], T]) -> T:
        """Return `work(self)`; where the device's memory does not do, that of the network on the CPU."""
        try:
            return work(self)
        except torch.OutOfMemoryError:
            if self.device == "cpu":
                raise
            _log.warning("%s does not fit on %s: the CPU does it", self.key, self.device)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return work(self.on("cpu"))

    def prepared(self, image: Tensor) -> PreparedPicture:
        """Return a picture, uint8 (C, H, W), as the network reads it."""
        return prepared_picture(
            image,
            self.input_shape,
            self.mean,
            self.std,
            resize=self._resize(image),
            interpolation=self.interpolation,
        )

    def _resize(self, image: Tensor) -> int:
        """The shorter side before the middle is cut out, so that an oblong input is filled."""
        _, height, width = self.input_shape
        if self.resize or height == width:
            return self.resize
        rows, columns = image.shape[1:]
        return ceil(min(rows, columns) * max(height / rows, width / columns))

    @property
    def preparation_code(self) -> tuple[str, ...]:
        """Lines of Python that define `batch` (1, C, H, W) from `image`, uint8 (C, H, W)."""
        options = f", interpolation={self.interpolation!r}" if self.interpolation != "bilinear" else ""
        _, height, width = self.input_shape
        resize = f", resize={self.resize}" if self.resize else ""
        lines = ["from cnn.networks.prediction import prepared_picture", ""]
        if not self.resize and height != width:
            lines += [
                "from math import ceil",
                f"fill = max({height} / image.shape[1], {width} / image.shape[2])",
            ]
            resize = ", resize=ceil(min(image.shape[1:]) * fill)"
        return (
            *lines,
            f"prepared = prepared_picture(image, {self.input_shape}, {self.mean}, {self.std}{resize}{options})",
            "batch = prepared.batch",
        )


def _copied(home: nn.Module, device: str) -> nn.Module:
    with locked(home):
        return copy.deepcopy(home).to(parse_device(device))


def open_network(key: str, session: str, reading: str = "", *, bare: bool = False) -> OpenNetwork:
    """Open the network under `key`.

    Args:
        key: as in the address bar.
        session: whose; no other session's trained network is opened.
        reading: how a person's own file is to be read (`app.own_networks.Reading`).
        bare: a random network is given at once and of any size, as a skeleton whose weights nobody has drawn.

    Raises:
        NetworkError: there is none under the key, or it cannot be opened; with a sentence in both languages.
    """
    try:
        if key.startswith("random."):
            return _random(key, bare)
        if key.startswith("s-"):
            return _trained_here(key, session)
        if re.fullmatch(r"u-[A-Za-z0-9_-]{22}", key):
            return _own(key, session, Reading.of(reading))
        if "/" in key:
            return _pretrained(key)
        return _builtin(key)
    except WeightsError as error:
        mismatch = getattr(error, "mismatch", None)
        raise NetworkError(error.en, error.ko, mismatch.lines() if mismatch else ()) from error
    except (KeyError, ValueError) as error:
        raise _unknown() from error
    except BuiltinError as error:
        raise NetworkError(
            "The weights of this network are missing or damaged on the server.",
            "이 신경망의 가중치가 서버에 없거나 손상되었습니다.",
        ) from error


def _unknown() -> NetworkError:
    return NetworkError(
        "There is no such network here (any more). Another one is shown.",
        "그런 신경망이 없거나 더 이상 보관되어 있지 않습니다. 다른 신경망을 보여 줍니다.",
    )


def _builtin(name: str) -> OpenNetwork:
    record = builtin_record(name)
    shape = (record.channels, record.input_size[0] or FREE_SIDE, record.input_size[1] or FREE_SIDE)
    return OpenNetwork(
        key=name, reading="", labels=builtin_labels(name), task=record.task, origin="builtin",
        architecture=name.replace("-", "_") if name in ("imagenette-resnet", "plain-twin", "tiny-vgg") else "",
        model=MODEL_CACHE.get(("builtin", name), lambda: load_builtin(name)),
        input_shape=shape, mean=record.mean, std=record.std,
        categories=tuple(c.replace("_", " ") for c in record.categories), record=record,
        code=("from cnn.weights import load_builtin", "", f'model = load_builtin("{name}")'),
    )  # fmt: skip


def _pretrained(name: str) -> OpenNetwork:
    from cnn.weights.pretrained import load_pretrained, pretrained_record

    record = pretrained_record(name)
    side = record.crop or FREE_SIDE
    return OpenNetwork(
        key=name, reading="", labels=pretrained_labels(name), task=record.task, origin="pretrained",
        architecture=record.model,
        model=MODEL_CACHE.get(
            ("pretrained", name), lambda: load_pretrained(record).requires_grad_(False)
        ),
        input_shape=(3, side, side), mean=record.mean, std=record.std, categories=record.categories,
        resize=record.resize if record.crop else 0, interpolation=record.interpolation,
        code=(
            "from cnn.weights.pretrained import load_pretrained, pretrained_record", "",
            f'model = load_pretrained(pretrained_record("{name}"))',
        ),
    )  # fmt: skip


def _random(key: str, bare: bool) -> OpenNetwork:
    _, name, seed = key.split(".")
    record = model_record(name)
    if not bare and weight_bytes(name) > MOST_BYTES:
        raise NetworkError("This network is too large for this server.", "이 서버에 너무 큰 신경망입니다.")

    def load() -> nn.Module:
        return build_model(name, seed=int(seed)).requires_grad_(False)

    told = {"en": f"random weights, seed {int(seed)}", "ko": f"무작위 가중치, 시드 {int(seed)}"}
    return OpenNetwork(
        key=key, reading="", labels={language: f"{record.labels[language]} ({told[language]})" for language in told},
        task=record.task, origin="random", architecture=name,
        model=MODEL_CACHE.get(("skeleton", name), lambda: model_skeleton(name))
        if bare else MODEL_CACHE.get(("random", name, int(seed)), load),
        input_shape=record.input_shape, mean=record.mean, std=record.std, categories=(),
        code=(
            "from cnn.models.registry import build_model", "",
            f'model = build_model("{name}", seed={int(seed)})  # random weights',
        ),
    )  # fmt: skip


def _trained_here(key: str, session: str) -> OpenNetwork:
    record, model = SESSION_MODELS.get(session, key), built(session, key)
    if record is None or model is None:
        raise _unknown()
    base = record.backbone
    return OpenNetwork(
        key=key, reading="", labels={language: record.name(language) for language in ("en", "ko")},
        task="classification", origin="session", architecture="", model=model,
        input_shape=(base.channels, base.size, base.size), mean=base.mean, std=base.std, categories=record.categories,
        code=_own_code("weights", ""),
    )  # fmt: skip


def _own(key: str, session: str, reading: Reading) -> OpenNetwork:
    found = own_network(key, session, reading)
    if found is None:
        raise _unknown()
    told, model = found
    kind = {"onnx": "ONNX", "weights": told.architecture or "safetensors"}[told.kind]
    return OpenNetwork(
        key=key, reading=reading.text(), labels={"en": f"your own ({kind})", "ko": f"내 신경망 ({kind})"},
        task=told.task, origin="own", architecture=told.architecture, model=model, input_shape=told.input_shape,
        mean=told.mean, std=told.std, categories=told.categories, code=_own_code(told.kind, reading.architecture),
        difference=told.difference,
    )  # fmt: skip


def _own_code(kind: str, architecture: str) -> tuple[str, ...]:
    if kind == "onnx":
        return (
            "from pathlib import Path", "", "from cnn.weights.onnx_file import load_onnx", "",
            'model = load_onnx(Path("your-network.onnx")).model',
        )  # fmt: skip
    return (
        "from pathlib import Path", "", "from app.own_networks import Reading, opened_file", "",
        f'model = opened_file(Path("your-network.safetensors").read_bytes(), Reading("{architecture}"))[1]',
    )  # fmt: skip
