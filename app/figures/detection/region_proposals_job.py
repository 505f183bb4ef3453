"""The job behind the region-proposals screen: what is missing is grown and measured in a process of its own, told to the
browser step by step, stopped by the person, and ended when nobody asks for it any more."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.figures.detection.region_proposals_runs import (
    SAMPLE,
    generations_key,
    grown_trees,
    is_noted,
    keep,
    network_key,
    tree_of,
)
from app.figures.detection.region_proposals_settings import MOST_REGIONS, ProposalSettings
from app.pictures import CurrentPicture, as_photo
from cnn.detection.proposal_run import GrownTree, proposal_run
from cnn.jobs import Job, JobOptions, QueueFull, submit

QUEUE = "cpu (short)"
"""A queue of its own: these few seconds do not wait for somebody's training of minutes."""
UNWATCHED = 8.0
"""Seconds after which a job that no browser asks for ends."""
MOST = 64


@dataclass(slots=True, eq=False)
class ProposalRun:
    """One session's job. `key` names what it is for, `index` is the record that was taken over last; `stopped`: by the
    person; any other end before its time, of a page that was away, is begun again."""

    key: tuple[object, ...]
    picture: CurrentPicture
    settings: ProposalSettings
    job: Job
    index: int = 0
    stopped: bool = False

    @property
    def rests(self) -> bool:
        """It has ended and is not to be begun again unasked."""
        return self.job.done and (self.stopped or self.job.state == "failed")


class ProposalRuns:
    """The newest job of each session. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, ProposalRun] = OrderedDict()

    def follow(
        self, session: str, picture: CurrentPicture, settings: ProposalSettings, action: object
    ) -> Mapping[str, Any] | None:
        """Take over what has come, and see to what is missing; None where nothing is, else what is told of the job.

        Args:
            action: "stop" ends the job, "start" begins one again that ended before its time.
        """
        with self._lock:
            run = self._runs.get(session)
            if run is not None:
                self._collect(run)
                if run.key != _key(picture, settings):
                    self._drop(session)
                    run = None
            if _is_complete(picture, settings):
                self._drop(session)
                return None
            if run is None or (run.job.done and (action == "start" or not run.rests)):
                self._drop(session)
                if action == "stop":
                    return {"state": "cancelled"}
                try:
                    run = self._begun(session, picture, settings)
                except QueueFull as full:
                    return {"state": "refused", "error": {name: full.text(name) for name in ("en", "ko")}}
                self._runs[session] = run
                while len(self._runs) > MOST:
                    self._drop(next(iter(self._runs)))
            if action == "stop":
                run.stopped = True
                run.job.cancel()
            return _told(run)

    def _collect(self, run: ProposalRun) -> None:
        run.job.touch()
        for index, record in run.job.records_since(run.index):
            run.index = index
            keep(run.picture, run.settings, record)

    def _drop(self, session: str) -> None:
        run = self._runs.pop(session, None)
        if run is not None and not run.job.done:
            run.job.cancel()

    def _begun(self, session: str, picture: CurrentPicture, settings: ProposalSettings) -> ProposalRun:
        grown = tuple(
            GrownTree(number, *tree_of(picture, number)) for number in grown_trees(picture, settings)
        )
        job = submit(
            proposal_run,
            options=JobOptions(
                session=session, kind="proposals", device=QUEUE, heavy=False, time_limit=300.0, history=16,
                abandon_after=UNWATCHED,
            ),
            image=as_photo(picture), strategies=settings.chosen, grown=grown, wanted=_wanted(settings),
            network=settings.net, limit=MOST_REGIONS, seed=settings.seed, sample=SAMPLE,
        )  # fmt: skip
        return ProposalRun(_key(picture, settings), picture, settings, job)


def _wanted(settings: ProposalSettings) -> str:
    return "generations" if settings.tab == "generations" else settings.source


def _key(picture: CurrentPicture, settings: ProposalSettings) -> tuple[object, ...]:
    wanted = _wanted(settings)
    if wanted == "search":
        return (picture.identity, wanted, settings.strategies)
    return (picture.identity, wanted, settings.strategies, settings.net, settings.seed)


def _is_complete(picture: CurrentPicture, settings: ProposalSettings) -> bool:
    wanted = _wanted(settings)
    if len(grown_trees(picture, settings)) < len(settings.chosen):
        return False
    made = {"network": network_key, "generations": generations_key}.get(wanted)
    return made is None or is_noted(made(picture, settings))


def _told(run: ProposalRun) -> Mapping[str, Any]:
    job, newest = run.job, run.job.latest()
    error = {name: job.error.text(name) for name in ("en", "ko")} if job.error else None
    return {
        "state": job.state, "progress": job.progress, "position": job.position, "error": error,
        "part": newest.part if newest is not None else "", "step": newest.step if newest is not None else 0,
        "steps": newest.steps if newest is not None else 0,
    }  # fmt: skip


RUNS = ProposalRuns()
