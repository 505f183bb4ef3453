"""Detection, live: one component draws and thresholds; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components.bundle import component
from app.figures.detection.detect import DEFAULT_NET, FIRST_PICTURE, detect_block, strip
from app.figures.detection.detect_files import detect_files, pytorch_code
from app.figures.detection.detect_settings import DetectSettings
from app.open_models import OpenNetwork
from app.video_runs import RUNS
from app.videos import sentences, video_source
from app.widgets.model_picker import model_picker, network_values
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.detection.video import raw_video
from cnn.detection.video_run import drawn_frame, frame_parts
from cnn.jobs import QueueFull

SLUG = "detect"


def page() -> None:
    """Draw the screen."""
    screen = open_screen(SLUG, first_picture=FIRST_PICTURE)
    picked = model_picker(screen, tasks=("detection",), default=DEFAULT_NET)
    _detect(screen, picked)


@st.fragment
def _detect(screen: Screen, picked: OpenNetwork) -> None:
    key = screen.key("found")
    kept = dict(st.session_state.get(key) or {})
    sent = kept.get("found") or {}
    settings = DetectSettings.of(sent.get("settings") or screen.values)
    screen.remember({**network_values(screen, picked), **settings.to_address()})
    run = RUNS.of_screen(screen.session, SLUG)
    header = {
        "words": {**screen.words.every(), "language": screen.language},
        "live": screen.live,
        "address": {
            "pic": screen.picture.key, "m": st.query_params.get(state.MATRIX.name, ""), "net": picked.key,
            "net_as": picked.reading,
        },
        "alt": screen.picture.alt,
        "run": run.key if run else "",
        "strip": strip(screen.session, screen.language) if settings.many else [],
        "settings_from": "browser" if sent else "address",
    }  # fmt: skip
    block = detect_block(picked, screen.picture, settings, str(sent.get("known") or ""), header)
    component("detect")(
        key=key, data=block, on_found_change=lambda: None, on_act_change=lambda: _act(screen, picked)
    )
    files = detect_files(picked, screen.picture, settings, run)
    downloads = tuple(Download(screen.words(f"download_{name}"), *rest) for name, *rest in files)
    close_screen(screen, code=pytorch_code(picked, screen.picture, settings), downloads=downloads)


def _act(screen: Screen, picked: OpenNetwork) -> None:
    """A video lies on the server, or a picture was asked for."""
    asked = st.session_state[screen.key("found")].get("act")
    if not isinstance(asked, dict):
        return
    if asked.get("action") == "video":
        _start(screen, picked, str(asked.get("key", "")))
    elif asked.get("action") == "open":
        state.remember_picture(state.PICTURE.parse(str(asked.get("pic", ""))))
        if asked.get("net") == DEFAULT_NET:
            st.session_state[screen.key("net_next")] = (DEFAULT_NET, "")
        st.session_state[screen.key("whole")] = True


def _start(screen: Screen, picked: OpenNetwork, key: str) -> None:
    source = video_source(key)
    if source is None:
        state.notify(sentences("gone")[screen.language])
        return
    model = picked.key if picked.origin in ("builtin", "pretrained") else picked.model
    settings = {"source": source, "model": model, "max_side": 640, "max_frames": 600}
    try:
        RUNS.start(
            screen.session, SLUG, video=raw_video, encode=frame_parts, draw=drawn_frame, parameters=settings
        )
    except QueueFull as full:
        state.notify(full.text(screen.language))
