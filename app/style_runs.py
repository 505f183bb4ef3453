"""Runs of style transfer that browsers follow: the records of a job as small pictures and numbers, by a key of their own.

A run's key is random, so only the page that was given it can ask for its frames.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from cnn.images.encode import jpeg_bytes, to_hwc
from cnn.jobs import Job, JobOptions, submit
from cnn.style.gatys import StyleStep, style_transfer
from cnn.style.reconstruction import LayerReconstruction, layer_reconstructions

KEPT_FRAMES = 160
"""Of longer runs every second, third … picture is kept; the newest always is."""
QUALITY = 90
TRANSFER, LAYERS = "transfer", "layers"
_HISTORY = 96


@dataclass(slots=True, eq=False)
class StyleRun:
    """One run and what has come of it so far. Change it under `lock` only.

    Attributes:
        inputs: what names the pictures; of other pictures it shows nothing.
        content, styles: the pictures as the job got them; `arguments` its settings.
        rows: a step's numbers each. frames: JPEG by step. newest: the last record, its picture exact.
        cells: of a run over layers, the newest record and its JPEG by (what, layer).
        notices: (step, code in words by language).
    """

    key: str
    what: str
    inputs: str
    content: Tensor
    styles: tuple[Tensor, ...]
    arguments: dict[str, Any]
    steps: int
    job: Job
    told: dict[str, Any] = field(default_factory=dict)
    index: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    frames: dict[int, bytes] = field(default_factory=dict)
    newest: StyleStep | None = None
    cells: dict[tuple[str, str], tuple[LayerReconstruction, bytes]] = field(default_factory=dict)
    notice: tuple[str, str] = ("", "")
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def stride(self) -> int:
        """Every how many steps a picture is kept."""
        return -(-self.steps // KEPT_FRAMES)

    def collect(self) -> None:
        """Take what the job has made since the last time."""
        self.job.touch()
        with self.lock:
            for index, record in self.job.records_since(self.index):
                self.index = index
                jpeg = jpeg_bytes(to_hwc(record.image), quality=QUALITY)
                if isinstance(record, LayerReconstruction):
                    self.cells[record.what, record.layer] = (record, jpeg)
                else:
                    self._take(record, jpeg)

    def _take(self, record: StyleStep, jpeg: bytes) -> None:
        before = self.newest
        if before is not None and (before.step - 1) % self.stride and before.step != self.steps:
            self.frames.pop(before.step, None)
        self.frames[record.step] = jpeg
        self.newest = record
        self.rows.append(_numbers(record))
        if record.notice:
            self.notice = record.notice_text("en"), record.notice_text("ko")

    def act(self, action: str) -> None:
        """Pause, resume, step or stop; a run that has ended stays as it is."""
        if self.job.done:
            return
        if action == "stop":
            self.job.cancel()
        elif action in ("pause", "resume", "step"):
            getattr(self.job, action)()

    def steer(self, wanted: Mapping[str, Any]) -> None:
        """Tell the job which weights hold from now on; only what has changed is sent."""
        if self.what != TRANSFER or self.job.done:
            return
        changes = {name: value for name, value in wanted.items() if self.told.get(name) != value}
        if changes:
            self.told |= changes
            self.job.send(changes)


def _numbers(record: StyleStep) -> dict[str, Any]:
    weights = record.weights
    return {
        "step": record.step, "level": record.level, "levels": record.levels, "size": list(record.image.shape[1:]),
        "loss": record.loss, "content": record.content_loss, "style": record.style_loss,
        "variation": record.total_variation, "content_layers": dict(record.content_losses),
        "style_layers": dict(record.style_losses), "seconds": record.seconds,
        "weights": [weights.alpha, weights.beta, weights.gamma],
    }  # fmt: skip


class StyleRuns:
    """Runs by key, the least recently looked at going first. Safe to use from several threads."""

    def __init__(self, most: int = 48) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, StyleRun] = OrderedDict()

    def start(
        self,
        what: str,
        inputs: str,
        content: Tensor,
        styles: tuple[Tensor, ...],
        arguments: Mapping[str, Any],
        *,
        steps: int,
        session: str,
        told: Mapping[str, Any] | None = None,
    ) -> StyleRun:
        """Submit a job and return its run.

        Args:
            what: `TRANSFER`, or `LAYERS` for what each layer keeps of content and of the first style.
            told: the weights that the job begins with, by the names they are steered by.

        Raises:
            QueueFull: the server has enough to do.
        """
        device = str(arguments.get("device", "cpu"))
        smaller = ({"size": 256}, {"device": "cpu"})
        options = JobOptions(
            session=session, kind="style", device=device, history=_HISTORY, oom_fallbacks=smaller
        )
        if what == LAYERS:
            own = {name: arguments[name] for name in ("network", "size", "device")}
            job = submit(
                layer_reconstructions, options=options, content=content, style=styles[0], steps=steps, **own
            )
        else:
            job = submit(
                style_transfer, options=options, content=content, style=styles, steps=steps, **arguments
            )
        run = StyleRun(
            secrets.token_urlsafe(12),
            what,
            inputs,
            content,
            styles,
            dict(arguments),
            steps,
            job,
            dict(told or {}),
        )
        with self._lock:
            self._runs[run.key] = run
            while len(self._runs) > self._most:
                self._runs.popitem(last=False)
        return run

    def get(self, key: str) -> StyleRun | None:
        """The run under `key` if it is still kept."""
        with self._lock:
            run = self._runs.get(key)
            if run is not None:
                self._runs.move_to_end(key)
            return run


RUNS = StyleRuns()
