"""Transfer learning: a column of choices; three trainings as jobs, followed live by one component."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components.bundle import component
from app.figures.networks.transfer_learning import bench_block, current_square
from app.figures.networks.transfer_learning_files import files, pytorch_code
from app.transfer_runs import Runs, StageRun
from app.widgets.screen import Download, Screen, close_screen, open_screen
from app.widgets.transfer_controls import TransferChoices, transfer_controls
from cnn.jobs import QueueFull
from cnn.networks.transfer_learning import STAGES

POLL_SECONDS = 0.4


def page() -> None:
    """Draw the screen."""
    screen = open_screen("transfer_learning")
    left, right = st.columns([1, 3.4], gap="medium")
    with left:
        choices = transfer_controls(screen)
    screen.remember(choices.values)
    runs = _runs(screen, choices)
    with right:
        followed = runs.active
        st.fragment(_bench, run_every=POLL_SECONDS if followed else None)(screen, choices, runs, followed)
    made = files(runs, choices.settings["head"], choices.data, screen.session)
    downloads = tuple(Download(screen.words(f"download_{name}"), *rest) for name, *rest in made)
    close_screen(screen, code=pytorch_code(choices.settings, choices.data), downloads=downloads)


def _runs(screen: Screen, choices: TransferChoices) -> Runs:
    """Return this session's trainings; other pictures or another network end them and start anew."""
    key, data_key = screen.key("runs"), choices.values["data"]
    kept = st.session_state.get(key)
    if kept is None or not kept.belongs(data_key, choices.backbone):
        kept = st.session_state[key] = Runs(data_key, choices.backbone)
    return kept


def _bench(screen: Screen, choices: TransferChoices, runs: Runs, followed: StageRun | None) -> None:
    """Show the newest records; the whole script runs again when a training begins or ends, to ask on or no more."""
    runs.collect(screen.session, choices.data.categories)
    key = screen.key("bench")
    has = str((st.session_state.get(key) or {}).get("has") or "")
    words = {**screen.words.own(), "language": screen.language}
    shown = (runs, choices.data, screen.picture, screen.session)
    block = bench_block(words, *shown, settings=choices.settings, has=has)
    component("transfer_learning")(
        key=key, data=block, on_has_change=lambda: None, on_act_change=lambda: _act(screen, choices, runs)
    )
    if runs.active is not followed:
        st.rerun()


def _act(screen: Screen, choices: TransferChoices, runs: Runs) -> None:
    """A button of a stage was pressed."""
    sent = st.session_state[screen.key("bench")].get("act")
    stage, action = (
        (str(sent.get(name)) for name in ("stage", "action")) if isinstance(sent, dict) else ("", "")
    )
    if action != "start":
        runs.act(stage, action)
    elif stage in STAGES and runs.can_start(stage):
        picture = screen.picture
        try:
            runs.start(
                choices.settings[stage],
                choices.data,
                screen.session,
                current_square(picture),
                picture.identity,
            )
        except QueueFull as full:
            state.notify(full.text(screen.language))
