"""A person's own set of pictures, sent as a folder, a ZIP, or kind by kind: the uploader of every screen that takes one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import streamlit as st

from app import state
from app.components.bundle import component
from app.data_sets import keep_data_set
from app.widgets.screen import Screen
from app.wire import pack
from cnn.networks.transfer_pictures import Skipped


def picture_uploader(screen: Screen, skipped: Sequence[Skipped] = (), *, labelled: bool = True) -> None:
    """Draw the uploader. What is sent becomes the session's own set: its key under `own_data`, chosen under `data`.

    Args:
        screen: whose address has a parameter "data".
        skipped: files of the set that is shown that were left out.
        labelled: False takes any pictures, in folders or not.
    """
    words = screen.words
    listed = [[s.name, s.ko if screen.language == "ko" else s.en] for s in skipped]
    header = {
        "words": words.every(),
        "language": screen.language,
        "live": screen.live,
        "skipped": listed,
        "plain": not labelled,
    }
    component("data_set")(
        key=screen.key("data_set"), data=pack(header, {}),
        on_kept_change=lambda: _take(screen, "kept", labelled), on_sent_change=lambda: _take(screen, "sent", labelled),
    )  # fmt: skip


def own_set(screen: Screen) -> str:
    """Return the key of the set that this session sent, or that the address names; "" where there is none."""
    key = st.session_state.get(screen.key("own_data")) or screen.values["data"]
    return key if key.startswith("u-") else ""


def _take(screen: Screen, name: str, labelled: bool) -> None:
    """The browser has sent pictures: they are this session's own ones from now on, and chosen."""
    sent = st.session_state[screen.key("data_set")].get(name)
    if not isinstance(sent, dict):
        return
    if name == "sent":
        try:
            packed = base64.b64decode(str(sent.get("data", "")), validate=True)
            answer = keep_data_set(packed, screen.session, labelled=labelled)
        except binascii.Error:
            return
        if "error" in answer:
            state.notify(answer["error"][screen.language])
            return
        sent = answer
    parameter = next(p for p in state.SCREENS[screen.slug] if p.name == "data")
    key = parameter.parse(str(sent.get("key", "")))
    if key.startswith("u-"):
        st.session_state[screen.key("own_data")] = key
        st.session_state[screen.key("data")] = key
