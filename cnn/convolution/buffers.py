"""Memory for large results, used again once the tensor that held it is gone.

A fresh 48 MB array costs the kernel more time to map and zero than a 3×3 filter needs to fill it.
"""

from __future__ import annotations

import threading
import weakref

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMALLEST", "Buffers", "float_maps"]

SMALLEST = 1 << 20
"""Bytes below which the allocator is quick enough by itself."""


class Buffers:
    """Free memory blocks, `capacity` bytes at most, the oldest dropped first. Safe to use from several
    threads.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free: list[NDArray[np.uint8]] = []
        self._lock = threading.RLock()  # a finaliser may run inside take

    def take(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """An uninitialised float32 array that nobody else holds. When it dies its memory comes back here.

        Wrap it with torch.from_numpy: a tensor keeps it alive, NumPy views of it do not.
        """
        size = int(np.prod(shape)) * 4
        if size < SMALLEST:
            return np.empty(shape, np.float32)
        block = self._matching(size)
        if block is None:
            block = np.empty(size, np.uint8)
        array = np.frombuffer(block, np.float32).reshape(shape)
        weakref.finalize(array, self._give_back, block).atexit = False
        return array

    def held(self) -> int:
        """Bytes kept for the next taker."""
        with self._lock:
            return sum(block.size for block in self._free)

    def _matching(self, size: int) -> NDArray[np.uint8] | None:
        with self._lock:
            for index in reversed(range(len(self._free))):
                if self._free[index].size == size:
                    return self._free.pop(index)
        return None

    def _give_back(self, block: NDArray[np.uint8]) -> None:
        if block.size > self._capacity:
            return
        with self._lock:
            self._free.append(block)
            while sum(kept.size for kept in self._free) > self._capacity:
                self._free.pop(0)


_shared = Buffers(capacity=160 << 20)


def float_maps(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An uninitialised float32 array from the buffers that the whole process shares."""
    return _shared.take(shape)
