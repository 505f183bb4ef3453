"""What the detection screen's component asks for: a video to be gone through, another picture to be opened."""

from __future__ import annotations

import streamlit as st

from app import state
from app.figures.detection.detect import DEFAULT_NET
from app.open_models import OpenNetwork
from app.video_runs import RUNS
from app.videos import sentences, video_source
from app.widgets.screen import Screen
from cnn.detection.video import raw_video
from cnn.detection.video_run import drawn_frame, frame_parts
from cnn.jobs import QueueFull

MAX_SIDE = 640
MAX_FRAMES = 600
FRAMES_AT_ONCE = 8
"""In one pass of the network where a GPU does it."""


def act(screen: Screen, picked: OpenNetwork) -> None:
    """Do what was asked; the page draws itself anew afterwards, as a whole where the picture or network changes."""
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
    model = picked.key if picked.origin in ("builtin", "pretrained") else picked.on("cpu").model
    settings = {
        "source": source, "model": model, "max_side": MAX_SIDE, "max_frames": MAX_FRAMES, "device": picked.device,
        "batch": FRAMES_AT_ONCE if picked.device != "cpu" else 1,
    }  # fmt: skip
    try:
        RUNS.start(
            screen.session,
            screen.slug,
            video=raw_video,
            encode=frame_parts,
            draw=drawn_frame,
            parameters=settings,
            device=picked.device,
        )
    except QueueFull as full:
        state.notify(full.text(screen.language))
