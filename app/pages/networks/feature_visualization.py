"""Feature visualisation: a picture optimised to excite a channel beside the patches that do; one component draws it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import state
from app.components.bundle import component
from app.feature_runs import FeatureRuns
from app.figures.networks.feature_visualization import feature_block, known
from app.figures.networks.feature_visualization_files import feature_files, pytorch_code
from app.figures.networks.feature_visualization_scan import FeatureSettings
from app.figures.networks.feature_visualization_view import FeatureView, feature_view
from app.network_jobs import NetworkTooLarge
from app.open_models import OpenNetwork
from app.widgets.model_picker import model_picker, network_values
from app.widgets.picture_set import own_set, picture_uploader
from app.widgets.screen import Download, Screen, close_screen, open_screen
from cnn.jobs import QueueFull

POLL_SECONDS = 0.4


def page() -> None:
    """Draw the screen."""
    screen = open_screen("feature_visualization")
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        network = model_picker(screen)
    with right, st.popover(screen.words("own_pictures"), icon=":material/photo_library:"):
        picture_uploader(screen, labelled=False)
    runs = st.session_state.setdefault(screen.key("runs"), FeatureRuns())
    followed = runs.active
    st.fragment(_bench, run_every=POLL_SECONDS if followed else None)(screen, network, runs, followed)


def _bench(screen: Screen, network: OpenNetwork, runs: FeatureRuns, followed: tuple[str, ...]) -> None:
    """Show the newest picture; the whole script runs again when a job begins or ends, to ask on or no more."""
    key = screen.key("features")
    sent = dict(st.session_state.get(key) or {}).get("feature_visualization") or {}
    settings = FeatureSettings.from_mapping(sent.get("settings") or screen.values)
    uploaded = st.session_state.pop(screen.key("data"), None)
    if uploaded:
        settings = replace(settings, data=uploaded)
    try:
        view = feature_view(network, screen.picture, settings, runs, screen.session, screen.language)
    except QueueFull as full:
        st.warning(full.text(screen.language))
        return
    if view is None:
        st.warning(screen.words("no_channels"))
        close_screen(screen)
        return
    if view.notice:
        st.warning(screen.words(view.notice))
    screen.remember({**network_values(screen, network), **view.settings.to_mapping()})
    words = {**screen.words.own(), "language": screen.language}
    fresh = uploaded or view.notice or not sent
    header = {"words": words, "own_set": own_set(screen), "settings_from": "address" if fresh else "browser"}
    component("feature_visualization")(
        key=key, data=feature_block(header, network, screen.picture, view, known=known(sent)),
        on_feature_visualization_change=lambda: None, on_act_change=lambda: _act(screen, network, runs, view),
    )  # fmt: skip
    made = feature_files(view)
    downloads = tuple(Download(screen.words(f"download_{name}"), *rest) for name, *rest in made)
    close_screen(screen, code=pytorch_code(network, view), downloads=downloads)
    if runs.active != followed:
        st.rerun()


def _act(screen: Screen, network: OpenNetwork, runs: FeatureRuns, view: FeatureView) -> None:
    """A button was pressed, or a picture that is being optimised is steered."""
    sent = st.session_state[screen.key("features")].get("act")
    sent = sent if isinstance(sent, dict) else {}
    try:
        runs.obey(sent, network, view.with_settings(sent), screen.session)
    except (QueueFull, NetworkTooLarge) as full:
        state.notify(full.text(screen.language))
