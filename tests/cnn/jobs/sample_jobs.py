"""Generator functions and calls for the tests: well-behaved, deaf, greedy, deadly."""

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn.jobs import Notice


@dataclass(frozen=True, slots=True)
class Count:
    step: int
    steps: int
    message: Any = None
    pid: int = 0
    sent_at: float = 0.0


def counting(steps: int, delay: float = 0.01) -> Generator[Count, Any, None]:
    message = None
    for step in range(1, steps + 1):
        time.sleep(delay)
        message = yield Count(step, steps, message, os.getpid(), time.monotonic())


def remembering(steps: int, delay: float = 0.05) -> Generator[tuple[Any, ...], Any, None]:
    seen: tuple[Any, ...] = ()
    for _ in range(steps):
        time.sleep(delay)
        message = yield seen
        seen = seen if message is None else (*seen, message)


def deaf(seconds: float = 60.0) -> Generator[Count, Any, None]:
    yield Count(1, 2, None, os.getpid())
    time.sleep(seconds)
    yield Count(2, 2)


def never_yielding() -> Generator[Count, Any, None]:
    sum(range(10**12))  # one call in C that lets no other thread run
    yield Count(1, 1)


def failing(text: str) -> Generator[Count, Any, None]:
    yield Count(1, 2)
    raise ValueError(text)


def dividing() -> Generator[Count, Any, None]:
    yield Count(1 // 0, 1)


def dying(signal_number: int) -> Generator[Count, Any, None]:
    yield Count(1, 2)
    time.sleep(0.1)
    os.kill(os.getpid(), signal_number)
    time.sleep(60)


def growing(step_bytes: int) -> Generator[int, Any, None]:
    held = []
    while True:
        held.append(b"x" * step_bytes)
        time.sleep(0.02)
        yield len(held)


def reporting() -> Generator[dict[str, Any], Any, None]:
    yield {
        "nice": os.nice(0),
        "threads": os.environ["OMP_NUM_THREADS"],
        "tasks": len(os.listdir("/proc/self/task")),
        "adjusted": Path("/proc/self/oom_score_adj").read_text().strip(),
    }


def noticing() -> Generator[Any, Any, None]:
    yield Notice("oom_retry", {"choice": "size 8"})
    yield "after"


def full_above(size: int) -> Generator[Any, Any, None]:
    import torch

    yield ("trying", size)
    if size > 100:
        raise torch.OutOfMemoryError("CUDA out of memory (pretended)")
    yield ("fits", size)


def using_threads(count: int) -> Generator[tuple[int, float], Any, None]:
    import torch

    torch.set_num_threads(count)
    ones = torch.ones(1, 8, 256, 256)
    total = torch.nn.functional.conv2d(ones, torch.ones(8, 8, 3, 3)).mean().item()
    yield torch.get_num_threads(), total + (torch.ones(600, 600) @ torch.ones(600, 600)).mean().item()


def changing_array(steps: int) -> Generator[Any, Any, None]:
    import numpy as np

    values = np.zeros(50_000, np.int64)
    for _ in range(steps):
        yield values
        values += 1


def returned(value: Any) -> Any:
    return value


def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def crash() -> None:
    ctypes.string_at(0)


def hold(size: int) -> int:
    return len(bytearray(size))


def complain(text: str) -> None:
    raise ValueError(text)


class Payload:
    """A pickle that would write a file where it is opened."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (Path(self.path), "opened")


def hostile(path: str) -> Payload:
    return Payload(path)


def forbidden(what: str, path: str) -> str:
    """Try one thing that a sandboxed call must not do; "refused" if it could not."""
    actions: dict[str, Any] = {
        "write": lambda: Path(path).write_text("x"),
        "remove": lambda: os.unlink(path),
        "rename": lambda: os.rename(path, path + "2"),
        "mode": lambda: os.chmod(path, 0),
        "run": lambda: subprocess.run(["/bin/true"], check=True),
        "exec": lambda: os.execv("/bin/true", ["true"]),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), 0.1),
        "fork": os.fork,
        "signal": lambda: os.kill(os.getppid(), 0),
    }
    try:
        actions[what]()
    except PermissionError:
        return "refused"
    return "done"


def allowed(path: str) -> tuple[str, int]:
    """What a sandboxed call still may do: read a file, start a thread."""
    seen: list[int] = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start()
    thread.join()
    return Path(path).read_text(), len(seen)


def is_alive(pid: int) -> bool:
    """Whether process `pid` runs (one that has ended and waits to be asked does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


SEGMENTATION_FAULT = int(signal.SIGSEGV)
KILLED = int(signal.SIGKILL)
