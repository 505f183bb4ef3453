"""Loaded networks, shared by everybody: each loaded once, the least recently used let go, bounded by
memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from torch import nn

DEFAULT_LIMIT = 700 * 2**20


def model_bytes(model: nn.Module) -> int:
    """Bytes of the parameters and buffers, shared ones once."""
    tensors = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return sum(t.numel() * t.element_size() for t in tensors.values() if not t.is_meta)


@dataclass(slots=True)
class _Loading:
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0


class ModelCache:
    """Networks by key. A network that is let go lives on for whoever still holds it.

    Use a network under :func:`cnn.hooks.locked`; loading one does not make users of others wait.

    Args:
        limit: bytes of all networks together; the last one loaded is kept even if it alone is larger.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        if limit < 0:
            raise ValueError(f"wanted a limit of at least 0 bytes, got {limit}")
        self._limit = limit
        self._lock = threading.Lock()
        self._models: OrderedDict[Hashable, tuple[nn.Module, int]] = OrderedDict()
        self._loading: dict[Hashable, _Loading] = {}

    def get(self, key: Hashable, load: Callable[[], nn.Module]) -> nn.Module:
        """The network of that key; `load` makes it when it is not there, once however many ask at a time.

        An error in `load` reaches everybody who asked for its turn, and nothing is kept.
        """
        with self._lock:
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key][0]
            loading = self._loading.setdefault(key, _Loading())
            loading.waiting += 1
        try:
            with loading.lock:
                with self._lock:
                    if key in self._models:
                        return self._models[key][0]
                model = load()
                self._keep(key, model)
                return model
        finally:
            with self._lock:
                loading.waiting -= 1
                if loading.waiting == 0:
                    self._loading.pop(key, None)

    def _keep(self, key: Hashable, model: nn.Module) -> None:
        size = model_bytes(model)
        with self._lock:
            self._models[key] = (model, size)
            self._models.move_to_end(key)
            while len(self._models) > 1 and self._held() > self._limit:
                self._models.popitem(last=False)

    def _held(self) -> int:
        return sum(size for _, size in self._models.values())

    @property
    def held_bytes(self) -> int:
        """Bytes of all networks held."""
        with self._lock:
            return self._held()

    def keys(self) -> tuple[Hashable, ...]:
        """The keys held, least recently used first."""
        with self._lock:
            return tuple(self._models)

    def drop(self, key: Hashable) -> None:
        """Lets a network go, as when its session ends."""
        with self._lock:
            self._models.pop(key, None)


MODEL_CACHE = ModelCache()
