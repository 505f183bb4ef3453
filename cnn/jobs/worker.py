"""What runs inside a worker process: one job, or one call, then the end."""

import logging
import os
import pickle
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import Any

from cnn.jobs.faults import Notice
from cnn.jobs.oom import choice_in_words, is_out_of_memory, release_memory
from cnn.jobs.sandbox import limit_resources, refuse_system_calls, yield_priority
from cnn.jobs.transport import Channel, Frames, decode, encode

NICENESS = {"job": 5, "call": 2}  # a person waits for a call
_NO_MEMORY = "can't allocate memory"  # torch's CPU allocator says it with a RuntimeError
_SHOWN_INTERVAL = 1 / 30  # s; faster than this nobody looks at single records
_WAITING_RECORDS = 8
_COUNTS = (("step", "steps"), ("epoch", "epochs"), ("frame", "frames"))


def serve(channel: Channel) -> None:
    """Do the one thing the server asks for, then end the process."""
    try:
        kind, details, frames = channel.receive()
        yield_priority(NICENESS[kind])
        if kind == "job":
            _JobRun(channel, details).run(frames)
        elif kind == "call":
            _call(channel, details, frames)
    except OSError:
        pass  # the server is gone: there is nobody to tell
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


def set_threads(count: int) -> None:
    """Threads for one operation, of torch (if it is loaded, or loaded later) and of what reads
    OMP_NUM_THREADS.
    """
    os.environ["OMP_NUM_THREADS"] = str(count)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def _failure(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    return {
        "exception": kind.__qualname__,
        "classes": [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__],
        "message": str(error)[:2000],
        "traceback": "".join(traceback.format_exception(error))[-20_000:],
        "memory": isinstance(error, MemoryError) or _NO_MEMORY in str(error),
        "gpu_memory": is_out_of_memory(error),
        "for_people": isinstance(error, ValueError),
    }


def _call(channel: Channel, details: Mapping[str, Any], frames: Frames) -> None:
    try:
        set_threads(1)
        sys.dont_write_bytecode = True
        function, arguments, keywords = decode(frames)
        if details["sandbox"]:
            limit_resources(details["memory"], details["timeout"])
            refuse_system_calls()
        channel.send("started")
        answer = encode(function(*arguments, **keywords))
    except Exception as error:
        channel.send("failed", _failure(error))
        return
    channel.send("finished", {}, answer)


class _Outbox(threading.Thread):
    """Sends records without making the work wait: the newest at a rate for the eye, or each of them."""

    def __init__(self, channel: Channel, every: bool) -> None:
        super().__init__(daemon=True)
        self._channel = channel
        self._every = every
        self._waiting: deque[tuple[dict[str, Any], Frames]] = deque(maxlen=None if every else 1)
        self._changed = threading.Condition()
        self._closing = False
        self.start()

    def put(self, details: dict[str, Any], frames: Frames) -> None:
        with self._changed:
            if self._every:
                self._changed.wait_for(lambda: len(self._waiting) < _WAITING_RECORDS)
            self._waiting.append((details, frames))
            self._changed.notify_all()

    def close(self) -> None:
        """Send what waits, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self.join()

    def run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                details, frames = self._waiting.popleft()
                self._changed.notify_all()
            try:
                self._channel.send("record", details, frames)
            except OSError:
                os._exit(1)
            if not self._every:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, _SHOWN_INTERVAL)


class _JobRun:
    """Drives a generator under the server's commands, which arrive on a thread of their own."""

    def __init__(self, channel: Channel, details: Mapping[str, Any]) -> None:
        self._channel = channel
        self._outbox = _Outbox(channel, every=details["history"] > 0)
        self._changed = threading.Condition()
        self._messages: deque[Any] = deque()
        self._paused = False
        self._steps = 0
        self._cancelled = False
        self._threads: int = details["threads"]
        self._index = 0

    def run(self, frames: Frames) -> None:
        try:
            set_threads(self._threads)
            function, parameters, fallbacks = decode(frames)
            threading.Thread(target=self._obey, daemon=True).start()
            self._channel.send("started")
            self._tries(function, parameters, fallbacks)
        except Exception as error:
            self._outbox.close()
            self._channel.send("failed", _failure(error))
        else:
            self._outbox.close()
            self._channel.send("finished")

    def _tries(
        self, function: Callable[..., Any], parameters: dict[str, Any], fallbacks: tuple[Any, ...]
    ) -> None:
        choices = ({}, *fallbacks)
        for number, choice in enumerate(choices):
            try:
                self._drive(function(**{**parameters, **choice}))
                return
            except Exception as error:
                if not is_out_of_memory(error) or number + 1 == len(choices):
                    raise
            release_memory()
            self._notify(Notice("oom_retry", {"choice": choice_in_words(choices[number + 1])}))

    def _drive(self, generator: Generator[Any, Any, None]) -> None:
        message: Any = None
        try:
            while True:
                try:
                    record = generator.send(message)
                except StopIteration:
                    return
                if isinstance(record, Notice):
                    self._notify(record)
                else:
                    self._index += 1
                    details = {"index": self._index, "fraction": fraction_done(record)}
                    self._outbox.put(details, encode(record))
                go_on, message = self._gate()
                if not go_on:
                    return
        finally:
            generator.close()

    def _notify(self, notice: Notice) -> None:
        self._channel.send("notice", {"code": notice.code, "details": dict(notice.details)})

    def _gate(self) -> tuple[bool, Any]:
        """Wait while paused; then whether to go on, and the message that waits."""
        with self._changed:
            self._changed.wait_for(lambda: not self._paused or self._steps or self._cancelled)
            if self._paused and self._steps:
                self._steps -= 1
            threads, self._threads = self._threads, 0
            message = self._messages.popleft() if self._messages else None
            go_on = not self._cancelled
        if threads:
            set_threads(threads)
        return go_on, message

    def _obey(self) -> None:
        while True:
            try:
                command, details, frames = self._channel.receive()
                message = decode(frames) if frames else None
            except (OSError, pickle.UnpicklingError):
                os._exit(1)  # the server is gone
            with self._changed:
                if command == "send":
                    self._add(message)
                elif command == "step":
                    self._steps += 1
                elif command == "threads":
                    self._threads = details["count"]
                elif command == "cancel":
                    self._cancelled = True
                else:
                    self._paused = command == "pause"
                    self._steps = 0
                self._changed.notify_all()

    def _add(self, message: Any) -> None:
        if self._messages and isinstance(message, dict) and isinstance(self._messages[-1], dict):
            self._messages[-1] = {**self._messages[-1], **message}
        else:
            self._messages.append(message)


def fraction_done(record: Any) -> float | None:
    """How far a record says the work is, 0 to 1, from its count (step of steps, epoch of epochs, frame of
    frames).
    """
    for count, total in _COUNTS:
        if hasattr(record, count) and hasattr(record, total):
            wanted = getattr(record, total)
            return min(1.0, max(0.0, getattr(record, count) / wanted)) if wanted else None
    return None


def serve_standard_streams(modules: list[str]) -> None:
    """A worker started as a program of its own: talk over stdin and stdout, print to stderr."""
    reader = os.fdopen(os.dup(0), "rb", buffering=0)
    writer = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    set_threads(1)
    for module in modules:
        __import__(module)
    serve(Channel(reader, writer))
