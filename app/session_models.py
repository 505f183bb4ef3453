"""Networks that a person trained in this session: on every screen's list of models until the tab is closed.

Other screens ask `SESSION_MODELS.of_session(session_id())` for the records and `built(session, key)` for a network to run.
Nobody is given another session's network. What is kept is bounded in count and bytes; the oldest go.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from safetensors.torch import load
from torch import Tensor, nn

from app.cache import BoundedCache
from cnn.networks.transfer_model import Backbone, built_classifier, model_file

MODELS_PER_SESSION = 8
SESSION_BYTES = 64_000_000
TOTAL_BYTES = 320_000_000
KEY_PATTERN = r"s-[A-Za-z0-9_-]{11}"


@dataclass(frozen=True, slots=True, eq=False)
class SessionModel:
    """A trained classifier.

    Attributes:
        key: matches `KEY_PATTERN`; no other session's key opens it.
        made_by: "head", "fine" or "scratch", the training that made it.
        backbone: architecture, input size, normalisation.
        categories: what the outputs mean, in order (a person's own words: show them as text).
        file: safetensors with the same in its metadata.
    """

    key: str
    made_by: str
    backbone: Backbone
    categories: tuple[str, ...]
    file: bytes

    def name(self, language: str) -> str:
        """What it is called on a list of models: "daisy, dandelion, … (fine-tuned imagenette-resnet)"."""
        how = _HOW[self.made_by][language == "ko"]
        listed = ", ".join(self.categories[:3]) + ("…" if len(self.categories) > 3 else "")
        return f"{listed} ({how}, {self.backbone.architecture})"

    def state(self) -> dict[str, Tensor]:
        """Its tensors by name."""
        return load(self.file)

    def build(self) -> nn.Module:
        """The network with its weights, in evaluation mode, its parameters without gradients."""
        model = built_classifier(self.backbone, len(self.categories), self.state())
        return model.eval().requires_grad_(False)


_HOW = {
    "head": ("new head", "새 헤드"),
    "fine": ("fine-tuned", "미세 조정"),
    "scratch": ("from scratch", "처음부터"),
}


class SessionModels:
    """Trained networks by session, oldest first. Safe to use from several threads."""

    def __init__(self, *, total_bytes: int = TOTAL_BYTES) -> None:
        self._total = total_bytes
        self._lock = threading.Lock()
        self._by_session: OrderedDict[str, list[SessionModel]] = OrderedDict()

    def add(
        self, session: str, made_by: str, backbone: Backbone, categories: tuple[str, ...], state: dict
    ) -> SessionModel:
        """Keep a network for `session` and return its record."""
        file = model_file(backbone, categories, state, made_by)
        model = SessionModel("s-" + secrets.token_urlsafe(8), made_by, backbone, categories, file)
        with self._lock:
            kept = self._by_session.setdefault(session, [])
            self._by_session.move_to_end(session)
            kept.append(model)
            while len(kept) > 1 and (len(kept) > MODELS_PER_SESSION or _bytes(kept) > SESSION_BYTES):
                kept.pop(0)
            while len(self._by_session) > 1 and sum(map(_bytes, self._by_session.values())) > self._total:
                self._by_session.popitem(last=False)
        return model

    def of_session(self, session: str) -> tuple[SessionModel, ...]:
        """The networks of `session`, newest first."""
        with self._lock:
            return tuple(reversed(self._by_session.get(session, [])))

    def backbones(self, session: str) -> tuple[Backbone, ...]:
        """The networks of `session` as networks to transfer from, newest first; their names are their keys."""
        return tuple(
            replace(m.backbone, name=m.key, categories=m.categories) for m in self.of_session(session)
        )

    def get(self, session: str, key: str) -> SessionModel | None:
        """The network under `key` if `session` made it and it is still kept."""
        return next((model for model in self.of_session(session) if model.key == key), None)


def _bytes(models: list[SessionModel]) -> int:
    return sum(len(model.file) for model in models)


SESSION_MODELS = SessionModels()
_BUILT: BoundedCache[nn.Module] = BoundedCache(
    96_000_000, lambda model: sum(p.numel() * p.element_size() for p in model.parameters())
)


def built(session: str, key: str) -> nn.Module | None:
    """The network under `key` of `session`, built once; shared between reruns, so use it under `cnn.hooks.locked`."""
    record = SESSION_MODELS.get(session, key)
    return None if record is None else _BUILT.get_or_make(record.key, record.build)
