"""Boxes: from every candidate to the result; one component does the drawing, this page keeps address, code and files in step."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.detection.boxes import boxes_block, known, shown_for
from app.figures.detection.boxes_code import pytorch_code
from app.figures.detection.boxes_files import box_files
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.detection.box_settings import BoxSettings


def page() -> None:
    """Draw the screen."""
    _boxes(open_screen("boxes"))


@st.fragment
def _boxes(screen: Screen) -> None:
    key = screen.key("boxes")
    sent = dict(st.session_state.get(key) or {}).get("boxes") or {}
    settings = BoxSettings.from_mapping(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    picture = screen.picture
    shown = shown_for(picture, settings, screen.language)
    header = {
        "words": {**screen.words.own(), "language": screen.language},
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get("m", ""), "language": screen.language},
        "settings_from": "browser" if sent else "address",
    }
    block = boxes_block(shown, settings, known=known(sent), header=header)
    component("boxes")(key=key, data=block, on_boxes_change=lambda: None)
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in box_files(shown, settings)
    )
    close_screen(screen, code=pytorch_code(shown, settings), downloads=downloads)
