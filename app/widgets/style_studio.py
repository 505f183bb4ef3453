"""What a visitor of /style_transfer does: settings that came from the browser, buttons, a style uploaded without our route."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import state
from app.figures.style.style_transfer_choices import StyleChoices, choices_of, own_values
from app.routes.files import keep_upload
from app.session_devices import device_of
from app.style_runs import LAYERS, RUNS, TRANSFER, StyleRun
from app.widgets.screen import Screen
from cnn.jobs import QueueFull
from cnn.style.errors import StyleError
from cnn.style.gatys import check_style_transfer

LAYER_STEPS, LAYER_SIZE = 50, 192
STUDIO = "studio"


def sent(screen: Screen) -> dict[str, Any]:
    """What the component has sent so far, by name."""
    return dict(st.session_state.get(screen.key(STUDIO)) or {})


def known(screen: Screen) -> tuple[str, ...]:
    """The ids of the parts that the browser has."""
    told = sent(screen).get("settings")
    listed = told.get("known") if isinstance(told, Mapping) else None
    return tuple(str(name)[:700] for name in listed[:40]) if isinstance(listed, list) else ()


def current_choices(screen: Screen, values: object = None) -> StyleChoices:
    """What the controls say: `values`, else what the browser sent last, else the address."""
    told = sent(screen).get("settings")
    asked = (
        values if isinstance(values, Mapping) else told.get("values") if isinstance(told, Mapping) else None
    )
    values = own_values(asked) if isinstance(asked, Mapping) else dict(screen.values)
    return choices_of(values, screen.picture, screen.language, screen.session)


def current_runs(screen: Screen, choices: StyleChoices) -> dict[str, StyleRun]:
    """The newest run of each kind of this visit, steered by the choices; a change of the content ends them."""
    runs: dict[str, StyleRun] = st.session_state.setdefault(screen.key("runs"), {})
    for what, run in list(runs.items()):
        if run.inputs.split(" ")[0] != choices.picture.identity:
            run.act("stop")
            del runs[what]
        elif run.inputs == choices.inputs:
            run.steer(choices.steered)
    return runs


def problem(screen: Screen) -> str:
    """The sentence about what could not be started, once."""
    return str(st.session_state.pop(screen.key("problem"), ""))


def act(screen: Screen) -> None:
    """A button was pressed: start, start_layers, pause, resume, step or stop."""
    message = sent(screen).get("act")
    if not isinstance(message, dict):
        return
    action, runs = str(message.get("action")), st.session_state.get(screen.key("runs"), {})
    if action in ("start", "start_layers"):
        _start(screen, current_choices(screen, message.get("values")), action)
    for run in runs.values():
        run.act(action)


def _start(screen: Screen, choices: StyleChoices, action: str) -> None:
    content, styles = choices.content(), choices.style_pictures()
    arguments, steps = choices.arguments(device_of(screen.session)), choices.values["steps"]
    what, told = TRANSFER, choices.steered
    if action == "start_layers":
        what, told, steps = LAYERS, {}, LAYER_STEPS
        arguments = {name: arguments[name] for name in ("network", "device")} | {"size": LAYER_SIZE}
    try:
        if what == TRANSFER:
            check_style_transfer(content, styles, steps=steps, **arguments)
        run = RUNS.start(
            what, choices.inputs, content, styles, arguments, steps=steps, session=screen.session, told=told
        )
    except (StyleError, QueueFull) as error:
        words = error.sentence if isinstance(error, StyleError) else error.text
        st.session_state[screen.key("problem")] = words(screen.language)
        return
    st.session_state.setdefault(screen.key("runs"), {})[what] = run


def take_upload(screen: Screen) -> None:
    """A style picture came through the component, where our upload route is not there: it is a style from now on."""
    message = sent(screen).get("uploaded")
    try:
        data = base64.b64decode(str(message["data"]), validate=True) if isinstance(message, dict) else b""
    except (KeyError, binascii.Error):
        return
    answer = keep_upload(data, screen.session)
    if "error" in answer:
        state.notify(answer["error"][screen.language])
    else:
        st.session_state[screen.key("new_style")] = answer["key"]


def new_style(screen: Screen) -> str:
    """The key of a style that has just come, once."""
    return str(st.session_state.pop(screen.key("new_style"), ""))
