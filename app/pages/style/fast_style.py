"""Fast style transfer: one component blends and paints; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components.bundle import component
from app.figures.style.fast_style import live_block, stage_block
from app.figures.style.fast_style_choices import fast_choices
from app.figures.style.fast_style_files import fast_files, pytorch_code
from app.session_devices import device_of
from app.video_runs import RUNS
from app.videos import sentences, video_source
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.jobs import QueueFull
from cnn.style.fast import drawn_frame, styled_parts, stylize_video

SLUG = "fast_style"


def page() -> None:
    """Draw the screen."""
    _styled(open_screen(SLUG))


@st.fragment
def _styled(screen: Screen) -> None:
    key = screen.key("stage")
    kept = dict(st.session_state.get(key) or {})
    sent = kept.get("settings")
    choices = fast_choices(sent if isinstance(sent, dict) else screen.values)
    screen.remember(choices.values)
    run = RUNS.of_screen(screen.session, SLUG)
    if run is not None and not run.job.done:
        run.job.send({"networks": choices.mix, "steadiness": choices.values["steady"]})
    header = {
        "words": {**screen.words.every(), "language": screen.language},
        "live": screen.live,
        "address": {"pic": screen.picture.key, "m": st.query_params.get(state.MATRIX.name, "")},
        "run": run.key if run else "",
        "settings_from": "browser" if isinstance(sent, dict) else "address",
    }
    asked = kept.get("asked")  # without our live route the browser asks by a rerun
    answer = (
        live_block(asked, lambda: screen.picture) if screen.live is None and isinstance(asked, dict) else None
    )
    component("fast_style")(
        key=key,
        data=stage_block(screen.picture, choices, header, answer),
        on_settings_change=lambda: None,
        on_asked_change=lambda: None,
        on_act_change=lambda: _act(screen),
    )
    files = fast_files(screen.picture, choices)
    downloads = tuple(Download(screen.words(f"download_{name}"), *rest) for name, *rest in files)
    close_screen(screen, code=pytorch_code(choices), downloads=downloads)


def _act(screen: Screen) -> None:
    """A video lies on the server."""
    asked = st.session_state[screen.key("stage")].get("act")
    if not isinstance(asked, dict) or asked.get("action") != "video":
        return
    source, settings = video_source(str(asked.get("key", ""))), asked.get("settings")
    if source is None:
        state.notify(sentences("gone")[screen.language])
        return
    choices, device = (
        fast_choices(settings if isinstance(settings, dict) else screen.values),
        device_of(screen.session),
    )
    parameters = {**choices.video_settings(), "path": source, "device": device}
    run = {"video": stylize_video, "encode": styled_parts, "draw": drawn_frame, "parameters": parameters}
    try:
        RUNS.start(screen.session, SLUG, device=device, **run)
    except QueueFull as full:
        state.notify(full.text(screen.language))
