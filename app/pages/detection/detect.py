"""Detection, live: one component draws and thresholds; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components.bundle import component
from app.figures.detection.detect import DEFAULT_NET, FIRST_PICTURE, detect_block, strip
from app.figures.detection.detect_files import detect_files, pytorch_code
from app.figures.detection.detect_settings import DetectSettings
from app.open_models import OpenNetwork
from app.session_devices import device_of
from app.video_runs import RUNS
from app.widgets.detect_acts import act
from app.widgets.model_picker import model_picker, network_values
from app.widgets.screen import Download, Screen, close_screen, open_screen


def page() -> None:
    """Draw the screen."""
    screen = open_screen("detect", first_picture=FIRST_PICTURE)
    picked = model_picker(screen, tasks=("detection",), default=DEFAULT_NET).on(device_of(screen.session))
    _detect(screen, picked)


@st.fragment
def _detect(screen: Screen, picked: OpenNetwork) -> None:
    if st.session_state.pop(screen.key("whole"), False):
        st.rerun()
    key = screen.key("found")
    kept = dict(st.session_state.get(key) or {})
    sent = kept.get("found") or {}
    settings = DetectSettings.of(sent.get("settings") or screen.values)
    screen.remember({**network_values(screen, picked), **settings.to_address()})
    run = RUNS.of_screen(screen.session, screen.slug)
    pictures = strip(screen.session, screen.language) if settings.many else []
    header = {
        "words": {**screen.words.every(), "language": screen.language},
        "live": screen.live,
        "address": {
            "pic": screen.picture.key, "m": st.query_params.get(state.MATRIX.name, ""), "net": picked.key,
            "net_as": picked.reading,
        },
        "alt": screen.picture.alt,
        "run": run.key if run else "",
        "strip": pictures,
        "settings_from": "browser" if sent else "address",
    }  # fmt: skip
    with st.spinner(screen.words("looking"), show_time=True):
        block = detect_block(picked, screen.picture, settings, str(sent.get("known") or ""), header)
    component("detect")(
        key=key, data=block, on_found_change=lambda: None, on_act_change=lambda: act(screen, picked)
    )
    files = detect_files(picked, screen.picture, settings, run, pictures)
    downloads = tuple(Download(screen.words(f"download_{name}"), *rest) for name, *rest in files)
    close_screen(screen, code=pytorch_code(picked, screen.picture, settings), downloads=downloads)
