"""The layer explorer: one component does the drawing; this page feeds it and keeps address, code and downloads in step."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.networks.layer_explorer import explorer_block, known
from app.figures.networks.layer_explorer_code import pytorch_code
from app.figures.networks.layer_explorer_files import explorer_files
from app.figures.networks.layer_explorer_network import TASKS, explored_with, values_of
from app.language import Words
from app.open_models import OpenNetwork
from app.pictures import names_of_pictures
from app.widgets.model_picker import model_picker, network_values
from app.widgets.screen import Download, Screen, close_screen, open_screen


def page() -> None:
    """Draw the screen."""
    screen = open_screen("layer_explorer")
    picked = model_picker(screen, TASKS)
    st.fragment(_explorer)(screen, picked)


def _explorer(screen: Screen, picked: OpenNetwork) -> None:
    key = screen.key("explorer")
    sent = dict(st.session_state.get(key) or {}).get("explorer") or {}
    chosen = sent.get("values") or screen.values
    same = not sent or str(chosen.get("net")) == picked.key
    start = (
        chosen if same else {name: chosen.get(name, "") for name in ("tab", "sort", "scale", "on", "heat")}
    )
    values = values_of({**start, **network_values(screen, picked)})
    found = explored_with(picked, values, screen.picture)
    values["edits"] = found.edit_text
    screen.remember(values)
    words = screen.words
    header = {
        "words": {**words.own(), "language": screen.language},
        "field_words": Words(screen.language, "convolution", "receptive_field").own(),
        "live": screen.live,
        "address": {"pic": screen.picture.key, "m": st.query_params.get("m", "")},
        "values_from": "browser" if sent and same else "address",
        "pictures": names_of_pictures(screen.language, screen.session),
    }
    effects = sent.get("effects") if isinstance(sent.get("effects"), dict) else None
    block = explorer_block(found, values, screen.session, known=known(sent), effects=effects, header=header)
    component("layer_explorer")(key=key, data=block, on_explorer_change=lambda: None)
    downloads = tuple(
        Download(words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in explorer_files(found, values)
    )
    close_screen(screen, code=pytorch_code(found, values), downloads=downloads)
