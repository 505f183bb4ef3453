"""The narrow column of /transfer_learning: pictures, network, augmentation, epochs and rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.data_sets import FLOWERS, DataSetGone, data_set_of
from app.session_models import SESSION_MODELS
from app.transfer_runs import SCRATCH_RATE
from app.widgets.picture_set import own_set, picture_uploader
from app.widgets.screen import Screen
from cnn.networks.transfer_augment import SWITCHES
from cnn.networks.transfer_errors import DataSetError
from cnn.networks.transfer_learning import TransferSettings
from cnn.networks.transfer_model import RANDOM, Backbone, backbones
from cnn.networks.transfer_pictures import LabelledPictures

_RATES = ("0.001", "0.003", "0.01", "0.03")
_FINE_RATES = ("0.00003", "0.0001", "0.0003", "0.001")


@dataclass(frozen=True, slots=True, eq=False)
class TransferChoices:
    """What the controls say: the screen's values, the pictures, the network, and each stage's settings."""

    values: dict[str, Any]
    data: LabelledPictures
    backbone: Backbone
    settings: dict[str, TransferSettings]


def transfer_controls(screen: Screen) -> TransferChoices:
    """Draw the column and return what it says."""
    words = screen.words
    data_key, data = _pictures(screen)
    own = SESSION_MODELS.of_session(screen.session)
    ready = {
        backbone.name: backbone for backbone in (*backbones(), *SESSION_MODELS.backbones(screen.session))
    }
    labels = {RANDOM: words("network_random"), **{model.key: model.name(screen.language) for model in own}}
    asked = screen.values["net"] if screen.values["net"] in ready else next(iter(ready))
    net = st.selectbox(
        words("network"), list(ready), index=list(ready).index(asked), key=screen.key("net"), help=words("network_help"),
        format_func=lambda name: labels.get(name, name),
    )  # fmt: skip
    chosen = [s for s in screen.values["augment"].split(".") if s in SWITCHES]
    switches = st.pills(
        words("augment"), SWITCHES, selection_mode="multi", default=chosen, key=screen.key("augment"),
        format_func=lambda name: words(f"augment_{name}"), help=words("augment_help"),
    )  # fmt: skip
    st.markdown(f"**{words('stage_head')}**")
    epochs = st.slider(words("epochs"), 5, 100, screen.values["epochs"], 5, key=screen.key("epochs"))
    rate = st.select_slider(words("rate"), _RATES, screen.values["rate"], key=screen.key("rate"))
    st.markdown(f"**{words('stage_fine')}**")
    fine_epochs = st.slider(
        words("epochs"), 1, 20, screen.values["fine_epochs"], key=screen.key("fine_epochs")
    )
    fine_rate = st.select_slider(
        words("rate"), _FINE_RATES, screen.values["fine_rate"], key=screen.key("fine_rate")
    )
    depths = ("all", "half")
    depth = st.segmented_control(
        words("depth"), depths, default=screen.values["depth"], key=screen.key("depth"), required=True,
        format_func=lambda name: words(f"depth_{name}"),
    )  # fmt: skip
    st.caption(words("scratch_note", rate=f"{SCRATCH_RATE:g}"))
    kept = tuple(name for name in SWITCHES if name in switches)
    values = {
        "data": data_key, "net": net, "augment": ".".join(kept) or "none", "epochs": epochs, "rate": rate,
        "fine_epochs": fine_epochs, "fine_rate": fine_rate, "depth": depth,
    }  # fmt: skip
    settings = {
        "head": TransferSettings("head", epochs, float(rate), kept),
        "fine": TransferSettings("fine", fine_epochs, float(fine_rate), kept, depth),
        "scratch": TransferSettings("scratch", fine_epochs, SCRATCH_RATE, kept),
    }
    return TransferChoices(values, data, ready[net], settings)


def _pictures(screen: Screen) -> tuple[str, LabelledPictures]:
    """Draw the choice of pictures; a set that is gone gives way to the flowers, and says so."""
    words, widget = screen.words, screen.key("data")
    own = own_set(screen)
    key = FLOWERS
    if not own:
        st.markdown(words("pictures_flowers"))
    else:
        if widget not in st.session_state:
            st.session_state[widget] = screen.values["data"]
        key = st.segmented_control(
            words("pictures"), (FLOWERS, own), key=widget, required=True,
            format_func=lambda option: words("flowers" if option == FLOWERS else "own_pictures"),
        )  # fmt: skip
    try:
        data = data_set_of(key, screen.session)
    except (DataSetGone, DataSetError) as error:
        st.warning(error.sentence(screen.language) if isinstance(error, DataSetError) else words("data_gone"))
        key, data = FLOWERS, data_set_of(FLOWERS)
    picture_uploader(screen, data.skipped)
    return key, data
