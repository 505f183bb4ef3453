"""Style transfer: one component draws and follows the run; this page starts, steers and ends it and keeps the address."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.style.style_transfer import live_block, studio_block
from app.figures.style.style_transfer_files import pytorch_code, run_files
from app.session_devices import device_of
from app.uploads import STORE
from app.widgets.screen import Download, Screen, close_screen, open_screen
from app.widgets.style_studio import (
    STUDIO,
    act,
    current_choices,
    current_runs,
    known,
    new_style,
    problem,
    sent,
    take_upload,
)  # fmt: skip


def page() -> None:
    """Draw the screen."""
    _studio(open_screen("style_transfer"))


@st.fragment
def _studio(screen: Screen) -> None:
    choices = current_choices(screen)
    screen.remember(choices.values)
    runs, asked = current_runs(screen, choices), sent(screen)
    header = {
        "words": {**screen.words.own(), "language": screen.language},
        "live": screen.live,
        "address": {"pic": screen.picture.key, "m": st.query_params.get("m", "")},
        "settings_from": "browser" if asked.get("settings") else "address",
        "problem": problem(screen),
        "new_style": new_style(screen),
    }
    news = asked.get("asked")  # without our live route the browser asks for news by a rerun
    answer = (
        live_block(news, lambda: screen.picture) if screen.live is None and isinstance(news, dict) else None
    )
    own, device = STORE.of_session(screen.session), device_of(screen.session)
    component("style_transfer")(
        key=screen.key(STUDIO),
        data=studio_block(
            choices, runs, uploads=own, known=known(screen), device=device, header=header, answer=answer
        ),
        on_settings_change=lambda: None,
        on_known_change=lambda: None,
        on_asked_change=lambda: None,
        on_ended_change=lambda: None,  # a rerun, so that the downloads appear
        on_act_change=lambda: act(screen),
        on_uploaded_change=lambda: take_upload(screen),
    )
    files = tuple(
        Download(screen.words(f"download_{name}"), *rest) for name, *rest in run_files(choices, runs)
    )
    close_screen(screen, code=pytorch_code(choices, runs), downloads=files)
