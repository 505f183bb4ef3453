"""One job and its worker process, from the launch to the exit status."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, Literal

from cnn.jobs.faults import JobFault, Notice, memory_in_words, new_log_id, seconds_in_words
from cnn.jobs.job import Job
from cnn.jobs.launch import Launcher, Worker
from cnn.jobs.outcome import lost_worker_fault, reported_fault
from cnn.jobs.sandbox import own_memory
from cnn.jobs.transport import Frames

_log = logging.getLogger(__name__)

LEAVE_GRACE = 1.2  # s between `leave` and the end; with the grace of a cancellation and an exit below 2 s

_Command = tuple[str, Mapping[str, Any] | None, Frames]


class Run:
    """What the local engine knows of a job. `kill_at` is the moment at which a cancelled one is no longer
    waited for; one that is `held` is not begun.
    """

    def __init__(self, job: Job, module: str, payload: Frames) -> None:
        self.job = job
        self.worker: Worker | None = None
        self.kill_at: float | None = None
        self._module = module
        self._payload = payload
        self.held = self._paused = False
        self._baseline: int | None = None
        self._entering = threading.Lock()
        self._commands: SimpleQueue[_Command | None] = SimpleQueue()

    def tell(self, name: str, frames: Frames, details: Mapping[str, Any] | None = None) -> None:
        """Pass a command on as soon as there is a worker to read it; never blocks."""
        self._commands.put((name, details, frames))

    def pause(self, paused: bool) -> None:
        with self._entering:
            self._paused = paused
            if self.job.state != "queued":
                self.job.enter("paused" if paused else "running")

    def fate(self, left: float | None, now: float) -> Literal["stay", "hold", "end"]:
        """What becomes of it at `now`, where its session has been gone since `left`."""
        options, away = self.job.options, 0.0 if left is None else now - left
        patience = options.abandon_after
        if self.job.done:
            return "stay"
        if away > max(LEAVE_GRACE, options.held_for) or (
            patience is not None and now - self.job.touched > patience
        ):
            return "end"
        return "hold" if away > LEAVE_GRACE else "stay"

    def hold(self, held: bool) -> bool:
        """Let it rest while nobody is there, or go on; one that a person paused stays so. True if that changed it."""
        if held == self.held or self.job.done or (held and self._paused):
            return False
        self.held = held
        self.tell("pause" if held else "resume", ())
        self.pause(held)
        return True

    def kill(self) -> None:
        if self.worker is not None:
            self.worker.kill()

    def broken_limit(self, default_memory: int) -> JobFault | None:
        """The limit of memory or time that the worker is above, if any."""
        if self.worker is None:
            return None
        limit = self.job.options.memory_limit or default_memory
        held = own_memory(self.worker.pid)
        if held is not None and self._baseline is not None and held - self._baseline > limit:
            return JobFault("memory", {"limit": memory_in_words(limit)}, new_log_id())
        if self.job.elapsed > self.job.time_limit:
            return JobFault("time_limit", {"limit": seconds_in_words(self.job.time_limit)}, new_log_id())
        return None

    def follow(self, source: Launcher, threads: Callable[[], int]) -> JobFault | None:
        """Launch a worker, hand it the job, pass on what it says, and wait for its end. None if all went
        well.
        """
        fault: JobFault | None
        try:
            worker = source.launch()
        except OSError as error:
            fault = lost_worker_fault(None)
            _log.error("%s could not begin: %s [%s]", self._name(), error, fault.log_id)
            return fault
        self.worker = worker
        details = {"threads": threads(), "history": self.job.options.history}
        with self._entering:
            entered = self.job.enter("paused" if self._paused else "running")
        if entered:
            threading.Thread(target=self._write, args=(worker, details), daemon=True).start()
            finished, fault = self._read(worker)
        else:
            finished, fault = False, None  # cancelled meanwhile
        status = worker.end()
        self._commands.put(None)
        source.preload(self._module)
        if finished or fault is not None or self.job.done:
            return fault
        fault = lost_worker_fault(status)
        _log.error("%s lost its worker, status %s [%s]", self._name(), status, fault.log_id)
        return fault

    def _name(self) -> str:
        return f"job {self.job.id} ({self.job.kind})"

    def _read(self, worker: Worker) -> tuple[bool, JobFault | None]:
        while True:
            try:
                kind, details, frames = worker.channel.receive()
            except OSError:
                return False, None
            if kind == "record":
                self.job.accept_record(details["index"], details["fraction"], frames)
            elif kind == "started":
                self._baseline = own_memory(worker.pid)
            elif kind == "notice":
                self.job.accept_notice(Notice(details["code"], details["details"]))
            elif kind == "failed":
                return False, reported_fault(details, self._name())
            elif kind == "finished":
                return True, None

    def _write(self, worker: Worker, details: Mapping[str, Any]) -> None:
        """The job, then the commands as they come; on a thread of its own, so that a stuck worker blocks
        nobody.
        """
        command: _Command | None = ("job", details, self._payload)
        self._payload = ()
        while command is not None:
            try:
                worker.channel.send(*command)
            except (OSError, ValueError):
                return  # it has ended: the reader notices
            command = self._commands.get()


def default_memory(slots: int) -> int:
    """Bytes a worker may hold: its share of half the machine's memory, at least 1 GB."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        total = 8 << 30
    return max(1 << 30, total // 2 // slots)
