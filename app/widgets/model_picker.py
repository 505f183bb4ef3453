"""Chooses the network of a screen: one row with the networks that are ready, and a sheet with every other way."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.network_list import DEFAULTS, Offer, offers
from app.open_models import NetworkError, OpenNetwork, open_network
from app.widgets.network_sheet import NetworkSheet
from app.widgets.screen import Screen, plain

ORIGINS = ("builtin", "session", "own", "pretrained", "random")


def network_values(screen: Screen, picked: OpenNetwork) -> dict[str, str]:
    """Return what of the choice goes into the address bar."""
    return {"net": picked.key, "net_as": picked.reading}


def model_picker(
    screen: Screen, tasks: Sequence[str] = ("classification",), default: str = "", *, label: str = ""
) -> OpenNetwork:
    """Draw the row and return the network, open.

    Args:
        screen: whose address has `app.state.network_parameters`.
        tasks: which networks are offered, by what they do.
        default: the key that stands where nothing was asked for; of the first task when empty.
        label: above the list.

    Returns:
        the network asked for; where it cannot be opened the reason is shown and the default one opened.
    """
    picked = network_or_other(screen, tasks, (), default, label=label)
    assert isinstance(picked, OpenNetwork)
    return picked


def network_or_other(
    screen: Screen,
    tasks: Sequence[str],
    others: Sequence[Offer],
    default: str = "",
    *,
    label: str = "",
    bare: bool = False,
) -> OpenNetwork | Offer:
    """The same with `others` first in the list: what a screen shows in place of a network. Returns the one picked.

    Args:
        bare: random networks are skeletons without weights (`app.open_models.open_network`).
    """
    words, language = screen.words, screen.language
    default = default or DEFAULTS[tasks[0]]
    key, reading = _asked(screen, default)
    own = {offer.key: offer for offer in others}
    ready = {**own, **{offer.key: offer for offer in offers(tasks, screen.session)}}
    picked: OpenNetwork | Offer
    refusal: NetworkError | None = None
    if key in own:
        picked = own[key]
    else:
        picked, refusal = _opened(key, reading, screen.session, default, tasks, bare)
    for other in (*_kept(screen), picked.key):
        if other not in ready:
            ready[other] = _offer(other, picked, screen.session)
    ready = {k: offer for k, offer in ready.items() if offer is not None}
    listed = sorted(ready, key=lambda k: -1 if k in own else ORIGINS.index(ready[k].origin))
    widget = screen.key("net")
    if st.session_state.get(widget) not in ready or st.session_state[widget] != picked.key:
        st.session_state[widget] = picked.key
    with st.container(
        horizontal=True, vertical_alignment="bottom", key=screen.key("picker").replace(".", "_")
    ):
        st.selectbox(
            label or words("picker_network"), listed, key=widget, width=420, label_visibility="collapsed",
            format_func=lambda k: _shown(ready[k], language, "" if k in own else words(f"picker_{ready[k].origin}")),
        )  # fmt: skip
        sheet = NetworkSheet(screen, tasks, picked, choose_network, bare=bare)
        more = st.popover(
            words("picker_more"), icon=":material/add:", key=screen.key("more"), on_change="rerun"
        )
        if more.open:  # what it lists takes a moment to gather
            with more:
                sheet.draw()
    if refusal is not None:
        st.warning(plain(refusal.text(language), 600))
        if refusal.lines:
            with st.expander(words("picker_differences", n=len(refusal.lines))):
                st.code("\n".join(refusal.lines[:400]), language=None)
    sheet.follow()
    return picked


def _asked(screen: Screen, default: str) -> tuple[str, str]:
    """The list's choice, what another way chose in the last run, or the address bar's."""
    pending = st.session_state.pop(screen.key("net_next"), None)
    if pending is not None:
        kept = (pending[0], *(k for k in _kept(screen) if k != pending[0]))[:6]
        st.session_state[screen.key("net_kept")] = kept
        st.session_state[screen.key("net_reading")] = pending[1]
        st.session_state[screen.key("net")] = pending[0]
    key = st.session_state.get(screen.key("net")) or screen.values["net"] or default
    readings = st.session_state.get(screen.key("net_reading"))
    return key, screen.values["net_as"] if readings is None else readings


def _kept(screen: Screen) -> tuple[str, ...]:
    """Keys that the person opened in other ways on this screen; they stay in the list."""
    return tuple(st.session_state.get(screen.key("net_kept"), ()))


def choose_network(screen: Screen, key: str, reading: str = "") -> None:
    """Pick another network, or what else the list holds, from the next run on."""
    st.session_state[screen.key("net_next")] = (key, reading)


def _shown(offer: Offer, language: str, origin: str) -> str:
    return f"{offer.labels[language]} · {origin}" if origin else offer.labels[language]


def _opened(
    key: str, reading: str, session: str, default: str, tasks: Sequence[str], bare: bool
) -> tuple[OpenNetwork, NetworkError | None]:
    try:
        picked = open_network(key, session, reading, bare=bare)
        if picked.task in tasks:
            return picked, None
        refusal = NetworkError(
            f"This network is for {picked.task}, which this screen does not show.",
            f"이 화면에서 다루지 않는 신경망({picked.task})입니다.",
        )
    except NetworkError as error:
        refusal = error
    return open_network(default, session), refusal


def _offer(key: str, picked: OpenNetwork | Offer, session: str) -> Offer | None:
    """The list's entry of a network that is not offered by itself: random, or the person's own."""
    if key == picked.key:
        return Offer(key, picked.labels, picked.origin, picked.task)
    if key.startswith("random."):
        _, name, seed = key.split(".")
        return Offer(key, {"en": f"{name}, seed {seed}", "ko": f"{name}, 시드 {seed}"}, "random", "")
    if key.startswith("u-"):
        return Offer(key, {"en": "your own", "ko": "내 신경망"}, "own", "")
    return None
