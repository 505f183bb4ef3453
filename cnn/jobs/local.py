"""The engine on this machine: bounded fair queues, one worker process a job, a watchman for every limit."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import fmean
from typing import Any

from cnn.jobs.fair_queue import FairQueue
from cnn.jobs.faults import JobFault, QueueFull
from cnn.jobs.job import Job, JobOptions
from cnn.jobs.launch import Launcher, launcher
from cnn.jobs.outcome import lost_worker_fault
from cnn.jobs.run import Run, default_memory
from cnn.jobs.transport import encode

_log = logging.getLogger(__name__)

QUEUE_LIMIT = 20
CANCEL_GRACE = 0.35  # s for a generator to reach its next yield before its worker is killed
WATCH_INTERVAL = 0.1  # s
PAUSED_WITHOUT_SLOT = 4
_REMEMBERED_DURATIONS = 20


def default_slots(cores: int | None = None) -> int:
    """Jobs at a time on the CPU: half of the cores, so that interactive work keeps the others."""
    return max(1, (cores or os.cpu_count() or 1) // 2)


class LocalEngine:
    """Runs each job in a process of its own on this machine (see `Engine`).

    Args:
        slots: jobs at a time by device; a device that is not named has `default_slots()` if "cpu", else 1.
        queue_limit: jobs that may wait, over all devices.
        workers: where processes come from.
    """

    def __init__(
        self,
        slots: Mapping[str, int] | None = None,
        *,
        queue_limit: int = QUEUE_LIMIT,
        workers: Launcher | None = None,
    ) -> None:
        self._slots = {"cpu": default_slots(), **(slots or {})}
        self._queue_limit = queue_limit
        self._launcher: Launcher = workers or launcher(torch=True)
        self._changed = threading.Condition(threading.RLock())
        self._queues: dict[str, FairQueue[Run]] = {}
        self._queued: dict[str, Run] = {}
        self._active: dict[str, Run] = {}
        self._durations: dict[str, list[float]] = {}
        self._left: dict[str, float] = {}
        self._closed = False
        self._watchman: threading.Thread | None = None

    def submit(
        self, function: Callable[..., Iterator[Any]], parameters: Mapping[str, Any], options: JobOptions
    ) -> Job:
        job = Job(function.__name__, options, self)
        run = Run(job, function.__module__, encode((function, dict(parameters), options.oom_fallbacks)))
        with self._changed:
            if self._closed:
                raise RuntimeError("wanted a running engine, got one that has been shut down")
            waiting, replaced = self._older_heavy(job)
            if len(self._queued) - (waiting is not None) >= self._queue_limit and not self._has_room(job):
                raise QueueFull(self._queue_limit)
            queue = self._queues.setdefault(job.device, FairQueue())
            if waiting is not None and waiting.job.device == job.device:
                queue.replace(job.session, waiting, run)
                del self._queued[waiting.job.id]
                waiting.job.enter("cancelled")
            else:
                queue.push(job.session, run)
                if waiting is not None:
                    self._cancel(waiting)
            self._queued[job.id] = run
            for other in replaced:
                self._cancel(other)
            self._left.pop(job.session, None)
            self._dispatch()
            self._watch()
        return job

    def jobs(self, session: str | None = None) -> tuple[Job, ...]:
        """The jobs that wait or run, of one session or of all."""
        with self._changed:
            runs = (*self._active.values(), *self._queued.values())
        return tuple(run.job for run in runs if not run.job.done and session in (None, run.job.session))

    def worker_ids(self) -> tuple[int, ...]:
        """Process ids of the workers there are, those being ended included."""
        with self._changed:
            return tuple(run.worker.pid for run in self._active.values() if run.worker is not None)

    def touch(self, session: str) -> None:
        with self._changed:
            self._left.pop(session, None)
            now = time.monotonic()
            for job in self.jobs(session):
                job.touched = now

    def leave(self, session: str) -> None:
        with self._changed:
            if self.jobs(session):
                self._left[session] = time.monotonic()

    def cancel_session(self, session: str) -> None:
        with self._changed:
            for job in self.jobs(session):
                self.command(job, "cancel")

    def warm(self) -> None:
        threading.Thread(target=self._launcher.start, daemon=True).start()

    def shutdown(self) -> None:
        """End every job and process; no more are taken."""
        with self._changed:
            self._closed = True
            for job in self.jobs():
                self.command(job, "cancel")
            for run in self._active.values():
                run.kill()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._active, timeout=5)
        self._launcher.close()

    def command(self, job: Job, name: str, message: Any = None) -> None:
        """What a job's handle asks for; nothing happens to a job that has ended."""
        frames = encode(message) if name == "send" else ()
        with self._changed:
            if name == "touch":
                self._left.pop(job.session, None)
                return
            run = self._active.get(job.id) or self._queued.get(job.id)
            if run is None or job.done:
                return
            if name == "cancel":
                return self._cancel(run)
            if name == "hand_over":
                return self._hand_over(run, str(message))
            run.tell(name, frames)
            if name in ("pause", "resume"):
                run.pause(name == "pause")
                self._dispatch()

    def _hand_over(self, run: Run, session: str) -> None:
        queue = self._queues[run.job.device]
        if queue.remove(run.job.session, run):
            queue.push(session, run)
        run.job.session = session
        self._left.pop(session, None)

    def position(self, job: Job) -> int:
        with self._changed:
            if job.id not in self._queued:
                return 0
            order = self._queues[job.device].in_order()
            return next(place for place, run in enumerate(order, 1) if run.job is job)

    def estimated_wait(self, job: Job) -> float | None:
        with self._changed:
            place = self.position(job)
            if not place:
                return 0.0
            ahead = [run.job for run in self._queues[job.device].in_order()[: place - 1]]
            running = [
                run.job for run in self._active.values() if run.job.device == job.device and not run.job.done
            ]
            times = [self._remaining(other) for other in (*running, *ahead)]
            known = [seconds for seconds in times if seconds is not None]
            if times and not known:
                return None
            return sum(known) / len(known) * len(times) / self._slots_of(job.device) if known else 0.0

    def _remaining(self, job: Job) -> float | None:
        if job.eta is not None:
            return job.eta
        seen = self._durations.get(job.kind)
        return max(0.0, fmean(seen) - job.elapsed) if seen else None

    def _slots_of(self, device: str) -> int:
        return self._slots.get(device, 1)

    def _has_room(self, job: Job) -> bool:
        queue = self._queues.get(job.device)
        return not queue and self._busy(job.device) < self._slots_of(job.device)

    def _busy(self, device: str) -> int:
        """Slots taken. A few paused jobs give theirs up; those being ended keep it until they are gone."""
        runs = [run for run in self._active.values() if run.job.device == device]
        paused = sum(run.job.state == "paused" for run in runs)
        return len(runs) - min(paused, PAUSED_WITHOUT_SLOT)

    def _older_heavy(self, job: Job) -> tuple[Run | None, list[Run]]:
        """The session's heavy job that waits, and those that run, all to give way to `job`."""
        if not job.options.heavy or not job.session:
            return None, []

        def older(runs: Mapping[str, Run]) -> list[Run]:
            return [run for run in runs.values() if run.job.session == job.session and run.job.options.heavy]

        return next(iter(older(self._queued)), None), older(self._active)

    def _dispatch(self) -> None:
        """Start what may start. Call with the lock held."""
        taken = {
            run.job.session for run in self._active.values() if run.job.options.heavy and run.job.session
        }
        for device, queue in self._queues.items():
            while not self._closed and self._busy(device) < self._slots_of(device):
                run = queue.pop(lambda r: not (r.held or (r.job.options.heavy and r.job.session in taken)))
                if run is None:
                    break
                del self._queued[run.job.id]
                self._active[run.job.id] = run
                if run.job.options.heavy and run.job.session:
                    taken.add(run.job.session)
                threading.Thread(target=self._follow, args=(run,), daemon=True).start()
        self._share_threads()

    def _allowance(self) -> int:
        """Threads for each job: all cores but one, shared by those at work."""
        with self._changed:
            working = sum(run.job.state in ("queued", "running") for run in self._active.values())
        return max(1, ((os.cpu_count() or 1) - 1) // max(1, working))

    def _share_threads(self) -> None:
        count = self._allowance()
        for run in self._active.values():
            run.tell("threads", (), {"count": count})

    def _follow(self, run: Run) -> None:
        """One job from its start to the end of its process; runs on a thread of its own."""
        job = run.job
        try:
            fault = run.follow(self._launcher, self._allowance)
        except Exception:
            fault = lost_worker_fault(None)
            _log.exception("job %s (%s) was lost [%s]", job.id, job.kind, fault.log_id)
            run.kill()
        with self._changed:
            if job.enter("failed" if fault else "finished", fault) and fault is None:
                seen = self._durations.setdefault(job.kind, [])
                seen.append(job.elapsed)
                del seen[:-_REMEMBERED_DURATIONS]
            del self._active[job.id]
            self._dispatch()
            self._changed.notify_all()

    def _cancel(self, run: Run, fault: JobFault | None = None) -> None:
        """Ask nicely, and have the watchman kill what does not listen. Call with the lock held."""
        if not run.job.enter("failed" if fault else "cancelled", fault):
            return
        if self._queued.pop(run.job.id, None):
            self._queues[run.job.device].remove(run.job.session, run)
            return
        run.kill_at = time.monotonic() + CANCEL_GRACE
        run.tell("cancel", ())
        self._watch()
        self._changed.notify_all()

    def _watch(self) -> None:
        if self._watchman is None or not self._watchman.is_alive():
            self._watchman = threading.Thread(target=self._guard, daemon=True, name="jobs-watchman")
            self._watchman.start()

    def _guard(self) -> None:
        """Enforce the limits until nothing is left to watch."""
        with self._changed:
            while self._active or self._queued:
                now = time.monotonic()
                for run in tuple(self._active.values()):
                    self._check_limits(run, now)
                for run in (*self._active.values(), *self._queued.values()):
                    fate = run.fate(self._left.get(run.job.session), now)
                    if fate == "end":
                        _log.info("job %s (%s) ends: nobody is looking", run.job.id, run.job.kind)
                        self._cancel(run)
                    elif run.hold(fate == "hold"):
                        self._dispatch()
                self._changed.wait(WATCH_INTERVAL)
            self._left.clear()
            self._watchman = None

    def _check_limits(self, run: Run, now: float) -> None:
        if run.kill_at is not None:
            if now >= run.kill_at:
                run.kill()
            return
        fault = run.broken_limit(default_memory(self._slots_of(run.job.device)))
        if fault is not None:
            _log.warning("job %s (%s) stopped: %s", run.job.id, run.job.kind, fault.text())
            self._cancel(run, fault)
            if fault.code == "memory":
                run.kill()
