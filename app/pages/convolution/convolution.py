"""The convolution lab: one component does the drawing; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.convolution.convolution import address_values, filter_words, known, sent_lanes
from app.figures.convolution.lab_block import lab_block
from app.figures.convolution.lab_code import pytorch_code
from app.figures.convolution.lab_files import lab_files
from app.widgets.screen import Download, Screen, close_screen, open_screen


def page() -> None:
    """Draw the screen."""
    _lab(open_screen("convolution"))


@st.fragment
def _lab(screen: Screen) -> None:
    key = screen.key("lab")
    sent = dict(st.session_state.get(key) or {}).get("lab") or {}
    lanes = sent_lanes(sent.get("lanes"), screen.values)
    values = address_values(lanes)
    screen.remember(values)
    picture = screen.picture
    words = {**screen.words.own(), **filter_words(screen.language), "language": screen.language}
    header = {
        "words": words,
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get("m", "")},
        "settings_from": "browser" if sent else "address",
    }
    component("lab")(
        key=key, data=lab_block(picture, lanes, known=known(sent), header=header), on_lab_change=lambda: None
    )
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in lab_files(picture, lanes[0])
    )
    close_screen(screen, code=pytorch_code(picture, lanes[0]), downloads=downloads)
