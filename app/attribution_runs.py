"""What was measured on one visit to /attribution: maps of pixels and curves of faithfulness, by jobs, for one view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from torch import Tensor

from app.figures.networks.attribution_maps import (
    FAST_METHODS,
    MOST_LAYERS,
    PIXEL_METHODS,
    SLOW_METHODS,
    WINDOWS,
    AttributionSettings,
    AttributionView,
    PixelMap,
    chosen_heat,
    keep_grid,
    keep_map,
    keep_shuffled,
    kept_map,
    kept_shuffled,
    map_name,
)
from app.network_jobs import NetworkTooLarge, submit_with
from app.open_models import OpenNetwork
from cnn.attribution.grad_cam import CAM_METHODS
from cnn.attribution.measurements import (
    CurveTask,
    GridTask,
    HeatTask,
    MeasurementStep,
    ShuffledTask,
    Task,
    TaskResult,
    measurement_steps,
)
from cnn.jobs import Job, JobOptions, QueueFull

UNWATCHED = 90.0
"""Seconds after which a job that no page asks for ends: its person is on another screen."""


class AttributionRuns:
    """The results for one network, picture and class, and the jobs that make more of them.

    Attributes:
        identity: of the view.
        maps: by method, finished or as far as they have come; `shuffled` and `curves` by name of the map.
        job, waiting: what a person asked for, and the names of its tasks.
        besides, coming: what the page shows unasked and takes too long to wait for, and the names of its tasks.
        refused: why nothing comes.
        window: the size of the occlusion's squares, by id.
    """

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.maps: dict[str, PixelMap] = {}
        self.shuffled: dict[str, Tensor] = {}
        self.curves: dict[str, TaskResult] = {}
        self.job: Job | None = None
        self.waiting: tuple[str, ...] = ()
        self.besides: Job | None = None
        self.coming: tuple[str, ...] = ()
        self.refused: QueueFull | None = None
        self.window = ""
        self._attended = ""
        self._only = ""
        self._tried: set[str] = set()

    @property
    def active(self) -> tuple[str, ...]:
        """Ids of the jobs that wait or run."""
        return tuple(job.id for job in (self.job, self.besides) if job is not None and not job.done)

    def collect(self, view: AttributionView) -> None:
        """Take the newest results over."""
        for job in (self.job, self.besides):
            if job is not None:
                job.touch()
                record = job.latest()
                if isinstance(record, MeasurementStep):
                    self._take(view, record.results)

    def end(self) -> None:
        """Stop what runs; nobody looks at it any more."""
        self._stop()
        if self.besides is not None and not self.besides.done:
            self.besides.cancel()

    def attend(self, settings: AttributionSettings) -> None:
        """End the job of the one map that was looked at, once another is; other squares make another occlusion."""
        if self._only and self._attended == self._only != settings.method:
            self._stop()
        self._attended = settings.method
        self._use_window(settings.window)

    def provide(
        self, network: OpenNetwork, view: AttributionView, settings: AttributionSettings, session: str
    ) -> None:
        """See to what the page shows unasked: at once where a pass of the network is quick, else by a job besides."""
        for method in PIXEL_METHODS:
            kept = None if method in self.maps else kept_map(view, method, self.window)
            if kept is not None:
                self.maps[method] = kept
        tasks: list[Task] = [GridTask(count=MOST_LAYERS)] if view.pending else []
        tasks += [HeatTask(name) for name in FAST_METHODS if settings.pixels or not view.quick]
        if settings.sanity and settings.method not in SLOW_METHODS:
            name = map_name(settings.method, view.layer_of(settings))
            kept_one = kept_shuffled(view, name)
            if kept_one is not None:
                self.shuffled[name] = kept_one
            if settings.method not in CAM_METHODS or view.layers:
                tasks.append(ShuffledTask(name, settings.method, view.layer_of(settings)))
        missing = [task for task in tasks if not self._knows(task)]
        if not missing or (self.besides is not None and not self.besides.done):
            return
        self._tried |= {_key(task) for task in missing}
        parameters = {"image": view.prepared.batch, "target": view.target.index, "tasks": tuple(missing)}
        if not view.quick:
            options = JobOptions(
                session=session, kind="attribution_maps", heavy=False, abandon_after=UNWATCHED
            )
            with suppress(NetworkTooLarge):  # then this thread has to do it
                try:
                    self.besides = submit_with(network, measurement_steps, options, **parameters)
                    self.coming = tuple(_key(task) for task in missing)
                except QueueFull as full:
                    self.refused = full
                return
        with suppress(ValueError, RuntimeError):  # asked for by its button it says why
            for record in measurement_steps(model=network.model, **parameters):
                self._take(view, record.results)

    def act(
        self,
        sent: object,
        network: OpenNetwork,
        view: AttributionView,
        settings: AttributionSettings,
        session: str,
    ) -> None:
        """Do what a button of the browser asks for; anything else changes nothing.

        Raises:
            QueueFull: the server has enough to do. NetworkTooLarge: no worker takes it.
        """
        message = sent if isinstance(sent, dict) else {}
        action, methods = message.get("action"), message.get("methods")
        if isinstance(message.get("settings"), dict):  # newer than what the last run knew
            settings = AttributionSettings.from_mapping(message["settings"])
        if action == "make" and isinstance(methods, list):
            self.make_maps([str(name) for name in methods[:3]], network, view, settings.window, session)
        elif action in ("measure", "measure_all"):
            self.measure(network, view, settings, action == "measure_all", session)
        elif action == "stop":
            self._stop()

    def make_maps(
        self, methods: Sequence[str], network: OpenNetwork, view: AttributionView, window: str, session: str
    ) -> None:
        """Submit a job for some of `METHODS`; the one that runs ends.

        Raises:
            QueueFull: the server has enough to do. NetworkTooLarge: no worker takes it.
        """
        self._use_window(window)
        side = max(min(view.prepared.batch.shape[-2:]) // WINDOWS[window], 2)
        tasks: list[Task] = [
            HeatTask(name, side, max(side // 2, 1)) for name in methods if name in PIXEL_METHODS
        ]
        if view.pending and not set(methods).isdisjoint(CAM_METHODS):
            tasks.append(GridTask(count=MOST_LAYERS))
        self._submit(tasks, network, view, session, only=methods[0] if len(methods) == 1 else "")

    def measure(
        self,
        network: OpenNetwork,
        view: AttributionView,
        settings: AttributionSettings,
        every: bool,
        session: str,
    ) -> None:
        """Submit a job for the curves of the chosen map, or of every method's that is finished; the one that runs ends.

        Raises:
            QueueFull: the server has enough to do. NetworkTooLarge: no worker takes it.
        """
        layer = view.layer_of(settings)
        methods = [*CAM_METHODS, *PIXEL_METHODS] if every else [settings.method]
        tasks = []
        for method in methods:
            heat = chosen_heat(view, AttributionSettings(method=method, layer=layer), self.maps)
            if heat is not None:
                tasks.append(CurveTask(map_name(method, layer), heat))
        self._submit(tasks, network, view, session, only="" if every else settings.method)

    def _submit(
        self, tasks: Sequence[Task], network: OpenNetwork, view: AttributionView, session: str, *, only: str
    ) -> None:
        if not tasks:
            return
        self._stop()
        self.refused = None
        self.job = submit_with(
            network,
            measurement_steps,
            JobOptions(session=session, kind="attribution", abandon_after=UNWATCHED),
            image=view.prepared.batch,
            target=view.target.index,
            tasks=tuple(tasks),
        )
        self.waiting, self._only = tuple(task.name for task in tasks), only

    def _stop(self) -> None:
        if self.job is not None and not self.job.done:
            self.job.cancel()
        self._only = ""

    def _use_window(self, window: str) -> None:
        if self.window and window != self.window:
            if self.job is not None and "occlusion" in self.waiting:
                self._stop()
                self.job, self.waiting = None, ()
            self.maps.pop("occlusion", None)
            self.curves.pop("occlusion", None)
        self.window = window

    def _knows(self, task: Task) -> bool:
        known = self.shuffled if isinstance(task, ShuffledTask) else self.maps
        return task.name in known or _key(task) in self._tried

    def _take(self, view: AttributionView, results: Mapping[str, TaskResult]) -> None:
        for key, result in results.items():
            if result.grid is not None:
                keep_grid(view, result.grid)
            elif result.heat is None:
                self.curves[key] = result
            elif result.shuffled:
                self.shuffled[result.name] = keep_shuffled(view, result.name, result.heat)
            elif result.name not in self.maps or not self.maps[result.name].finished:
                found = PixelMap(
                    result.heat, result.signed, result.warning, result.gap, result.done, result.total
                )
                self.maps[result.name] = keep_map(view, result.name, self.window, found)


def _key(task: Task) -> str:
    return f"shuffled {task.name}" if isinstance(task, ShuffledTask) else task.name
