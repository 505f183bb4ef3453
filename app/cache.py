"""Results kept in memory between reruns, bounded in bytes, keyed on a digest of what they came from.

Not `st.cache_data`: that one samples large arrays (two pictures that differ in a pixel can share a result) and any
client can ask the server to empty it. Keys here hold a picture's content digest, so nobody is shown another's picture.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class BoundedCache(Generic[V]):
    """Least recently used goes first, by bytes. Values are shared between sessions: never change one."""

    def __init__(self, max_bytes: int, size_of: Callable[[V], int]) -> None:
        self.max_bytes = max_bytes
        self._size_of = size_of
        self._values: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0

    def get(self, key: Hashable) -> V | None:
        """Return the value under `key`, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def get_or_make(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value under `key`, made by `make` if it is not there; errors are not kept."""
        kept = self.get(key)
        if kept is not None:
            return kept
        value = make()
        size = self._size_of(value)
        with self._lock:
            if key not in self._values and size <= self.max_bytes:
                self._values[key] = (value, size)
                self.bytes += size
                while self.bytes > self.max_bytes:
                    _, (_, gone) = self._values.popitem(last=False)
                    self.bytes -= gone
        return value


def tensor_bytes(tensor: Any) -> int:
    """Return the memory of a tensor's elements in bytes."""
    return int(tensor.numel() * tensor.element_size())


PICTURES: BoundedCache[Any] = BoundedCache(384_000_000, tensor_bytes)
"""Decoded pictures by key (a random one for uploads)."""

ENCODED: BoundedCache[bytes] = BoundedCache(64_000_000, len)
"""Encoded pictures (thumbnails and the like) by digest and parameters."""
