"""One call in a process of its own, for bytes nobody should trust: bounded in time and memory, and shut
in.
"""

import os
import pickle
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cnn.jobs.engine import check_function
from cnn.jobs.faults import JobFault, WorkerError, memory_in_words, new_log_id, seconds_in_words
from cnn.jobs.launch import Launcher, launcher
from cnn.jobs.outcome import lost_worker_fault, reported_fault
from cnn.jobs.transport import Frames, decode, encode

T = TypeVar("T")

_START_ALLOWANCE = 20.0  # s for a first worker to load the function's module; not counted as the call's time
_NOTHING: tuple[str, Mapping[str, Any], Frames] = ("", {}, ())
_at_once = threading.BoundedSemaphore(max(4, 2 * (os.cpu_count() or 1)))


def run_in_worker(
    function: Callable[..., T],
    *arguments: Any,
    timeout: float = 5.0,
    memory: int = 300 << 20,
    torch: bool = False,
    sandbox: bool = True,
    errors: tuple[type[Exception], ...] = (),
    **keywords: Any,
) -> T:
    """`function(*arguments, **keywords)`, computed by a worker process that may hang, burst or crash.

    Args:
        function: at the top level of an importable module.
        timeout: seconds of the call, after which its process is killed.
        memory: bytes it may take in addition to what a fresh worker holds.
        torch: fork the worker from a process that has torch loaded (wanted if the function's module imports
            it); without, from a small one (numpy and
            Pillow).
        sandbox: (Linux) the call can read files, but neither write one, run a program, open a socket nor
            touch another
            process; and of its result only plain data, arrays and tensors are accepted.
        errors: exceptions to raise here as they were there, by their message; all others become WorkerError.

    Raises:
        WorkerError: .code is "timeout", "memory", "crashed" or "failed".
    """
    check_function(function)
    source = launcher(torch=torch)
    details = {"sandbox": sandbox, "memory": memory, "timeout": timeout}
    payload = encode((function, arguments, keywords))
    with _at_once:
        kind, report, frames, status, late = _exchange(source, details, payload, timeout)
    source.preload(function.__module__)
    if kind == "finished":
        try:
            return decode(frames, trusted=not sandbox)
        except (pickle.UnpicklingError, ValueError, TypeError, EOFError, AttributeError) as error:
            kind, report = "failed", {"exception": type(error).__name__, "traceback": str(error)}
    if kind == "failed":
        _raise_known(report, errors)
        if report.get("memory"):
            raise WorkerError(JobFault("memory", {"limit": memory_in_words(memory)}, new_log_id()))
        raise WorkerError(reported_fault(report, f"call of {function.__name__}"))
    if late:
        raise WorkerError(JobFault("timeout", {"limit": seconds_in_words(timeout)}, new_log_id()))
    raise WorkerError(lost_worker_fault(status))


def _exchange(
    source: Launcher, details: Mapping[str, Any], payload: Frames, timeout: float
) -> tuple[str, Mapping[str, Any], Frames, int, bool]:
    """Run the call: the kind of its last message ("" if none), the details and frames, the exit status,
    whether late.
    """
    worker = source.launch()
    late = threading.Event()

    def stop() -> None:
        late.set()
        worker.kill()

    kind, report, frames = _NOTHING
    alarm = threading.Timer(_START_ALLOWANCE, stop)
    alarm.start()
    try:
        worker.channel.send("call", details, payload)
        worker.channel.receive()  # "started": what was loading until now was not the call's fault
        alarm.cancel()
        alarm = threading.Timer(timeout, stop)
        alarm.start()
        kind, report, frames = worker.channel.receive()
    except OSError:
        pass  # the worker ended or was ended; its status tells which
    finally:
        alarm.cancel()
        status = worker.end()
    return kind, report, frames, status, late.is_set()


def _raise_known(report: Mapping[str, Any], errors: tuple[type[Exception], ...]) -> None:
    by_name = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in errors}
    for name in report.get("classes", ()):
        if name in by_name:
            raise by_name[name](str(report.get("message", "")))
