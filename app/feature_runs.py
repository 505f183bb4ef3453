"""What one visit to /feature_visualization has going: a picture being optimised, and a scan of a picture set."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from app.cache import BoundedCache
from app.figures.networks.feature_visualization_scan import (
    PictureSet,
    keep_scan,
    quick_scan,
    scan_key,
    scan_parameters,
)
from app.network_jobs import NetworkTooLarge, submit_with
from app.open_models import OpenNetwork
from cnn.attribution.channel_peaks import PeakStep, peak_steps
from cnn.attribution.feature_visualization import (
    Objective,
    VisualizationSettings,
    VisualizationStep,
    visualization_steps,
)
from cnn.jobs import Job, JobOptions

_PICTURES: BoundedCache[VisualizationStep] = BoundedCache(
    24_000_000, lambda step: int(step.image.numel()) + 100 * len(step.history)
)
_STEERED = {"jitter": int, "turn": float, "smooth": float, "rate": float}


class FeatureRuns:
    """At most one picture and one scan at a time; finished pictures are kept for everybody who asks for the same."""

    def __init__(self) -> None:
        self.picture: Job | None = None
        self.picture_key: tuple[Any, ...] = ()
        self.scan: Job | None = None
        self.scan_key: tuple[Any, ...] = ()
        self._scanned: PeakStep | None = None
        self._steered = False
        self._last: dict[tuple[Any, ...], VisualizationStep] = {}

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of the jobs that wait or run."""
        return tuple(job.id for job in (self.picture, self.scan) if job is not None and not job.done)

    def obey(
        self,
        sent: Mapping[str, Any],
        network: OpenNetwork,
        wanted: tuple[Objective, VisualizationSettings],
        session: str,
    ) -> None:
        """Do what a button of the browser asks for.

        Raises:
            QueueFull: the server has enough to do.
        """
        if sent.get("action") == "start":
            self.begin(network, *wanted, session)
        else:
            self.act(str(sent.get("action")), sent)

    def begin(
        self, network: OpenNetwork, objective: Objective, settings: VisualizationSettings, session: str
    ) -> None:
        """Submit the optimisation of a picture; one that runs is ended.

        Raises:
            QueueFull: the server has enough to do. NetworkTooLarge: no worker takes it.
        """
        self.end_picture()
        self.picture = submit_with(
            network,
            visualization_steps,
            JobOptions(session=session, kind="feature_visualization"),
            objective=objective,
            input_shape=network.input_shape,
            mean=network.mean,
            std=network.std,
            settings=settings,
        )
        self.picture_key = (network.identity, objective, settings)
        self._steered = False

    def end_picture(self) -> None:
        """Stop the picture; what it has become stays for this session."""
        if self.picture is not None and not self.picture.done:
            self._collect_picture()
            self.picture.cancel()

    def act(self, action: str, values: Mapping[str, Any]) -> None:
        """Pause, resume, step, stop or steer the picture that is being optimised."""
        job = self.picture
        if job is None or job.done:
            return
        if action == "stop":
            self.end_picture()
        elif action in ("pause", "resume", "step"):
            getattr(job, action)()
        elif action == "steer":
            message = {
                name: kind(values[name]) for name, kind in _STEERED.items() if _is_number(values.get(name))
            }
            if "smooth" in message:
                message["total_variation"] = message.pop("smooth")
            self._steered = self._steered or bool(message)
            job.send(message)

    def shown(
        self, network: OpenNetwork, objective: Objective, settings: VisualizationSettings
    ) -> tuple[VisualizationStep | None, Job | None]:
        """Return the newest picture for what is asked, and the job that makes it."""
        self._collect_picture()
        key = (network.identity, objective, settings)
        steering = self.picture_key[:2] == key[:2]
        if steering and self.picture is not None and (not self.picture.done or self._steered):
            key = self.picture_key
        job = self.picture if key == self.picture_key else None
        if key in self._last:
            return self._last[key], job
        try:
            return _PICTURES.get_or_make(key, _nothing), job
        except LookupError:
            return None, job

    def _collect_picture(self) -> None:
        job = self.picture
        if job is None:
            return
        job.touch()
        record = job.latest()
        if isinstance(record, VisualizationStep):
            self._last[self.picture_key] = record
            while len(self._last) > 12:
                self._last.pop(next(iter(self._last)))
            if record.step == record.steps and not self._steered:
                _PICTURES.get_or_make(self.picture_key, lambda: record)

    def scanned(
        self, network: OpenNetwork, key: str, layer: str, pictures: PictureSet, session: str
    ) -> PeakStep | None:
        """Return what excites each channel, as far as the set was scanned; what takes long is left to a job.

        Raises:
            QueueFull: the server has enough to do.
        """
        wanted = scan_key(network, key, layer)
        if self.scan_key != wanted:
            if self.scan is not None and not self.scan.done:
                self.scan.cancel()
            self.scan, self.scan_key = None, wanted
            self._scanned = quick_scan(network, key, layer, pictures)
            if self._scanned is None or self._scanned.step < self._scanned.steps:
                options = JobOptions(session=session, kind="channel_peaks", heavy=False)
                with suppress(NetworkTooLarge):  # then what was found in time has to do
                    self.scan = submit_with(
                        network, peak_steps, options, **scan_parameters(network, pictures, layer)
                    )
        if self.scan is not None:
            self.scan.touch()
            record = self.scan.latest()
            if isinstance(record, PeakStep) and (self._scanned is None or record.step > self._scanned.step):
                self._scanned = record
                if record.step == record.steps:
                    keep_scan(network, key, layer, record)
        return self._scanned


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and value == value


def _nothing() -> VisualizationStep:
    raise LookupError
