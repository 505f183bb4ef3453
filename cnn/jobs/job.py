"""The handle of one piece of long work, the same whichever engine runs it."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import uuid4

from cnn.jobs.faults import JobFault, Notice
from cnn.jobs.transport import Frames, decode

State = Literal["queued", "running", "paused", "finished", "cancelled", "failed"]

ENDED: frozenset[str] = frozenset({"finished", "cancelled", "failed"})
TIME_LIMITS: Mapping[str, float] = {"style": 600.0, "training": 1800.0, "video": 1800.0}
OTHER_TIME_LIMIT = 600.0


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a job is run; what it computes is in its own parameters.

    Attributes:
        session: whose job it is; the queue is fair between sessions. Empty for work of nobody in particular.
        kind: names the time limit and the history that waits are estimated from; the function's name by
            default.
        device: which queue it joins, "cpu", "cuda:0", "mps".
        heavy: of these a session has one; a newer one ends the older.
        time_limit: seconds from start to end, pauses included; by kind if None.
        memory_limit: bytes in addition to what a fresh worker holds (Linux); a share of the machine if None.
        history: how many records are kept. 0 keeps the newest and skips those nobody could have looked at.
        history_bytes: the oldest records go when the kept ones take more than this.
        oom_fallbacks: parameters to replace, one mapping a try, when the accelerator's memory is full.
        abandon_after: seconds without `Job.touch` after which nobody is taken to be looking; None waits for
            `leave`.
        held_for: seconds after `leave` in which it waits, at rest, for its session or the one it is handed to;
            0 ends it at once.
    """

    session: str = ""
    kind: str | None = None
    device: str = "cpu"
    heavy: bool = True
    time_limit: float | None = None
    memory_limit: int | None = None
    history: int = 0
    history_bytes: int = 64 << 20
    oom_fallbacks: tuple[Mapping[str, Any], ...] = ()
    abandon_after: float | None = None
    held_for: float = 0.0


class Controller(Protocol):
    """What a job asks of the engine that runs it."""

    def command(self, job: "Job", name: str, message: Any = None) -> None: ...

    def position(self, job: "Job") -> int: ...

    def estimated_wait(self, job: "Job") -> float | None: ...


