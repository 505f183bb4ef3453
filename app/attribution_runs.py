"""What was measured on one visit to /attribution: slow maps and curves of faithfulness, by jobs, for one view."""

from __future__ import annotations

from collections.abc import Sequence

from app.figures.networks.attribution_maps import (
    FAST_METHODS,
    SLOW_METHODS,
    WINDOWS,
    AttributionSettings,
    AttributionView,
    PixelMap,
    chosen_heat,
)
from app.network_jobs import submit_with
from app.open_models import OpenNetwork
from cnn.attribution.grad_cam import CAM_METHODS
from cnn.attribution.measurements import (
    CurveTask,
    HeatTask,
    MeasurementStep,
    TaskResult,
    measurement_steps,
)
from cnn.jobs import Job, JobOptions


def map_name(method: str, layer: str) -> str:
    """Name a map: the method, and for class activation maps the layer too."""
    return f"{method}@{layer}" if method in CAM_METHODS else method


class AttributionRuns:
    """The results for one network, picture, class and size of square; and the job that makes more of them."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.maps: dict[str, PixelMap] = {}
        self.curves: dict[str, TaskResult] = {}
        self.job: Job | None = None
        self.waiting: tuple[str, ...] = ()

    @property
    def active(self) -> Job | None:
        """The job that waits or runs."""
        return self.job if self.job is not None and not self.job.done else None

    def collect(self) -> None:
        """Take the newest results over."""
        if self.job is None:
            return
        self.job.touch()
        record = self.job.latest()
        if isinstance(record, MeasurementStep):
            for name, result in record.results.items():
                if result.heat is not None:
                    self.maps[name] = PixelMap(result.heat, result.signed, result.warning, result.gap)
                elif result.curve:
                    self.curves[name] = result

    def end(self) -> None:
        """Stop what runs; nobody looks at it any more."""
        if self.active is not None:
            self.active.cancel()

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
            self.end()

    def make_maps(
        self, methods: Sequence[str], network: OpenNetwork, view: AttributionView, window: str, session: str
    ) -> None:
        """Submit a job for some of `SLOW_METHODS`.

        Raises:
            QueueFull: the server has enough to do. NetworkTooLarge: no worker takes it.
        """
        side = max(min(view.prepared.batch.shape[-2:]) // WINDOWS[window], 2)
        tasks = [HeatTask(name, side, max(side // 2, 1)) for name in methods if name in SLOW_METHODS]
        self._submit(tasks, network, view, session)

    def measure(
        self,
        network: OpenNetwork,
        view: AttributionView,
        settings: AttributionSettings,
        every: bool,
        session: str,
    ) -> None:
        """Submit a job for the curves of the chosen map, or of every method's.

        Raises:
            QueueFull: the server has enough to do. NetworkTooLarge: no worker takes it.
        """
        layer = settings.layer if settings.layer in view.grid else view.default_layer
        methods = [settings.method]
        if every:
            cams = CAM_METHODS if view.layers else ()
            methods = [*cams, *FAST_METHODS, *(name for name in SLOW_METHODS if name in self.maps)]
        tasks = []
        for method in methods:
            own = AttributionSettings(method=method, layer=layer)
            heat = chosen_heat(network, view, own, self.maps)
            if heat is not None:
                tasks.append(CurveTask(map_name(method, layer), heat))
        self._submit(tasks, network, view, session)

    def _submit(
        self, tasks: Sequence[HeatTask | CurveTask], network: OpenNetwork, view: AttributionView, session: str
    ) -> None:
        if not tasks:
            return
        self.end()
        self.waiting = tuple(task.name for task in tasks)
        self.job = submit_with(
            network,
            measurement_steps,
            JobOptions(session=session, kind="attribution"),
            image=view.prepared.batch,
            target=view.target.index,
            tasks=tuple(tasks),
        )
