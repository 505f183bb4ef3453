"""A screen that one browser component draws: settings and known parts come back, block, code and downloads follow them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import streamlit as st

from app.components.bundle import component
from app.widgets.screen import Download, Screen, close_screen

MadeFile = tuple[str, str, Callable[[], bytes], str]


class Settings(Protocol):
    """A frozen record of everything that the person can set."""

    def to_mapping(self) -> dict[str, Any]:
        """Return flat values for the address bar and the browser."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the screen shows for some settings: `block(known, header)` for the browser, the code, and the downloads as
    (label id, file name, maker, MIME type)."""

    block: Callable[[tuple[str, ...], Mapping[str, Any]], bytes]
    code: Callable[[], str]
    files: tuple[MadeFile, ...]


@st.fragment
def instrument(
    screen: Screen,
    read: Callable[[Mapping[str, Any]], Settings],
    known: Callable[[Mapping[str, Any]], tuple[str, ...]],
    answer: Callable[[Any], Answer],
    words: Mapping[str, Any] | None = None,
) -> None:
    """Draw the component named as the screen, and what stands below it.

    Args:
        read: settings from whatever the browser or the address bar sent; total. known: the ids of the parts that the
            browser has. answer: what those settings show; a ValueError with `sentence(language)` is said instead.
        words: what the controls list, beside the screen's own words.
    """
    draw_instrument(screen, read, known, answer, words)


def told(screen: Screen) -> Mapping[str, Any]:
    """Return what the browser told last: its `settings`, and what it has; nothing at first."""
    return dict(st.session_state.get(screen.key(screen.slug)) or {}).get(screen.slug) or {}


def draw_instrument(
    screen: Screen,
    read: Callable[[Mapping[str, Any]], Settings],
    known: Callable[[Mapping[str, Any]], tuple[str, ...]],
    answer: Callable[[Any], Answer],
    words: Mapping[str, Any] | None = None,
    *,
    overruled: bool = False,
    on_told: Callable[[], None] = lambda: None,
) -> None:
    """The same within a fragment that draws more: widgets above, say, that settle a part of the settings.

    Args:
        overruled: what the browser told last holds no more: it is to take the settings that are read.
        on_told: called before the run that follows when the browser has told something new.
    """
    slug, sent = screen.slug, told(screen)
    settings = read(sent.get("settings") or screen.values)
    screen.remember(settings.to_mapping())
    try:
        shown = answer(settings)
    except ValueError as error:
        sentence = getattr(error, "sentence", None)
        if sentence is None:
            raise
        st.warning(sentence(screen.language))
        close_screen(screen)
        return
    header = {
        "words": {**screen.words.own(), **(words or {}), "language": screen.language},
        "live": screen.live,
        "address": {
            "pic": screen.picture.key,
            "m": st.query_params.get("m", ""),
            "language": screen.language,
        },
        "settings_from": "browser" if sent and not overruled else "address",
    }
    block = shown.block(known(sent), header)
    component(slug)(key=screen.key(slug), data=block, **{f"on_{slug}_change": on_told})
    downloads = tuple(
        Download(screen.words(f"download_{name}"), file_name, make, mime)
        for name, file_name, make, mime in shown.files
    )
    close_screen(screen, code=shown.code(), downloads=downloads)