class Job:
    """A generator at work somewhere else. Every method returns at once and may be called from any thread."""

    def __init__(self, function_name: str, options: JobOptions, controller: Controller) -> None:
        self.id = uuid4().hex
        self.options = options
        self.kind = options.kind or function_name
        self.session = options.session
        self.device = options.device
        self.submitted = self.touched = time.monotonic()
        self.started: float | None = None
        self.ended: float | None = None
        self.error: JobFault | None = None
        self._controller = controller
        self._changed = threading.Condition()
        self._state: State = "queued"
        self._index = 0
        self._fraction: float | None = None
        self._first: tuple[float, float] | None = None
        self._newest: Any = None
        self._newest_frames: Frames | None = None
        self._history: deque[tuple[int, Frames]] = deque()
        self._history_size = 0
        self._notices: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        return f"<Job {self.kind} {self.id[:8]} {self.state}>"

    @property
    def state(self) -> State:
        return self._state

    @property
    def done(self) -> bool:
        return self._state in ENDED

    @property
    def index(self) -> int:
        """How many records the generator has yielded, as far as known here."""
        return self._index

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self._notices

    @property
    def time_limit(self) -> float:
        return self.options.time_limit or TIME_LIMITS.get(self.kind, OTHER_TIME_LIMIT)

    @property
    def elapsed(self) -> float:
        """Seconds since the work began, 0 while it waits."""
        return 0.0 if self.started is None else (self.ended or time.monotonic()) - self.started

    @property
    def progress(self) -> float | None:
        """0 to 1, if the records say how far they are."""
        return 1.0 if self._state == "finished" else self._fraction

    @property
    def eta(self) -> float | None:
        """Seconds to the end at the pace since the first record; None as long as there is nothing to judge
        by.
        """
        with self._changed:
            if self.done:
                return 0.0
            if self._first is None or self._fraction is None or self._fraction <= self._first[1]:
                return None
            pace = (self._fraction - self._first[1]) / max(time.monotonic() - self._first[0], 1e-6)
            return (1 - self._fraction) / pace

    @property
    def position(self) -> int:
        """1 for the next in the queue; 0 for a job that has left it."""
        return self._controller.position(self)

    @property
    def estimated_wait(self) -> float | None:
        """Seconds until the job begins, from how long such jobs took before; None if none has been seen."""
        return self._controller.estimated_wait(self)

    def latest(self) -> Any:
        """The newest record or None; the same object until there is a newer one."""
        with self._changed:
            if self._newest_frames is not None:
                self._newest, self._newest_frames = decode(self._newest_frames), None
            return self._newest

    def records_since(self, index: int = 0) -> tuple[tuple[int, Any], ...]:
        """The kept records numbered above `index`, oldest first, each with its number."""
        with self._changed:
            kept = [(number, frames) for number, frames in self._history if number > index]
        return tuple((number, decode(frames)) for number, frames in kept)

    def send(self, message: Any) -> None:
        """Steer: the generator's next `yield` returns `message`. Dicts that wait together are merged, the
        later wins.
        """
        self._controller.command(self, "send", message)

    def pause(self) -> None:
        self._controller.command(self, "pause")

    def resume(self) -> None:
        self._controller.command(self, "resume")

    def step(self) -> None:
        """Of a paused job: compute one more record."""
        self._controller.command(self, "step")

    def cancel(self) -> None:
        """End it. The state is "cancelled" at once, the worker gone within half a second, the records
        stay.
        """
        self._controller.command(self, "cancel")

    def hand_over(self, session: str) -> None:
        """It belongs to `session` from now on: a page came back as another one."""
        self._controller.command(self, "hand_over", session)

    def touch(self) -> None:
        """Somebody is looking."""
        self.touched = time.monotonic()
        self._controller.command(self, "touch")

    def wait(self, timeout: float | None = None) -> State:
        """Block until the job has ended or `timeout` seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self.done, timeout)
            return self._state

    def wait_record(self, after: int = 0, timeout: float | None = None) -> Any:
        """Block until a record numbered above `after` is there and return the newest; None at the end or
        time-out.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.done or self._index > after, timeout)
            return self.latest() if self._index > after else None

    def accept_record(self, index: int, fraction: float | None, frames: Frames) -> None:
        """For the engine: record number `index` has come."""
        with self._changed:
            if self.done:
                return
            now = time.monotonic()
            self._index, self._newest_frames = index, frames
            if fraction is not None:
                if self._fraction is None or fraction < self._fraction:
                    self._first = (now, fraction)
                self._fraction = fraction
            self._history.append((index, frames))
            self._history_size += sum(map(len, frames))
            bound = max(1, self.options.history)
            while len(self._history) > bound or (
                len(self._history) > 1 and self._history_size > self.options.history_bytes
            ):
                self._history_size -= sum(map(len, self._history.popleft()[1]))
            self._changed.notify_all()

    def accept_notice(self, notice: Notice) -> None:
        """For the engine."""
        with self._changed:
            self._notices = (*self._notices, notice)
            self._changed.notify_all()

    def enter(self, state: State, error: JobFault | None = None) -> bool:
        """For the engine: change the state. False if the job had already ended; then nothing changes."""
        with self._changed:
            if self.done:
                return False
            now = time.monotonic()
            if state == "running" and self.started is None:
                self.started = now
            if state in ("running", "paused"):
                self._first = None if self._fraction is None else (now, self._fraction)
            if state in ENDED:
                self.ended = now
            self._state, self.error = state, error
            self._changed.notify_all()
            return True
