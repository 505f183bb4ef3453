"""The bar above every screen: title, picture chooser, language, device, share (browser side: components/toolbar)."""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Any

import streamlit as st

from app import state
from app.components.bundle import component
from app.language import LANGUAGES, Words
from app.navigation import go
from app.pictures import MATRIX, CurrentPicture, PictureGone, picture_of, thumbnail_url
from app.routes.files import keep_upload
from app.session import session_id
from app.session_devices import choose_device, device_of
from app.uploads import STORE
from app.wire import pack
from cnn.device import describe, devices, parse_device
from cnn.images.errors import ImageError, MatrixError
from cnn.images.gallery import PICTURES as BUILT_IN
from cnn.images.matrices import MATRICES, format_matrix, parse_matrix

KEY = "toolbar"
SHELL = (
    "choose_picture", "share", "share_hint", "link_copied", "language", "device_hint", "server_status", "drop_here",
    "my_pictures", "built_in", "number_matrix", "matrix_hint", "use_matrix", "upload", "upload_hint", "upload_failed",
    "reconnecting", "not_saved", "no_camera", "camera", "take_picture", "file_too_large",
)  # fmt: skip


def toolbar(words: Words, picture: CurrentPicture, live: dict[str, str] | None) -> None:
    """Draw the bar; what is chosen in it takes effect before the next run."""
    device = device_of(session_id())
    text, error = st.session_state.get(state.MATRIX_DRAFT, ("", ""))
    header: dict[str, Any] = {
        "title": words("title"),
        "subtitle": words("subtitle"),
        "words": {key: words(key) for key in SHELL},
        "language": words.language,
        "languages": [[key, label, {"en": "EN", "ko": "한"}[key]] for key, label in LANGUAGES.items()],
        "picture": {
            "key": picture.key, "name": picture.name, "alt": picture.alt, "thumb": thumbnail_url(picture, 64),
        },
        "gallery": built_in_cards(words.language),
        "uploads": _uploads(words.language),
        "matrices": [
            {"id": m.id, "name": m.ko if words.language == "ko" else m.en} for m in MATRICES
        ],
        "matrix": {"text": text or _matrix_text(picture), "error": error},
        "device": [parse_device(device).type.upper(), describe(parse_device(device))],
        "devices": [[str(d.device), d.name, str(d.device) == device] for d in devices()],
        "live": live,
    }  # fmt: skip
    component("toolbar")(
        key=KEY,
        data=pack(header, {}),
        on_picked_change=_on_picked,
        on_uploaded_change=_on_uploaded,
        on_language_change=_on_language,
        on_device_change=_on_device,
        on_open_change=lambda: None,
        on_renew_change=lambda: None,  # a rerun is all it asks for: it brings a fresh token
    )
    if _sent("open") == "status":
        go("status")


def _sent(name: str) -> Any:
    return st.session_state[KEY].get(name) if KEY in st.session_state else None


@cache
def built_in_cards(language: str) -> list[dict[str, str]]:
    """Return the cards of the built-in pictures; made once, before the first visitor comes."""
    cards = []
    for record in BUILT_IN:
        shown = picture_of(record.id, language=language)
        cards.append(
            {"key": record.id, "name": shown.name, "alt": shown.alt, "thumb": thumbnail_url(shown, 96)}
        )
    return cards


def _uploads(language: str) -> list[dict[str, str]]:
    cards = []
    for key in STORE.of_session(session_id())[:12]:
        try:
            shown = picture_of(key, language=language)
        except (PictureGone, ImageError):
            continue
        cards.append({"key": key, "name": "", "alt": shown.alt, "thumb": thumbnail_url(shown, 96)})
    return cards


def _matrix_text(picture: CurrentPicture) -> str:
    shown = picture.pixels if picture.kind == MATRIX else MATRICES[0].tensor()
    return format_matrix(shown[0])


def _on_picked() -> None:
    sent = _sent("picked")
    if not isinstance(sent, dict):
        return
    key = state.PICTURE.parse(str(sent.get("key", "")))
    matrix = ""
    if key == MATRIX:
        matrix, error = _matrix_parameter(str(sent.get("matrix", "")))
        st.session_state[state.MATRIX_DRAFT] = (
            (str(sent.get("matrix", ""))[:6000], error) if error else ("", "")
        )
        if error:
            state.notify(error)
            return
    state.remember_picture(key, matrix)


def _matrix_parameter(text: str) -> tuple[str, str]:
    """Return (what goes into the address bar, error sentence) for a preset's id or typed numbers."""
    if any(text == m.id for m in MATRICES):
        return text, ""
    try:
        values = parse_matrix(text)
    except MatrixError as error:
        return "", error.sentence(st.session_state.get(state.LANGUAGE_KEY, "en"))
    rows = [
        ",".join(f"{v:g}" if values.is_floating_point() else str(v) for v in row) for row in values.tolist()
    ]
    return ";".join(rows), ""


def _on_uploaded() -> None:
    """Take a picture that came through the component, where our upload route is not there."""
    sent = _sent("uploaded")
    try:
        data = base64.b64decode(str(sent["data"]), validate=True)
    except (TypeError, KeyError, binascii.Error):
        return
    answer = keep_upload(data, session_id())
    if "error" in answer:
        language = st.session_state.get(state.LANGUAGE_KEY, "en")
        state.notify(answer["error"][language])
        return
    state.remember_picture(answer["key"])


def _on_language() -> None:
    language = _sent("language")
    if language in LANGUAGES:
        st.session_state[state.LANGUAGE_KEY] = language
        st.query_params[state.LANGUAGE.name] = language


def _on_device() -> None:
    choose_device(session_id(), str(_sent("device")))
