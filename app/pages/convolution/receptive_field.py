"""Receptive fields of any network, or of layers of one's own: the picker says which, one component draws them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app.figures.convolution.receptive_field import field_block, field_view, screen_words, settings_of
from app.figures.convolution.receptive_field_code import pytorch_code
from app.figures.convolution.receptive_field_files import field_files
from app.figures.convolution.receptive_field_network import TASKS
from app.figures.exchange import known
from app.network_list import Offer
from app.open_models import OpenNetwork
from app.widgets.instrument import Answer, draw_instrument, told
from app.widgets.model_picker import choose_network, network_or_other, network_values
from app.widgets.screen import Screen, open_screen
from cnn.convolution.field_settings import OWN_STACK, FieldSettings


def page() -> None:
    """Draw the screen."""
    screen = open_screen("receptive_field")
    values = {**screen.values, **settings_of(screen.values).to_mapping()}
    _fields(replace(screen, values=values))


@st.fragment
def _fields(screen: Screen) -> None:
    own = Offer(OWN_STACK, {"en": screen.words("own_stack"), "ko": screen.words("own_stack")}, "own", "")
    picked = network_or_other(screen, TASKS, (own,), bare=True)
    opened = picked if isinstance(picked, OpenNetwork) else None
    shown = {"net": OWN_STACK, "net_as": ""} if opened is None else network_values(screen, opened)
    sent = told(screen).get("settings") or screen.values
    same = (sent.get("net"), sent.get("net_as", "")) == (shown["net"], shown["net_as"])

    def read(values: dict[str, object]) -> FieldSettings:
        place = {} if same else {"layer": "", "row": -1, "column": -1, "px": -1, "py": -1}
        return settings_of({**values, **place, **shown})

    def answer(settings: FieldSettings) -> Answer:
        view = field_view(screen.picture, settings, opened)
        return Answer(
            block=lambda parts, header: field_block(
                view, known=parts, header=header, later=bool(screen.live)
            ),
            code=lambda: pytorch_code(view),
            files=tuple(field_files(view)),
        )

    draw_instrument(
        screen, read, known, answer, screen_words(screen.language),
        overruled=not same, on_told=lambda: _follow(screen),
    )  # fmt: skip


def _follow(screen: Screen) -> None:
    """The browser went over to layers of one's own by itself: the picker goes too."""
    net = str((told(screen).get("settings") or {}).get("net", ""))
    before = st.session_state.get(screen.key("told_net"), screen.values["net"])
    st.session_state[screen.key("told_net")] = net
    if net == OWN_STACK != before:
        reading = st.session_state.get(screen.key("net_reading"), screen.values["net_as"])
        choose_network(screen, OWN_STACK, reading)  # for the file that one may come back to
