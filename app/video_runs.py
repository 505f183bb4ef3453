"""Videos that are being worked off, or were: one run for each screen of a session, its frames on disk.

A page that is reloaded comes back as another session. Its tab remembers the run's key, which nobody can guess, and with it
the new session takes the run over; a run whose tab is open stays with that tab. While nobody is there its job rests.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from app.session import is_connected
from app.uploads import default_folder
from cnn.frame_file import FrameParts, FrameReader, exported, recorded
from cnn.jobs import Job, JobOptions, submit

MAX_RUNS = 60
TOTAL_BYTES = 4_000_000_000
"""Of the frames and videos of all runs; those that nobody has looked at for longest go first."""
HELD_SECONDS = 30.0
"""A job that is not done waits so long for its tab, at rest; then it is cancelled, and the frames so far are kept."""
LEFT_SECONDS = 600.0
"""A run is kept so long after its tab was closed, for who reloads the page."""
OLD_SECONDS = 24 * 3600.0
"""A run that nobody has looked at for so long goes, even where its tab is open."""
MP4 = "result.mp4"


class OpenElsewhere(Exception):
    """The tab that the run belongs to is still open."""


Draw = Callable[[Tensor, bytes, Mapping[str, Any]], Tensor]


@dataclass(slots=True, eq=False)
class VideoRun:
    """One run.

    `facts`: what the page wants to say of it; `draw`: how a result goes into a picture for the MP4; `seen`: when its
    frames were asked for last; `present`: when its tab was last known to be open.
    """

    key: str
    session: str
    slug: str
    folder: Path
    job: Job
    draw: Draw
    facts: dict[str, Any] = field(default_factory=dict)
    export: Job | None = None
    seen: float = field(default_factory=time.monotonic)
    present: float = field(default_factory=time.monotonic)

    @property
    def frames(self) -> FrameReader:
        """The frames so far."""
        return FrameReader(self.folder)

    @property
    def mp4(self) -> Path | None:
        """The drawn video, once it is whole."""
        path = self.folder / MP4
        return (
            path if self.export is not None and self.export.state == "finished" and path.is_file() else None
        )

    def start_export(self, parameters: Mapping[str, Any]) -> None:
        """Draw every frame with `parameters` and write the MP4. Raises: QueueFull."""
        if self.export is not None:
            self.export.cancel()
        with suppress(OSError):
            (self.folder / MP4).unlink(missing_ok=True)
        self.export = submit(
            exported, options=_options(self.session, "video_export"), folder=str(self.folder),
            target=str(self.folder / MP4), draw=self.draw, parameters=dict(parameters),
        )  # fmt: skip

    @property
    def bytes(self) -> int:
        """What it takes on the disk."""
        total = 0
        with suppress(OSError):
            for path in self.folder.iterdir():
                with suppress(OSError):
                    total += path.stat().st_size
        return total

    def hand_over(self, session: str) -> None:
        """From now on it is `session`'s."""
        for job in (self.job, self.export):
            if job is not None and not job.done:
                job.hand_over(session)
        self.session = session
        self.seen = self.present = time.monotonic()

    def end(self) -> None:
        """Stop what still runs and forget the frames."""
        for job in (self.job, self.export):
            if job is not None and not job.done:
                job.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)


def _options(session: str, kind: str, device: str = "cpu") -> JobOptions:
    return JobOptions(session=session, kind=kind, device=device, held_for=HELD_SECONDS)


class VideoRuns:
    """Every run by its key, oldest first. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._runs: dict[str, VideoRun] = {}
        self._swept = False

    def start(
        self,
        session: str,
        slug: str,
        *,
        video: Callable[..., Generator[Any, Any, None]],
        encode: Callable[[Any], FrameParts],
        draw: Draw,
        parameters: Mapping[str, Any],
        facts: Mapping[str, Any] | None = None,
        device: str = "cpu",
    ) -> VideoRun:
        """Begin a run; the session's run before it on this screen is ended.

        `video`, `encode`, `draw` as `cnn.frame_file` wants them: at module level under cnn/.

        Raises:
            QueueFull: the server has enough to do. OSError: no folder can be made for the frames.
        """
        self.sweep(room=1)
        key = "r-" + secrets.token_urlsafe(16)
        folder = self._folder / key
        folder.mkdir(parents=True, mode=0o700)
        try:
            job = submit(
                recorded, options=_options(session, "video", device), folder=str(folder),
                video=video, encode=encode, parameters=dict(parameters),
            )  # fmt: skip
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        run = VideoRun(key, session, slug, folder, job, draw, dict(facts or {}))
        with self._lock:
            before = [r for r in self._runs.values() if (r.session, r.slug) == (session, slug)]
            self._runs[key] = run
        for other in before:
            self._forget(other)
        return run

    def get(self, session: str, key: str) -> VideoRun | None:
        """The run under `key` if `session` began it and it is still kept."""
        run = self._runs.get(key)
        if run is None or run.session != session:
            return None
        run.seen = time.monotonic()
        return run

    def take_over(self, session: str, key: str, slug: str) -> VideoRun | None:
        """The run under `key` on the screen `slug`, which is `session`'s from now on; None if it is gone.

        Where the session has begun another on that screen, the newer one stands and this one is forgotten.

        Raises:
            OpenElsewhere: the tab that it belongs to is open.
        """
        with self._lock:
            run = self._runs.get(key)
            if run is None or run.slug != slug:
                return None
            if run.session != session:
                if is_connected(run.session):
                    raise OpenElsewhere
                newer = any((r.session, r.slug) == (session, slug) for r in self._runs.values())
                if not newer:
                    run.hand_over(session)
        if run.session != session:
            self._forget(run)
            return None
        run.seen = run.present = time.monotonic()
        return run

    def of_screen(self, session: str, slug: str) -> VideoRun | None:
        """The run of `session` on the screen `slug`, if there is one."""
        with self._lock:
            return next((r for r in self._runs.values() if (r.session, r.slug) == (session, slug)), None)

    def _forget(self, run: VideoRun) -> None:
        with self._lock:
            self._runs.pop(run.key, None)
        run.end()

    def sweep(self, *, room: int = 0) -> None:
        """Forget what is old, left or too much, so that `room` more runs fit."""
        now = time.monotonic()
        for run in list(self._runs.values()):
            if is_connected(run.session):
                run.present = now
            if now - run.present > LEFT_SECONDS or now - run.seen > OLD_SECONDS:
                self._forget(run)
        kept = sorted(self._runs.values(), key=lambda run: (run.present, run.seen), reverse=True)
        total = 0
        for place, run in enumerate(kept):
            total += run.bytes
            if place >= MAX_RUNS - room or total > TOTAL_BYTES:
                self._forget(run)
        if not self._swept:
            with suppress(OSError):
                for left in self._folder.iterdir():  # by a server that was killed
                    if left.name not in self._runs and time.time() - left.stat().st_mtime > OLD_SECONDS:
                        shutil.rmtree(left, ignore_errors=True)
        self._swept = True


RUNS = VideoRuns(default_folder().parent / "runs")
