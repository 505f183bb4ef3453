"""Everything a page remembers: the table of address-bar values, and the names of session keys.

A screen's whole state is in the address bar. `GLOBAL` and `SCREENS` list each query parameter with its type, range
and default; what a person types there is parsed by this table and by nothing else. A value that cannot be read becomes
the nearest valid one, with a `Note` that the page shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.figures.detection.region_proposals_settings import FIELDS as PROPOSAL_FIELDS
from app.figures.networks.architectures_settings import FIELDS as ARCHITECTURE_FIELDS
from app.parameters import (
    EDIT_PATTERN,
    STYLE_PATTERN,
    Choice,
    Flag,
    Integer,
    Number,
    Parameter,
    Text,
    network_parameters,
    number_of,
    of_field,
)
from cnn.convolution.connection_settings import FIELDS as CONNECTION_FIELDS
from cnn.convolution.field_settings import FIELDS as FIELD_FIELDS
from cnn.convolution.learning_settings import FIELDS as LEARNING_FIELDS
from cnn.convolution.settings import DIFFERENCE_PATTERN
from cnn.convolution.settings import FIELDS as LAB_FIELDS
from cnn.convolution.transposed_settings import FIELDS as TRANSPOSED_FIELDS
from cnn.detection.box_settings import FIELDS as BOX_FIELDS
from cnn.detection.grid_settings import FIELDS as GRID_FIELDS
from cnn.detection.window_settings import FIELDS as WINDOW_FIELDS
from cnn.images.gallery import PICTURE_IDS

__all__ = ["Choice", "Flag", "Integer", "Number", "Parameter", "Text"]

MAX_TEXT = 6000
"""Characters of one query parameter that are looked at; browsers and proxies cut longer addresses anyway."""


@dataclass(frozen=True, slots=True)
class Note:
    """One value of the address bar that was replaced. Texts are the person's own: show them escaped or not at all."""

    name: str
    got: str
    used: str


LANGUAGE = Choice("lang", ("en", "ko"), "en")
PICTURE = Text("pic", rf"{'|'.join(PICTURE_IDS)}|u-[A-Za-z0-9_-]{{22}}|matrix", "")
MATRIX = Text("m", r"[-0-9.,;_e+]{0,5000}|[a-z][a-z0-9_]{0,40}", "")
GLOBAL: tuple[Parameter, ...] = (LANGUAGE, PICTURE, MATRIX)


