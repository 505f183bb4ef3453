"""Worker processes, seen from the server: forked from a zygote on Linux, started one by one and kept warm
elsewhere.
"""

import atexit
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cnn.jobs.transport import Channel

_BOOT = """
import sys, json
sys.path[:] = json.loads(sys.argv[1])
from cnn.allocator import tune_allocator
tune_allocator()
"""
_ZYGOTE = f"{_BOOT}from cnn.jobs.zygote import main; main(int(sys.argv[2]), *map(json.loads, sys.argv[3:]))"
_WORKER = (
    f"{_BOOT}from cnn.jobs.worker import serve_standard_streams as serve; serve(json.loads(sys.argv[2]))"
)

TORCH = ("torch",)
TORCH_WISHES = ("torch._dynamo", "torchvision")
PLAIN = ("numpy", "PIL.Image")


@dataclass(slots=True, eq=False)
class Worker:
    """A process that waits for its one job or call on `channel`."""

    pid: int
    channel: Channel
    _end: Callable[[int], int]
    _status: int | None = None

    def kill(self) -> None:
        """At once. The process stays known until `end` asks for its status, so the number cannot be
        another's.
        """
        if self._status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    def end(self) -> int:
        """Make sure that it is gone; its exit code, or minus the signal that ended it."""
        if self._status is None:
            self._status = self._end(self.pid)
            self.channel.close()
        return self._status


class Launcher(Protocol):
    """Where workers come from."""

    def launch(self) -> Worker: ...

    def preload(self, *modules: str) -> None: ...

    def start(self) -> None: ...

    def close(self) -> None: ...


def _environment() -> dict[str, str]:
    """One thread until a job is allowed more; OpenBLAS would start its threads on import, before the fork."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class ForkLauncher:
    """Forks workers from a zygote, which is started when first needed and again if it is lost. Linux."""

    def __init__(self, needed: tuple[str, ...], wished: tuple[str, ...] = ()) -> None:
        self._needed = needed
        self._wished = list(wished)
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()

    def launch(self) -> Worker:
        """Raises OSError if no process can be had."""
        ours, theirs = socket.socketpair()
        with theirs:
            answer = self._ask({"do": "fork"}, theirs)
        if "pid" not in answer:
            ours.close()
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        return Worker(answer["pid"], Channel.over(ours), self._end)

    def preload(self, *modules: str) -> None:
        """Load modules before the next forks, as soon as nobody waits."""
        with self._asking:
            new = [module for module in modules if module not in (*self._needed, *self._wished)]
            self._wished.extend(new)
            started = self._control is not None
        if new and started:
            self._ask({"do": "preload", "modules": new})

    def start(self) -> None:
        """Begin loading; returns at once."""
        with self._asking:
            if self._control is None:
                self._start()

    def close(self) -> None:
        """End the zygote and all of its workers."""
        with self._asking:
            control, process, self._control = self._control, self._process, None
        if control is None or process is None:
            return
        control.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()

    def _end(self, pid: int) -> int:
        try:
            return int(self._ask({"do": "end", "pid": pid}, restart=False)["status"])
        except OSError:
            return -int(signal.SIGKILL)  # the zygote was lost, and its workers die with it

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        modules = (json.dumps(self._needed), json.dumps(self._wished))
        arguments = (json.dumps(sys.path), str(theirs.fileno()), *modules)
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-P", "-c", _ZYGOTE, *arguments),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=_environment(),
                start_new_session=True,
            )
        self._control = ours

    def _ask(
        self, request: dict[str, object], attached: socket.socket | None = None, *, restart: bool = True
    ) -> dict[str, int]:
        data = json.dumps(request).encode()
        with self._asking:
            for attempt in (0, 1):
                if self._control is None:
                    if not restart:
                        raise ConnectionResetError("the process that starts workers is gone")
                    self._start()
                assert self._control is not None
                try:
                    if attached is None:
                        self._control.send(data)
                    else:
                        socket.send_fds(self._control, [data], [attached.fileno()])
                    answer = self._control.recv(65536)
                except OSError:
                    answer = b""
                if answer:
                    return dict(json.loads(answer))
                self._control.close()
                self._control = None
                if self._process is not None:
                    self._process.kill()
                    self._process.wait()
                if attempt or not restart:
                    raise ConnectionResetError("the process that starts workers is gone")
        raise AssertionError("the loop returns or raises")


class SpawnLauncher:
    """Starts every worker as a program of its own, one ahead of time. For systems that cannot fork a
    zygote.
    """

    def __init__(self, needed: tuple[str, ...]) -> None:
        self._modules = list(needed)
        self._spare: subprocess.Popen[bytes] | None = None
        self._taking = threading.Lock()

    def launch(self) -> Worker:
        with self._taking:
            process = self._spare if self._spare is not None and self._spare.poll() is None else self._start()
            self._spare = self._start()
        assert isinstance(process.stdin, io.RawIOBase)
        assert isinstance(process.stdout, io.RawIOBase)

        def end(_: int) -> int:
            process.kill()
            return process.wait()

        return Worker(process.pid, Channel(process.stdout, process.stdin), end)

    def preload(self, *modules: str) -> None:
        """Load modules in the workers started from now on."""
        self._modules.extend(module for module in modules if module not in self._modules)

    def start(self) -> None:
        with self._taking:
            if self._spare is None:
                self._spare = self._start()

    def close(self) -> None:
        with self._taking:
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.kill()
            spare.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            (sys.executable, "-P", "-c", _WORKER, json.dumps(sys.path), json.dumps(self._modules)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
        )


_launchers: dict[bool, Launcher] = {}
_choosing = threading.Lock()


def launcher(*, torch: bool) -> Launcher:
    """The process-wide launcher of workers with torch loaded, or of small ones without it."""
    with _choosing:
        if torch not in _launchers:
            needed, wished = (TORCH, TORCH_WISHES) if torch else (PLAIN, ())
            forks = sys.platform.startswith("linux")
            _launchers[torch] = ForkLauncher(needed, wished) if forks else SpawnLauncher(needed)
            atexit.register(_launchers[torch].close)
        return _launchers[torch]
