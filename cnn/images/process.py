"""One decoding process, seen from the program: started, asked, and killed when it takes too long."""

import json
import os
import subprocess
import sys
import threading
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cnn.images.errors import ImageError
from cnn.images.protocol import ANSWER, READY, REQUEST, ROWS

__all__ = ["DecoderProcess", "ProcessLostError"]

_START_SECONDS = 30.0
_PIPE_BYTES = 1 << 20
_MAIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from cnn.images.worker import main; main()"


class ProcessLostError(Exception):
    """The process ended before it had answered."""


class DecoderProcess:
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

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def request(self, data: bytes, max_pixels: int, seconds: float) -> NDArray[np.uint8]:
        """The answer to one picture.

        Raises:
            ImageError: the picture is refused, or took longer than `seconds`.
            ProcessLostError: the process died.
        """
        if not self._ready:
            with _Deadline(self, _START_SECONDS):
                self._ready = self._read(1) == READY
        with _Deadline(self, seconds) as deadline:
            try:
                return self._exchange(data, max_pixels)
            except (ProcessLostError, OSError):
                if deadline.passed:
                    raise ImageError("too_slow", seconds=f"{seconds:g}") from None
                raise ProcessLostError from None

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
                raise ProcessLostError
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
    """Kills a worker that is still at it after some seconds; reads and writes on its pipes then fail."""

    def __init__(self, process: DecoderProcess, seconds: float) -> None:
        self.passed = False
        self._target = process
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def _pass(self) -> None:
        self.passed = True
        self._target.kill()

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _search_path() -> list[str]:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [root, *(path for path in sys.path if path != root)]


def _environment() -> dict[str, str]:
    """One thread each, and large blocks given back to the system at once."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
    return {**os.environ, **single, "MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "262144"}


def _widen(pipe: IO[bytes]) -> None:
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            return  # the system's limit on pipes is reached; narrow ones work, slower