SCREENS: dict[str, tuple[Parameter, ...]] = {
    "convolution": (*(of_field(field) for field in LAB_FIELDS), Text("compare", DIFFERENCE_PATTERN)),
    "receptive_field": tuple(of_field(field) for field in FIELD_FIELDS),
    "learned_filters": tuple(of_field(field) for field in LEARNING_FIELDS),
    "transposed_convolution": tuple(of_field(field) for field in TRANSPOSED_FIELDS),
    "connections": tuple(of_field(field) for field in CONNECTION_FIELDS),
    "detect": (
        *network_parameters("yolo-cells"),
        Choice("source", ("picture", "camera", "video"), "picture"),
        Number("score", 0.05, 0.95, 0.4),
        Number("iou", 0.0, 0.95, 0.0),
        Text("hide", r"(\d{1,3}(\.\d{1,3}){0,90})?"),
        Flag("tags", True),
        Flag("lost", False),
        Flag("many", False),
    ),
    "boxes": tuple(of_field(field) for field in BOX_FIELDS),
    "yolo_grid": tuple(of_field(field) for field in GRID_FIELDS),
    "sliding_window": tuple(of_field(field) for field in WINDOW_FIELDS),
    "architectures": tuple(of_field(field) for field in ARCHITECTURE_FIELDS),
    "region_proposals": tuple(of_field(field) for field in PROPOSAL_FIELDS),
    "segment": (
        *network_parameters("unet-street"),
        Choice("view", ("overlay", "contours", "map", "objects"), "overlay"),
        Integer("opacity", 0, 100, 60),
        Integer("cls", -1, 255, -1),
        Integer("px", -1, 29999, -1),
        Integer("py", -1, 29999, -1),
        Choice("source", ("picture", "camera", "video"), "picture"),
    ),
    "unet": (
        Choice("net", ("unet-street", "unet-membrane"), "unet-street"),
        Text("skips", r"[01]{1,6}", "1111"),
        Text("block", r"(carried|raised|merged)\.[0-5]|bottom|logits", "carried.0"),
        Integer("channel", -1, 511, -1),
        Integer("opacity", 0, 100, 65),
    ),
    "layer_explorer": (
        *network_parameters(),
        Text("layer", r"[A-Za-z0-9_.]{0,120}"),
        Integer("channel", -1, 100_000, -1),
        Integer("row", -1, 8192, -1),
        Integer("col", -1, 8192, -1),
        Integer("page", 0, 1000, 0),
        Integer("px", -1, 8192, -1),
        Integer("py", -1, 8192, -1),
        Choice("tab", ("maps", "terms", "field", "edit", "prepare"), "maps"),
        Choice("sort", ("index", "mean", "max", "variance", "effect"), "index"),
        Choice("scale", ("map", "layer", "block", "network"), "map"),
        Choice("on", ("box", "heat", "map", "plain"), "box"),
        Flag("heat", False),
        Flag("folded", False),
        Integer("target", -1, 100_000, -1),
        Text("edits", EDIT_PATTERN),
        Text(
            "compare",
            rf"(before|layer~[A-Za-z0-9_.]{{1,120}}|picture~({'|'.join(PICTURE_IDS)}|u-[A-Za-z0-9_-]{{22}}))?",
        ),
    ),
    "attribution": (
        *network_parameters(),
        Integer("target", -1, 19_999, -1),
        Choice(
            "method",
            (
                "grad_cam",
                "grad_cam_pp",
                "xgrad_cam",
                "hires_cam",
                "layer_cam",
                "eigen_cam",
                "saliency",
                "input_x_gradient",
                "guided_backprop",
                "integrated_gradients",
                "smooth_grad",
                "occlusion",
            ),
            "grad_cam",
        ),
        Text("layer", r"[A-Za-z0-9_./-]{0,120}"),
        Choice("window", ("coarse", "medium", "fine"), "medium"),
        Flag("signed", False),
        Flag("blocks", False),
        Integer("opacity", 0, 100, 75),
        Flag("sanity", False),
    ),
    "feature_visualization": (
        *network_parameters(),
        Text("layer", r"[A-Za-z0-9_./-]{0,120}"),
        Flag("classes", False),
        Integer("channel", -1, 99_999, -1),
        Choice("goal", ("channel", "unit"), "channel"),
        Text("data", r"photos|flowers|u-[A-Za-z0-9_-]{22}", "photos"),
        Integer("steps", 16, 512, 192),
        Choice("parametrisation", ("fourier", "pixels", "blurred"), "fourier"),
        Flag("decorrelated", True),
        Integer("jitter", 0, 24, 6),
        Integer("turn", 0, 20, 5),
        Number("smooth", 0, 4, 0.2),
        Number("rate", 0.005, 0.5, 0.05),
        Integer("seed", 0, 9999, 0),
    ),
    "transfer_learning": (
        Text("data", r"flowers|u-[A-Za-z0-9_-]{22}", "flowers"),
        Text("net", r"[A-Za-z0-9_./-]{1,60}", "imagenette-resnet"),
        Text(
            "augment",
            r"none|(mirror|crop|rotation|colour)(\.(mirror|crop|rotation|colour)){0,3}",
            "mirror.crop",
        ),
        Integer("epochs", 5, 100, 30),
        Choice("rate", ("0.001", "0.003", "0.01", "0.03"), "0.01"),
        Integer("fine_epochs", 1, 20, 6),
        Choice("fine_rate", ("0.00003", "0.0001", "0.0003", "0.001"), "0.0003"),
        Choice("depth", ("all", "half"), "all"),
    ),
    "style_transfer": (
        Choice("view", ("picture", "grams", "layers"), "picture"),
        Text("styles", rf"{STYLE_PATTERN}(,{STYLE_PATTERN}){{0,2}}", "painting_starry_night~1"),
        Choice("net", ("auto", "vgg19", "imagenette-resnet", "random-vgg19"), "auto"),
        Integer("size", 96, 1024, 448),
        Integer("steps", 20, 500, 120),
        Number("strength", 0, 500, 8),
        Number("smooth", 0, 10, 2),
        Number("alpha", 0, 10, 1),
        Text("content", r"[a-z0-9_.]{0,20}", ""),
        Text("layers", r"([a-z0-9_.]{1,20}~\d(\.\d{1,2})?,?){0,16}", ""),
        Choice("start", ("content", "style", "noise"), "content"),
        Choice("colour", ("style", "luminance", "histogram"), "style"),
        Choice("optimiser", ("lbfgs", "adam"), "lbfgs"),
        Number("rate", 0, 2, 0),
        Number("scale", 0.25, 2, 1),
        Flag("coarse", True),
        Choice("pooling", ("max", "average"), "max"),
        Text("gram", r"[a-z0-9_.]{0,20}", ""),
    ),
    "fast_style": (
        Choice("source", ("picture", "camera", "video"), "picture"),
        Text("mix", r"([a-z0-9-]{1,30}~\d(\.\d{1,2})?,?){1,8}", "starry-night~1"),
        Integer("size", 160, 1024, 448),
        Number("steady", 0, 0.9, 0.3),
        Flag("colours", False),
    ),
}
"""Query parameters of each screen, by slug. A screen's names must differ from `GLOBAL`'s."""


