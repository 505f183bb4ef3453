"""Inside a U-Net: one component does the drawing; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components.bundle import component
from app.figures.segmentation.unet import known, screen_words, unet_block
from app.figures.segmentation.unet_files import pytorch_code, unet_files
from app.figures.segmentation.unet_network import networks, settings_of
from app.widgets.screen import Download, Screen, close_screen, open_screen


def page() -> None:
    """Draw the screen."""
    screen = open_screen("unet")
    if networks():
        _unet(screen)
    else:
        st.warning(screen.words("no_network"))
        close_screen(screen)


@st.fragment
def _unet(screen: Screen) -> None:
    key = screen.key("u")
    kept = dict(st.session_state.get(key) or {})
    sent = kept.get("u") or {}
    picked = state.PICTURE.parse(str(kept.get("pick") or ""))
    if picked:
        state.remember_picture(picked)
        st.rerun()
    settings = settings_of(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    picture = screen.picture
    header = {
        "words": {**screen.words.own(), **screen_words(screen.language), "language": screen.language},
        "live": screen.live,
        "address": {"pic": picture.key, "m": st.query_params.get(state.MATRIX.name, "")},
        "settings_from": "browser" if sent else "address",
    }
    block = unet_block(picture, settings, known=known(sent), header=header, results=not screen.live)
    component("unet")(key=key, data=block, on_u_change=lambda: None, on_pick_change=lambda: None)
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in unet_files(picture, settings)
    )
    close_screen(screen, code=pytorch_code(picture, settings), downloads=downloads)
