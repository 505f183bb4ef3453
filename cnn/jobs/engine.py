"""The one engine of the process, and the functions pages call. Another engine (Ray, say) plugs in by
`set_engine`.
"""

import atexit
import importlib
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from cnn.jobs.job import Job, JobOptions


class Engine(Protocol):
    """Runs generator functions somewhere else. Every method is safe from any thread and returns at once."""

    def submit(
        self, function: Callable[..., Iterator[Any]], parameters: Mapping[str, Any], options: JobOptions
    ) -> Job: ...

    def jobs(self, session: str | None = None) -> tuple[Job, ...]: ...

    def touch(self, session: str) -> None: ...

    def leave(self, session: str) -> None: ...

    def cancel_session(self, session: str) -> None: ...

    def warm(self) -> None: ...

    def shutdown(self) -> None: ...


_engine: Engine | None = None
_choosing = threading.Lock()


def get_engine() -> Engine:
    """The engine of this process; a local one with the defaults if none was set."""
    global _engine
    with _choosing:
        if _engine is None:
            from cnn.jobs.local import LocalEngine

            _engine = LocalEngine()
            atexit.register(_engine.shutdown)
        return _engine


def set_engine(engine: Engine | None) -> Engine | None:
    """Use `engine` from now on and return the one before, which the caller shuts down. None: the default,
    when needed.
    """
    global _engine
    with _choosing:
        before, _engine = _engine, engine
        return before


def submit(
    generator_function: Callable[..., Iterator[Any]],
    /,
    *,
    options: JobOptions | None = None,
    **parameters: Any,
) -> Job:
    """Run `generator_function(**parameters)` as a job.

    Args:
        generator_function: of an importable module, at its top level; yields frozen records that can be
            pickled.
            `message = yield record` receives what `Job.send` sent, or None.
        options: whose job, which queue, which bounds.
        parameters: of the function; tensors travel by way of the CPU.

    Raises:
        TypeError: the function is none of that kind, or takes other parameters.
        QueueFull: too many jobs wait.
    """
    check_function(generator_function)
    if not inspect.isgeneratorfunction(generator_function):
        raise TypeError(f"wanted a generator function (one that yields records), got {generator_function!r}")
    inspect.signature(generator_function).bind(**parameters)
    return get_engine().submit(generator_function, parameters, options or JobOptions())


def check_function(function: Callable[..., Any]) -> None:
    """Raises TypeError unless a worker can find `function` by its module and name."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__"):
        raise TypeError(f"wanted a function of an importable module, got {name or function!r} of {module}")
    found = getattr(importlib.import_module(str(module)), name, None)
    if found is not function:
        raise TypeError(f"wanted a function at the top level of its module, got {module}.{name}")


def touch(session: str) -> None:
    """Somebody is looking at this session's jobs."""
    get_engine().touch(session)


def leave(session: str) -> None:
    """The session's page is gone: its jobs end within 2 s, unless the session is touched again before."""
    get_engine().leave(session)


def cancel_session(session: str) -> None:
    """End all jobs of a session now."""
    get_engine().cancel_session(session)


def warm() -> None:
    """Begin to load what workers need, so that the first job starts as quickly as the next. Returns at
    once.
    """
    get_engine().warm()
