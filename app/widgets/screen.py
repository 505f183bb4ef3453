"""The frame of every screen: the toolbar above it; lesson, code and downloads below it; its values in the address bar."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from app import state
from app.language import LANGUAGES, Words
from app.navigation import spec_of
from app.pictures import CurrentPicture, PictureGone, picture_of
from app.routes.live import live_address
from app.session import session_id
from app.widgets.toolbar import toolbar
from cnn.images.errors import ImageError, MatrixError

PICTURE_FIRST_SECONDS = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Download:
    """A file that the person may take away. `make` runs only when the button is pressed."""

    label: str
    file_name: str
    make: Callable[[], bytes]
    mime: str


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """What a page knows when it starts to draw."""

    slug: str
    section: str
    words: Words
    language: str
    picture: CurrentPicture
    values: Mapping[str, Any]
    live: dict[str, str] | None
    session: str = field(default="")

    def remember(self, values: Mapping[str, Any]) -> None:
        """Keep the screen's values for this session and put them into the address bar."""
        st.session_state[_values_key(self.slug)] = dict(values)
        state.write_address(self.slug, values)

    def key(self, name: str) -> str:
        """Return the session key of this screen's widget `name`."""
        return state.widget_key(self.slug, name)


def plain(text: str, limit: int = 60) -> str:
    """Return a person's text cut short and with everything that Markdown or HTML could read defused."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(f"&#{ord(c)};" if c in "\\`*_{}[]()#+-.!|<>&:$~^=/@'\"" else c for c in html.unescape(cut))


def choose_language() -> str:
    """Return the language: the address bar's, else this session's, else the browser's; and keep it in both."""
    asked = st.query_params.get(state.LANGUAGE.name)
    kept = st.session_state.get(state.LANGUAGE_KEY)
    if asked in LANGUAGES:
        language = asked
    elif kept in LANGUAGES:
        language = kept
    else:
        language = "ko" if (st.context.locale or "").lower().startswith("ko") else "en"
    st.session_state[state.LANGUAGE_KEY] = language
    state.write_global(state.LANGUAGE, language)
    return language


def open_screen(slug: str, *, first_picture: str = "") -> Screen:
    """Draw the toolbar of screen `slug` and return what its page needs.

    Args:
        first_picture: the built-in picture shown here as long as the person has chosen none.
    """
    spec = spec_of(slug)
    language = st.session_state.get(state.LANGUAGE_KEY, "en")
    words = Words(language, spec.section, spec.slug)
    values, notes = state.read_address(slug)
    values = _with_kept_values(slug, values)
    picture = _current_picture(language, values, first_picture)
    session = session_id()
    toolbar(words, picture, live_address(session))
    for note in notes:
        st.info(
            words("address_note", name=plain(note.name), got=plain(note.got), used=plain(note.used) or "–")
        )
    for notice in st.session_state.pop(state.NOTICES, ()):
        st.warning(notice)
    if spec.listed:
        recent = [other for other in st.session_state.get(state.RECENT_KEY, ()) if other != slug]
        st.session_state[state.RECENT_KEY] = (slug, *recent[:2])
    own = {p.name: values[p.name] for p in state.SCREENS.get(slug, ())}
    return Screen(slug, spec.section, words, language, picture, own, live_address(session), session)


def close_screen(screen: Screen, *, code: str = "", downloads: tuple[Download, ...] = ()) -> None:
    """Draw what stands below every screen: the lesson, the PyTorch code and the downloads."""
    words = screen.words
    _let_the_picture_come_first(screen)
    with st.container(key=f"below_{screen.slug}"):
        if downloads:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{words('downloads')}**", width="content")
                for place, download in enumerate(downloads):
                    st.download_button(
                        download.label,
                        data=download.make,
                        file_name=download.file_name,
                        mime=download.mime,
                        key=screen.key(f"download_{place}"),
                        on_click="ignore",
                        icon=":material/download:",
                    )
        with st.expander(words("lesson"), expanded=True, icon=":material/school:"):
            st.markdown(words.lesson())
        if code:
            with st.expander(words("code"), icon=":material/code:"):
                st.caption(words("code_hint"))
                st.code(code, language="python", line_numbers=True)


def _let_the_picture_come_first(screen: Screen) -> None:
    """Wait a moment at the first run of a session: a browser that is handed the lesson's formulas together with the
    picture sets them first, a tenth of a second in which nothing is seen."""
    if screen.live and state.SEEN_KEY not in st.session_state:
        time.sleep(PICTURE_FIRST_SECONDS)
    st.session_state[state.SEEN_KEY] = True


def _values_key(slug: str) -> str:
    return state.widget_key(slug, "values")


def _with_kept_values(slug: str, values: dict[str, Any]) -> dict[str, Any]:
    """Coming back to a screen without its values in the address bar: those of this session stand."""
    names = [p.name for p in state.SCREENS.get(slug, ())]
    kept = st.session_state.get(_values_key(slug))
    if kept and not any(name in st.query_params for name in names):
        return {**values, **{name: kept[name] for name in names if name in kept}}
    return values


def _current_picture(language: str, values: Mapping[str, Any], first: str) -> CurrentPicture:
    key = values[state.PICTURE.name] or st.session_state.get(state.PICTURE_KEY, "")
    matrix = values[state.MATRIX.name] or st.session_state.get(state.MATRIX_KEY, "")
    words = Words(language)
    try:
        picture = picture_of(key or first, matrix, language, session_id())
    except PictureGone:
        state.notify(words("picture_gone"))
        picture = picture_of("", language=language)
    except (ImageError, MatrixError) as error:
        state.notify(error.sentence(language))
        picture = picture_of("", language=language)
    state.remember_picture(picture.key if key else "", matrix if picture.kind == "matrix" else "")
    return picture
