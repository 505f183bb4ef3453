"""The layer explorer's answers: one block of parts for a rerun and for the live route, and its card on the home page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from app.figures.colours import palette
from app.figures.networks.layer_explorer_network import (
    DEFAULT_NET,
    MOST_VALUES,
    Explored,
    as_maps,
    chosen_layer,
    chosen_unit,
    explored,
    explored_with,
    fields_of,
    graph_of,
    maps_of,
    run_of,
    values_of,
)
from app.figures.networks.layer_explorer_parts import (
    answer_part,
    effects_part,
    fields_part,
    graph_part,
    heat_part,
    picture_part,
    ranges_part,
    terms_part,
)
from app.open_models import NetworkError, OpenNetwork
from app.pictures import CurrentPicture, PictureGone, picture_of
from app.state import PICTURE
from app.wire import pack
from cnn.images.encode import to_hwc
from cnn.networks.edited_run import edited_run

MOST_KNOWN = 80
Arrays = dict[str, NDArray[Any]]


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `values`, the ids of parts that it has (`known`), and channels to be measured (`effects`)."""
    sent = parameters.get("values")
    values = values_of(sent if isinstance(sent, Mapping) else {})
    session = str(parameters.get("session", ""))
    asked = parameters.get("effects")
    return explorer_block(
        explored(values, picture(), session), values, session, known=known(parameters),
        effects=asked if isinstance(asked, Mapping) else None, header={"id": parameters.get("id", 0)},
    )  # fmt: skip


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:900] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def explorer_block(
    found: Explored,
    values: Mapping[str, Any],
    session: str,
    *,
    known: Collection[str] = (),
    effects: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return everything that the screen shows for `values`. Each part has an id and is left out where `known` has it."""
    graph = graph_of(found)
    layer = chosen_layer(values, graph)
    arrays: Arrays = {}
    block: dict[str, Any] = {**(header or {}), "values": {**values, "edits": found.edit_text}}
    parts = Parts(block, arrays, known)
    run_of(found, layer)
    parts.add("picture", found.identity, lambda: picture_part(found))
    parts.add("graph", found.identity, lambda: graph_part(found, graph))
    parts.add("fields", found.network.identity, lambda: fields_part(found.network))
    parts.add("ranges", found.edited_identity, lambda: ranges_part(found, graph))
    parts.add(
        "answer", f"{found.edited_identity}|{values['target']}", lambda: answer_part(found, values["target"])
    )
    block["shown"] = {"layer": layer, "network": found.network.key, "difference": found.network.difference}
    try:
        maps = maps_of(found, layer)
    except NetworkError as error:
        block["no_maps"] = {"en": error.text("en"), "ko": error.text("ko")}
        return pack(block, arrays)
    unit = chosen_unit(values, maps)
    block["shown"] |= {"channel": unit[0], "row": unit[1], "column": unit[2]}
    parts.add(
        "maps", _maps_id(found, layer, values["page"], maps), lambda: maps_part(maps, values["page"], unit[0])
    )
    place = f"{found.identity}|{layer}|{unit}|{values['folded']}"
    parts.add("terms", place, lambda: terms_part(found, graph, layer, unit, folded=values["folded"]))
    _compared(parts, found, values, layer, session)
    field = next((f for f in fields_of(found.network) if f.name == layer), None)
    if values["heat"] and field is not None:
        inside = min(unit[1], field.field.grid[0] - 1), min(unit[2], field.field.grid[1] - 1)
        place = f"{found.identity}|{layer}|{inside}"
        parts.add("heat", place, lambda: heat_part(found, field, *inside))
    if effects is not None:
        block["effects"] = effects_part(found, layer, maps.shape[0], values["target"], effects)
    return pack(block, arrays)


class Parts:
    """Puts parts into a block, unless the browser has them."""

    def __init__(self, block: dict[str, Any], arrays: Arrays, known: Collection[str]) -> None:
        self.block, self.arrays, self.known = block, arrays, known

    def add(self, name: str, identity: str, make: Callable[[], tuple[dict[str, Any], Arrays]]) -> None:
        """Put the part `name` in under `identity`; `make` gives what it says and its arrays."""
        full = f"{name}:{identity}"
        self.block[name] = {"id": full}
        if full in self.known:
            return
        described, arrays = make()
        self.block[name] |= {**described, "sent": True}
        self.arrays |= {f"{name}.{key}" if key else name: array for key, array in arrays.items()}


def _maps_id(found: Explored, layer: str, page: int, maps: Tensor) -> str:
    return f"{found.edited_identity}|{layer}|{min(page, pages(maps) - 1)}"


def pages(maps: Tensor) -> int:
    """Return into how many pages a layer's channels are cut."""
    return -(-maps.shape[0] // per_page(maps))


def per_page(maps: Tensor) -> int:
    """Return how many channels go to the browser at a time."""
    return max(1, min(maps.shape[0], MOST_VALUES // max(maps.shape[1] * maps.shape[2], 1)))


def maps_part(maps: Tensor, page: int, channel: int) -> tuple[dict[str, Any], Arrays]:
    """The maps of one page, float32 (C, H, W), and of the chosen channel where it is on another page."""
    count, page = per_page(maps), min(page, pages(maps) - 1)
    first = page * count
    arrays: Arrays = {"": maps[first : first + count].float().numpy()}
    if not first <= channel < first + count:
        arrays["own"] = maps[channel : channel + 1].float().numpy()
    shape = list(maps.shape)
    return {"first": first, "pages": pages(maps), "page": page, "shape": shape, "own": channel}, arrays


def _compared(parts: Parts, found: Explored, values: Mapping[str, Any], layer: str, session: str) -> None:
    """The maps to compare with: another picture's, another layer's, or those before the layer."""
    kind, _, name = values["compare"].partition("~")
    if not kind:
        return
    graph = graph_of(found)
    other, of = found, layer
    try:
        if kind == "picture":
            key = PICTURE.parse(name)
            other = explored_with(found.network, values, picture_of(key, owner=session))
        elif kind == "layer":
            of = graph.node(name).name
        else:
            inputs = graph.node(layer).inputs
            of = inputs[0] if inputs else layer
        maps = maps_of(other, of)
    except (KeyError, PictureGone, NetworkError):
        parts.block["no_compare"] = True
        return
    picked = _maps_id(other, of, values["page"], maps)
    parts.add("other", picked, lambda: maps_part(maps, values["page"], values["channel"]))
    parts.block["other"] |= {"layer": of, "name": other.picture.name}


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the photo beside maps of three layers of the default network."""
    from app.open_models import open_network
    from cnn.hooks import locked

    network: OpenNetwork = open_network(DEFAULT_NET, "")
    prepared = network.prepared(photo)
    layers = ("stem.2", "stage2.1.relu2", "stage3.1.relu2")
    with locked(network.model):
        run = edited_run(network.model, prepared.batch, (), layers)
    side, colours = 96, palette("magnitude")
    sheet = np.zeros((2 * side, 4 * side, 3), np.uint8)
    import cv2

    sheet[:, : 2 * side] = cv2.resize(
        to_hwc(prepared.cropped), (2 * side, 2 * side), interpolation=cv2.INTER_AREA
    )
    places = ((layers[0], 0, 0), (layers[0], 1, 1), (layers[1], 0, 1), (layers[2], 1, 0))
    for layer, row, column in places:
        maps = as_maps(run.kept[layer]).numpy()
        order = maps.reshape(len(maps), -1).std(1).argsort()[::-1]
        chosen = maps[order[row]]
        entries = np.rint(255 * np.clip(chosen, 0, None) / (chosen.max() or 1)).astype(np.uint8)
        tile = cv2.resize(entries, (side, side), interpolation=cv2.INTER_NEAREST)
        sheet[row * side : (row + 1) * side, (2 + column) * side : (3 + column) * side] = colours[tile]
    return sheet
