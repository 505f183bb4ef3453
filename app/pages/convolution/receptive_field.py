"""Receptive fields: one component does the drawing; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.convolution.receptive_field import field_block, known, pinned, screen_words, settings_of
from app.figures.convolution.receptive_field_code import pytorch_code
from app.figures.convolution.receptive_field_files import field_files
from app.figures.convolution.receptive_field_network import field_input, field_network, weights_of
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.convolution.layer_stack import StackError


def page() -> None:
    """Draw the screen."""
    _fields(open_screen("receptive_field"))


@st.fragment
def _fields(screen: Screen) -> None:
    key = screen.key("fields")
    sent = dict(st.session_state.get(key) or {}).get("fields") or {}
    settings = settings_of(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    picture = screen.picture
    words = {**screen.words.own(), **screen_words(screen.language), "language": screen.language}
    header = {
        "words": words,
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get("m", "")},
        "settings_from": "browser" if sent else "address",
    }
    block = field_block(picture, settings, known=known(sent), header=header)
    component("receptive_field")(key=key, data=block, on_fields_change=lambda: None)
    image = field_input(picture, settings)
    try:
        network = field_network(settings, image)
    except StackError:
        close_screen(screen)
        return
    unit, weights = pinned(settings, network), weights_of(settings, network)
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in field_files(picture, settings, network, weights, unit)
    )
    code = pytorch_code(settings, network, weights, unit, image.shape[0])
    close_screen(screen, code=code, downloads=downloads)
