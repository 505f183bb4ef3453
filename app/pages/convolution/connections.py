"""Connections: one component draws five views; address, code and downloads follow it."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.convolution.connections import connection_block, known, screen_words
from app.figures.convolution.connections_files import connection_files, pytorch_code
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.convolution.connection_settings import ConnectionSettings


def page() -> None:
    """Draw the screen."""
    _views(open_screen("connections"))


@st.fragment
def _views(screen: Screen) -> None:
    key = screen.key("views")
    sent = dict(st.session_state.get(key) or {}).get("connections") or {}
    settings = ConnectionSettings.from_mapping(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    picture = screen.picture
    header = {
        "words": {**screen.words.own(), **screen_words(screen.language), "language": screen.language},
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get("m", "")},
        "settings_from": "browser" if sent else "address",
    }
    block = connection_block(picture, settings, known=known(sent), header=header)
    component("connections")(key=key, data=block, on_connections_change=lambda: None)
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in connection_files(picture, settings)
    )
    close_screen(screen, code=pytorch_code(settings), downloads=downloads)
