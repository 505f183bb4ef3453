"""Architectures: one component draws all tabs; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.networks.architectures import architecture_block, known, screen_words
from app.figures.networks.architectures_files import screen_files
from app.figures.networks.architectures_settings import ArchitectureSettings
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.networks.builder import BuilderError


def page() -> None:
    """Draw the screen."""
    _architectures(open_screen("architectures"))


@st.fragment
def _architectures(screen: Screen) -> None:
    key = screen.key("architectures")
    sent = dict(st.session_state.get(key) or {}).get("architectures") or {}
    settings = ArchitectureSettings.from_mapping(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    picture = screen.picture
    words = {**screen.words.own(), **screen_words(screen.language), "language": screen.language}
    header = {
        "words": words,
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get("m", "")},
        "settings_from": "browser" if sent else "address",
    }
    block = architecture_block(picture, settings, known=known(sent), header=header)
    component("architectures")(key=key, data=block, on_architectures_change=lambda: None)
    try:
        code, files = screen_files(picture, settings)
    except BuilderError:
        close_screen(screen)
        return
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in files
    )
    close_screen(screen, code=code, downloads=downloads)
