"""Segmentation: the class of every pixel of a picture, a video or the camera; one component draws, this page feeds it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import state
from app.components.bundle import component
from app.figures.segmentation.segment import known, network_words, segment_block
from app.figures.segmentation.segment_files import pytorch_code, segment_files
from app.figures.segmentation.segment_network import SegmentSettings, settings_of
from app.open_models import OpenNetwork
from app.segment_runs import act, asks_for_rerun
from app.session_devices import device_of
from app.video_runs import RUNS
from app.widgets.model_picker import model_picker, network_values
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.segmentation.segment import SegmenterError, categories_of


def page() -> None:
    """Draw the screen."""
    screen = open_screen("segment")
    network = model_picker(screen, ("segmentation",), "unet-street").on(device_of(screen.session))
    try:
        categories = categories_of(network.model, record=network.record)
    except SegmenterError:
        st.warning(screen.words("no_classes"))
        close_screen(screen)
        return
    _segment(screen, network, categories)


@st.fragment
def _segment(screen: Screen, network: OpenNetwork, categories: tuple[str, ...]) -> None:
    key, sent = screen.key("s"), _sent(screen)
    settings = settings_of(sent.get("settings") or screen.values)
    screen.remember({**network_values(screen, network), **settings.to_mapping()})
    component("segment")(
        key=key, data=_data(screen, network, categories, settings, sent), on_s_change=lambda: None,
        on_act_change=lambda: act(screen, network),
    )  # fmt: skip
    if asks_for_rerun(screen):
        st.rerun()
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in segment_files(screen.picture, network, settings)
    )
    close_screen(screen, code=pytorch_code(network), downloads=downloads)


def _sent(screen: Screen) -> dict[str, Any]:
    found = (st.session_state.get(screen.key("s")) or {}).get("s")
    return found if isinstance(found, dict) else {}


def _data(
    screen: Screen, network: OpenNetwork, categories: tuple[str, ...], settings: SegmentSettings, sent: dict[str, Any]
) -> bytes:  # fmt: skip
    run = RUNS.of_screen(screen.session, screen.slug)
    header = {
        "words": {**screen.words.every(), "language": screen.language},
        "network": network_words(network, categories, screen.language),
        "live": screen.live,
        "address": {
            "pic": screen.picture.key, "m": st.query_params.get(state.MATRIX.name, ""),
            **network_values(screen, network),
        },
        "settings_from": "browser" if sent else "address",
        "run": run.key if run else "",
    }  # fmt: skip
    return segment_block(screen.picture, network, settings, known=known(sent), header=header)
