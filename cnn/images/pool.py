"""A few decoding processes, kept warm, each killed and replaced when it takes too long or dies.

Requests wait in turn, owners (sessions) one after the other, and no named owner may hold every process.
"""

import atexit
import os
import threading
from collections import Counter, OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cnn.images.errors import ImageError
from cnn.images.process import DecoderProcess, ProcessLostError

__all__ = ["DECODE_SECONDS", "DecoderPool", "decode_pixels", "shut_down", "warm_up"]

DECODE_SECONDS = 5.0
_QUEUE_SECONDS = 30.0
_QUEUE_LENGTH = 200


@dataclass(slots=True, eq=False)
class _Ticket:
    granted: threading.Event = field(default_factory=threading.Event)


class DecoderPool:
    """`size` processes, started when first needed.

    Args:
        size: how many pictures are decoded at once.
        seconds: how long one may take.
    """

    def __init__(self, size: int, seconds: float = DECODE_SECONDS) -> None:
        self._size = size
        self._seconds = seconds
        self._lock = threading.Lock()
        self._free = size
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[_Ticket]] = OrderedDict()
        self._idle: deque[DecoderProcess] = deque()
        self._all: set[DecoderProcess] = set()
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Process numbers of the workers."""
        with self._lock:
            return tuple(worker.pid for worker in self._all)

    def decode(self, data: bytes, max_pixels: int, owner: str = "") -> NDArray[np.uint8]:
        """The upright picture (C, H, W) in `data`.

        Raises:
            ImageError: refused, too slow, too large for the memory, or the queue is too long.
        """
        self._acquire(owner)
        try:
            for _ in range(2):  # a worker may have died before the picture reached it
                worker = self._worker()
                try:
                    picture = worker.request(data, max_pixels, self._seconds)
                except ProcessLostError:
                    self._replace(worker)
                    continue
                except ImageError as error:
                    if error.code == "too_slow":
                        self._replace(worker)
                    else:
                        self._put_back(worker)
                    raise
                except BaseException:
                    self._replace(worker)
                    raise
                self._put_back(worker)
                return picture
            raise ImageError("decoder_lost")
        finally:
            self._release(owner)

    def warm_up(self) -> None:
        """Start the processes that are missing; returns at once."""
        with self._lock:
            while not self._closed and len(self._all) < self._size:
                self._idle.append(self._started())

    def close(self) -> None:
        """End every process; requests under way are refused."""
        with self._lock:
            self._closed = True
            workers = list(self._all)
            self._idle.clear()
            self._all.clear()
        for worker in workers:
            worker.kill()

    def _worker(self) -> DecoderProcess:
        with self._lock:
            if self._closed:
                raise ImageError("busy")
            while self._idle:
                worker = self._idle.popleft()
                if worker.alive:
                    return worker
                self._all.discard(worker)
                worker.close()
            try:
                return self._started()
            except OSError:
                raise ImageError("busy") from None  # the system has no room for another process

    def _started(self) -> DecoderProcess:
        worker = DecoderProcess()
        self._all.add(worker)
        return worker

    def _put_back(self, worker: DecoderProcess) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)

    def _replace(self, worker: DecoderProcess) -> None:
        worker.close()
        with self._lock:
            self._all.discard(worker)
            if not self._closed:
                with suppress(OSError):
                    self._idle.append(self._started())

    def _may_hold(self, owner: str) -> bool:
        return not owner or self._held[owner] < max(1, self._size - 1)

    def _acquire(self, owner: str) -> None:
        with self._lock:
            if self._free and self._may_hold(owner):
                self._free -= 1
                self._held[owner] += 1
                return
            if sum(map(len, self._waiting.values())) >= _QUEUE_LENGTH:
                raise ImageError("busy")
            ticket = _Ticket()
            self._waiting.setdefault(owner, deque()).append(ticket)
        try:
            if ticket.granted.wait(_QUEUE_SECONDS):
                return
        except BaseException:
            if not self._withdrawn(ticket, owner):
                self._release(owner)
            raise
        if self._withdrawn(ticket, owner):
            raise ImageError("busy")

    def _withdrawn(self, ticket: _Ticket, owner: str) -> bool:
        """Take a ticket back; false where it has been granted meanwhile."""
        with self._lock:
            if ticket.granted.is_set():
                return False
            self._waiting[owner].remove(ticket)
            if not self._waiting[owner]:
                del self._waiting[owner]
            return True

    def _release(self, owner: str) -> None:
        with self._lock:
            self._free += 1
            self._held[owner] -= 1
            if not self._held[owner]:
                del self._held[owner]
            self._grant()

    def _grant(self) -> None:
        """Hand free places to those who wait, an owner served goes to the back."""
        for owner in list(self._waiting):
            if not self._free:
                return
            if not self._may_hold(owner):
                continue
            tickets = self._waiting[owner]
            self._free -= 1
            self._held[owner] += 1
            tickets.popleft().granted.set()
            if tickets:
                self._waiting.move_to_end(owner)
            else:
                del self._waiting[owner]


_pool: DecoderPool | None = None
_pool_lock = threading.Lock()


def _shared_pool() -> DecoderPool:
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = DecoderPool(max(2, min(4, (os.cpu_count() or 2) // 2)))
        return _pool


def decode_pixels(data: bytes, max_pixels: int, owner: str = "") -> NDArray[np.uint8]:
    """The upright picture (C, H, W) in `data`, decoded by the processes that the program shares."""
    return _shared_pool().decode(data, max_pixels, owner)


def warm_up() -> None:
    """Start the decoding processes in the background."""
    _shared_pool().warm_up()


def shut_down() -> None:
    """End the decoding processes; the next picture starts new ones."""
    global _pool
    with _pool_lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.close()


def _forget_after_fork() -> None:
    """A forked child must not talk through its parent's pipes."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()


atexit.register(shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
