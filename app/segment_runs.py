"""What the segmentation screen's buttons set going: a video as a job, another picture."""

from __future__ import annotations

import streamlit as st

from app import state
from app.open_models import OpenNetwork
from app.video_runs import RUNS
from app.videos import sentences, video_source
from app.widgets.screen import Screen
from cnn.jobs import QueueFull
from cnn.segmentation.video import segment_video
from cnn.segmentation.video_frames import drawn_frame, segmented_parts

VIDEO_SIDE, VIDEO_FRAMES = 640, 600


def act(screen: Screen, network: OpenNetwork) -> None:
    """A button of the component was pressed; what goes wrong is said at the top of the screen."""
    sent = (st.session_state.get(screen.key("s")) or {}).get("act")
    if not isinstance(sent, dict):
        return
    if sent.get("action") == "pick":
        picked = state.PICTURE.parse(str(sent.get("key", "")))
        if picked:
            state.remember_picture(picked)
    if sent.get("action") == "video":
        refusal = start_video(screen, network, str(sent.get("key", "")))
        if refusal:
            state.notify(refusal)


def asks_for_rerun(screen: Screen) -> bool:
    """Say whether the whole screen has to be drawn again: another picture was chosen, or there is something to say."""
    chosen = st.session_state.get(state.PICTURE_KEY)
    return bool(st.session_state.get(state.NOTICES)) or bool(chosen and chosen != screen.picture.key)


def start_video(screen: Screen, network: OpenNetwork, key: str) -> str:
    """Begin to segment the video under `key`; return the reason in the person's language where that cannot be."""
    if network.origin not in ("builtin", "pretrained"):
        return screen.words("video_shipped_only")
    source = video_source(key)
    if source is None:
        return sentences("gone")[screen.language]
    parameters = {
        "source": source, "model": network.key, "max_side": VIDEO_SIDE, "max_frames": VIDEO_FRAMES,
        "device": network.device,
    }  # fmt: skip
    try:
        RUNS.start(
            screen.session, screen.slug, video=segment_video, encode=segmented_parts, draw=drawn_frame,
            parameters=parameters, device=network.device,
        )  # fmt: skip
    except QueueFull as full:
        return full.text(screen.language)
    except OSError:
        return screen.words("video_no_room")
    return ""