def parsed(parameters: tuple[Parameter, ...], query: Mapping[str, str]) -> tuple[dict[str, Any], list[Note]]:
    """Return (value by parameter name, notes on what was replaced); names that no one asked for are ignored."""
    values: dict[str, Any] = {}
    notes = []
    for parameter in parameters:
        text = query.get(parameter.name)
        if text is None:
            values[parameter.name] = parameter.default
            continue
        text = text[:MAX_TEXT]
        value = parameter.parse(text)
        values[parameter.name] = value
        if not _same(parameter, text, value):
            notes.append(Note(parameter.name, text[:60], parameter.format(value)[:60]))
    return values, notes


def _same(parameter: Parameter, text: str, value: Any) -> bool:
    if parameter.format(value) == text:
        return True
    if isinstance(parameter, Flag):
        return text.strip().lower() in ("true", "false")
    number = number_of(text)
    return isinstance(parameter, (Integer, Number)) and number is not None and abs(number - value) < 1e-6


def query_text(parameters: tuple[Parameter, ...], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what goes into the address bar: the values that differ from their default."""
    return {
        p.name: p.format(values[p.name])
        for p in parameters
        if p.name in values and p.format(values[p.name]) != p.format(p.default)
    }


def read_address(slug: str) -> tuple[dict[str, Any], list[Note]]:
    """Return the values of screen `slug` and of `GLOBAL` as the address bar gives them, and the notes."""
    query = {key: st.query_params[key] for key in st.query_params}
    return parsed(GLOBAL + SCREENS.get(slug, ()), query)


def write_address(slug: str, values: Mapping[str, Any]) -> None:
    """Put the values of screen `slug` that differ from their defaults into the address bar; keep the rest as it is."""
    wanted = query_text(SCREENS.get(slug, ()), values)
    names = [p.name for p in SCREENS.get(slug, ())]
    now = {key: st.query_params[key] for key in st.query_params}
    target = {key: text for key, text in now.items() if key not in names} | wanted
    if target != now:
        st.query_params.from_dict(target)


def write_global(parameter: Parameter, value: Any) -> None:
    """Put one value of `GLOBAL` into the address bar (out of it, where it is the default)."""
    if parameter.format(value) == parameter.format(parameter.default):
        if parameter.name in st.query_params:
            del st.query_params[parameter.name]
    elif st.query_params.get(parameter.name) != parameter.format(value):
        st.query_params[parameter.name] = parameter.format(value)


# Session keys. Widgets of a page use `widget_key`; nothing else names a key.

PICTURE_KEY = "picture"
MATRIX_KEY = "matrix"
LANGUAGE_KEY = "language"
MATRIX_DRAFT = "matrix_draft"
NOTICES = "notices"
RECENT_KEY = "recent_screens"
SEEN_KEY = "seen_a_screen"


def widget_key(slug: str, name: str) -> str:
    """Return the session key of the widget `name` on screen `slug`."""
    return f"{slug}.{name}"


def remember_picture(key: str, matrix: str = "") -> None:
    """Make `key` the current picture of this session, on every screen, and put it into the address bar."""
    st.session_state[PICTURE_KEY] = key
    st.session_state[MATRIX_KEY] = matrix
    write_global(PICTURE, key)
    write_global(MATRIX, matrix)


def notify(sentence: str) -> None:
    """Have the next screen that opens show `sentence` at its top."""
    st.session_state[NOTICES] = (*st.session_state.get(NOTICES, ()), sentence)
