"""A few decoding processes, kept warm, each killed and replaced when it takes too long or dies.

Requests wait in turn: between owners (sessions) one after the other, and no named owner may hold every process.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cnn.images.errors import ImageError
from cnn.images.protocol import ANSWER, READY, REQUEST, ROWS

__all__ = ["DECODE_SECONDS", "DecoderPool", "decode_pixels", "shut_down", "warm_up"]

DECODE_SECONDS = 5.0
_START_SECONDS = 30.0
_QUEUE_SECONDS = 30.0
_QUEUE_LENGTH = 200
_PIPE_BYTES = 1 << 20
_MAIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from cnn.images.worker import main; main()"


class _WorkerLostError(Exception):
    """The process ended before it had answered."""


class _Worker:
    """One process; used by one request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _MAIN, json.dumps([path or os.getcwd() for path in _search_path()])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=_environment(),
            start_new_session=sys.platform != "win32",
        )
        self._input: IO[bytes] = self._process.stdin  # type: ignore[assignment]
        self._output: IO[bytes] = self._process.stdout  # type: ignore[assignment]
        self._ready = False
        for pipe in (self._input, self._output):
            _widen(pipe)

    @property
    def pid(self) -> int:
        return self._process.pid

    def request(self, data: bytes, max_pixels: int, seconds: float) -> NDArray[np.uint8]:
        """The answer to one picture.

        Raises:
            ImageError: the picture is refused, or took longer than `seconds`.
            _WorkerLostError: the process died.
        """
        if not self._ready:
            with _Deadline(self, _START_SECONDS):
                self._ready = self._read(1) == READY
        with _Deadline(self, seconds) as deadline:
            try:
                return self._exchange(data, max_pixels)
            except (_WorkerLostError, OSError):
                if deadline.passed:
                    raise ImageError("too_slow", seconds=f"{seconds:g}") from None
                raise _WorkerLostError from None

    def _exchange(self, data: bytes, max_pixels: int) -> NDArray[np.uint8]:
        self._write(REQUEST.pack(len(data), max_pixels))
        self._write(data)
        answer: dict[str, Any] = json.loads(self._read(ANSWER.unpack(self._read(ANSWER.size))[0]))
        if "code" in answer:
            raise ImageError(answer["code"], **answer["values"])
        channels, height, width = answer["shape"]
        picture = np.empty((channels, height, width), dtype=np.uint8)
        top = 0
        while top < height:
            rows = ROWS.unpack(self._read(ROWS.size))[0]
            for plane in picture:
                self._read_into(memoryview(plane[top : top + rows]).cast("B"))
            top += rows
        return picture

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._input.write(rest) :]

    def _read(self, length: int) -> bytes:
        buffer = bytearray(length)
        self._read_into(memoryview(buffer))
        return bytes(buffer)

    def _read_into(self, rest: memoryview) -> None:
        while rest:
            count = self._output.readinto(rest)  # type: ignore[attr-defined]
            if not count:
                raise _WorkerLostError
            rest = rest[count:]

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """End the process and give back what it held."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._input, self._output):
            pipe.close()


class _Deadline:
    """Kills a worker that is still at it after some seconds; reads and writes on its pipes then fail at once."""

    def __init__(self, worker: _Worker, seconds: float) -> None:
        self.passed = False
        self._worker = worker
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def _pass(self) -> None:
        self.passed = True
        self._worker.kill()

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


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
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
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
                except _WorkerLostError:
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
            workers, self._idle = list(self._all), []
            self._all.clear()
        for worker in workers:
            worker.kill()

    def _worker(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise ImageError("busy")
            return self._idle.pop() if self._idle else self._started()

    def _started(self) -> _Worker:
        worker = _Worker()
        self._all.add(worker)
        return worker

    def _put_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)

    def _replace(self, worker: _Worker) -> None:
        worker.close()
        with self._lock:
            self._all.discard(worker)
            if not self._closed:
                self._idle.insert(0, self._started())

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
        if ticket.granted.wait(_QUEUE_SECONDS):
            return
        with self._lock:
            if ticket.granted.is_set():
                return
            self._waiting[owner].remove(ticket)
            if not self._waiting[owner]:
                del self._waiting[owner]
        raise ImageError("busy")

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


def _search_path() -> list[str]:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [root, *(path for path in sys.path if path != root)]


def _environment() -> dict[str, str]:
    """One thread each, and large blocks given back to the system at once."""
    single = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")}
    return {**os.environ, **single, "MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "262144"}


def _widen(pipe: IO[bytes]) -> None:
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            return  # the system's limit on pipes is reached; narrow ones work, slower


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
