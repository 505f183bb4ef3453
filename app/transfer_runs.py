"""The trainings of one visit to /transfer_learning: one for each stage, on one set of pictures and one network."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from app.session_models import SESSION_MODELS, SessionModel
from cnn.jobs import Job, JobOptions, submit
from cnn.networks.transfer_learning import STAGES, TransferSettings, TransferStep, transfer_steps
from cnn.networks.transfer_model import Backbone
from cnn.networks.transfer_pictures import LabelledPictures

SCRATCH_RATE = 1e-3


@dataclass(slots=True, eq=False)
class StageRun:
    """One training: its job, the newest record (without the state), and the network that came out of it."""

    settings: TransferSettings
    job: Job
    picture: str
    last: TransferStep | None = None
    model: SessionModel | None = None


class Runs:
    """At most one training for each stage; they belong together, so other pictures or another network start anew."""

    def __init__(self, data_key: str, backbone: Backbone) -> None:
        self.data_key = data_key
        self.backbone = backbone
        self.stages: dict[str, StageRun] = {}

    def belongs(self, data_key: str, backbone: Backbone) -> bool:
        """Say whether the trainings are on these pictures and this network; where not, what still runs is ended."""
        same = (self.data_key, self.backbone) == (data_key, backbone)
        if not same and self.active:
            self.active.job.cancel()
        return same

    @property
    def active(self) -> StageRun | None:
        """The training that waits, runs or is paused."""
        return next((run for run in self.stages.values() if not run.job.done), None)

    def can_start(self, stage: str) -> bool:
        """Nothing else trains, and "fine" has a head to start from."""
        head = self.stages.get("head")
        return self.active is None and (stage != "fine" or (head is not None and head.model is not None))

    def start(
        self, settings: TransferSettings, data: LabelledPictures, session: str, picture: Tensor, digest: str
    ) -> None:
        """Submit a training; that of the same stage before it is forgotten.

        Raises:
            QueueFull: the server has enough to do.
        """
        head = self.stages["head"].model if settings.stage == "fine" else None
        own = SESSION_MODELS.get(session, self.backbone.name)
        job = submit(
            transfer_steps,
            options=JobOptions(session=session, kind="training"),
            settings=settings,
            backbone=self.backbone,
            pictures=data.pictures,
            labels=data.labels,
            held_out=data.held_out,
            classes=len(data.categories),
            picture=picture,
            state=head.state() if head else None,
            body=own.state() if own and settings.stage == "head" else None,
        )
        self.stages[settings.stage] = StageRun(settings, job, digest)

    def act(self, stage: str, action: str) -> None:
        """Pause, resume, step, or stop at the next batch with the result so far."""
        run = self.stages.get(stage)
        if run is None or run.job.done:
            return
        if action == "stop":
            run.job.send({"stop": True})
            run.job.resume()
            if run.last is None or not run.last.history:
                run.job.cancel()
        elif action in ("pause", "resume", "step"):
            getattr(run.job, action)()

    def collect(self, session: str, categories: tuple[str, ...]) -> None:
        """Take the newest records; a training that has ended becomes a network of this session."""
        for run in self.stages.values():
            run.job.touch()
            record = run.job.latest()
            if record is None or run.model is not None:
                continue
            if record.state is not None:
                run.model = SESSION_MODELS.add(
                    session, run.settings.stage, self.backbone, categories, record.state
                )
                record = replace(record, state=None)
            run.last = record

    def ordered(self) -> list[tuple[str, StageRun | None]]:
        """Every stage, in order, with its training if there is one."""
        return [(stage, self.stages.get(stage)) for stage in STAGES]
