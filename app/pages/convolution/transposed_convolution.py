"""Transposed convolution: one component draws three views; address, code and downloads follow it."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.convolution.transposed_convolution import known, screen_words, transposed_block
from app.figures.convolution.transposed_convolution_files import pytorch_code, transposed_files
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.convolution.transposed_settings import TransposedSettings


def page() -> None:
    """Draw the screen."""
    _views(open_screen("transposed_convolution"))


@st.fragment
def _views(screen: Screen) -> None:
    key = screen.key("views")
    sent = dict(st.session_state.get(key) or {}).get("transposed_convolution") or {}
    settings = TransposedSettings.from_mapping(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    picture = screen.picture
    header = {
        "words": {**screen.words.own(), **screen_words(screen.language), "language": screen.language},
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get("m", "")},
        "settings_from": "browser" if sent else "address",
    }
    block = transposed_block(picture, settings, known=known(sent), header=header)
    component("transposed_convolution")(key=key, data=block, on_transposed_convolution_change=lambda: None)
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in transposed_files(picture, settings)
    )
    close_screen(screen, code=pytorch_code(picture, settings), downloads=downloads)
