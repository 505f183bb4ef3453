"""Learned filters: the browser learns on a problem that this page makes; address, code and downloads follow."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.convolution.learned_filters import known, learning_block, learning_files, screen_words
from app.figures.convolution.learned_filters_code import pytorch_code
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.convolution.learning_settings import LearningSettings


def page() -> None:
    """Draw the screen."""
    _learning(open_screen("learned_filters"))


@st.fragment
def _learning(screen: Screen) -> None:
    key = screen.key("learning")
    sent = dict(st.session_state.get(key) or {}).get("learned_filters") or {}
    settings = LearningSettings.from_mapping(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    picture = screen.picture
    header = {
        "words": {**screen.words.own(), **screen_words(screen.language), "language": screen.language},
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get("m", "")},
        "settings_from": "browser" if sent else "address",
    }
    block = learning_block(picture, settings, known=known(sent), header=header)
    component("learned_filters")(key=key, data=block, on_learned_filters_change=lambda: None)
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in learning_files(picture, settings)
    )
    close_screen(screen, code=pytorch_code(settings), downloads=downloads)
