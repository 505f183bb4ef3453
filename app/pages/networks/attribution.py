"""Attribution: where in the picture the evidence for a class lies, by every method at once; one component draws it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import state
from app.attribution_runs import AttributionRuns
from app.components.bundle import component
from app.figures.networks.attribution import attribution_block, known
from app.figures.networks.attribution_files import attribution_files, pytorch_code
from app.figures.networks.attribution_maps import AttributionSettings, AttributionView, attribution_view
from app.network_jobs import NetworkTooLarge
from app.open_models import OpenNetwork
from app.widgets.model_picker import model_picker, network_values
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.jobs import QueueFull

POLL_SECONDS = 0.4


def page() -> None:
    """Draw the screen."""
    screen = open_screen("attribution")
    network = model_picker(screen)
    followed = st.session_state.setdefault(screen.key("runs"), AttributionRuns("")).active
    st.fragment(_bench, run_every=POLL_SECONDS if followed else None)(screen, network, followed)


def _bench(screen: Screen, network: OpenNetwork, followed: tuple[str, ...]) -> None:
    """Show the maps; the whole script runs again when a job begins or ends, to ask on or no more."""
    key = screen.key("maps")
    sent = dict(st.session_state.get(key) or {}).get("attribution") or {}
    settings = AttributionSettings.from_mapping(sent.get("settings") or screen.values)
    screen.remember({**network_values(screen, network), **settings.to_mapping()})
    looked = partial(attribution_view, network, screen.picture, settings.target, patient=False)
    try:
        view = looked()
    except (ValueError, RuntimeError, KeyError):
        _runs(screen, "").end()
        st.warning(screen.words("no_scores"))
        close_screen(screen)
        return
    runs = _runs(screen, view.identity)
    runs.attend(settings)
    runs.collect(view)
    runs.provide(network, view, settings, screen.session)
    view = looked()  # with what has just come
    words = screen.words.own() | {"language": screen.language}
    header = {"words": words, "settings_from": "browser" if sent else "address"}
    block = attribution_block(header, network, screen.picture, settings, runs, view, known=known(sent))
    component("attribution")(
        key=key, data=block, on_attribution_change=lambda: None,
        on_act_change=lambda: _act(screen, network, view, settings),
    )  # fmt: skip
    made = attribution_files(view, settings, runs)
    downloads = tuple(Download(screen.words(f"download_{name}"), *rest) for name, *rest in made)
    close_screen(screen, code=pytorch_code(network, view, settings), downloads=downloads)
    if runs.active != followed:
        st.rerun()


def _runs(screen: Screen, identity: str) -> AttributionRuns:
    """Return what was measured of the view of this name; another view ends it and starts anew."""
    runs = st.session_state[screen.key("runs")]
    if runs.identity != identity:
        runs.end()
        runs = st.session_state[screen.key("runs")] = AttributionRuns(identity)
    return runs


def _act(screen: Screen, network: OpenNetwork, view: AttributionView, settings: AttributionSettings) -> None:
    """A button was pressed: make slow maps, measure one map or all, or stop."""
    sent = st.session_state[screen.key("maps")].get("act")
    try:
        _runs(screen, view.identity).act(sent, network, view, settings, screen.session)
    except (QueueFull, NetworkTooLarge) as full:
        state.notify(full.text(screen.language))
