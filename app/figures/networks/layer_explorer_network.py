"""What the layer explorer looks at: an open network on one picture, run as edited, its results kept for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from app import network_fields
from app.cache import BoundedCache, tensor_bytes
from app.open_models import NetworkError, OpenNetwork, open_network
from app.pictures import CurrentPicture, as_photo
from app.state import SCREENS, parsed
from cnn.convolution.field_tables import EffectiveField, LayerField, effective_field
from cnn.hooks import locked
from cnn.images.encode import resize_to
from cnn.networks.edit_text import parsed_edits
from cnn.networks.edited_run import EditedRun, edited_run
from cnn.networks.graph import NetworkGraph, network_graph
from cnn.networks.prediction import PreparedPicture
from cnn.networks.switchboard import CutInput, Edit, ScaleChannels

SLUG = "layer_explorer"
DEFAULT_NET = "imagenette-resnet"
TASKS = ("classification", "segmentation")
MOST_VALUES = 4_000_000
"""Numbers of a layer's maps that go to the browser at a time; the other channels are on further pages."""
MOST_PICTURE_SIDE = 1200


@dataclass(frozen=True, slots=True, eq=False)
class Explored:
    """A network, a picture as it reads it, and edits that could be read."""

    network: OpenNetwork
    picture: CurrentPicture
    prepared: PreparedPicture
    edits: tuple[Edit, ...]
    edit_text: str

    @property
    def identity(self) -> str:
        """Name network and picture, for cache keys."""
        return f"{self.network.identity}|{self.picture.identity}"

    @property
    def edited_identity(self) -> str:
        """Name network, picture and edits."""
        return f"{self.identity}|{self.edit_text}"


_GRAPHS: BoundedCache[NetworkGraph] = BoundedCache(24_000_000, lambda graph: 400 * len(graph.nodes))
_RUNS: BoundedCache[EditedRun] = BoundedCache(
    96_000_000,
    lambda run: tensor_bytes(run.output) + 200 * len(run.ranges) + sum(map(tensor_bytes, run.kept.values())),
)
_HEATS: BoundedCache[EffectiveField] = BoundedCache(24_000_000, lambda found: tensor_bytes(found.heat))


def values_of(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return valid values of the screen from what the browser or the address says."""
    texts = {
        str(name): ("1" if value else "0") if isinstance(value, bool) else str(value)
        for name, value in sent.items()
    }
    return parsed(SCREENS[SLUG], texts)[0]


def explored(values: Mapping[str, Any], picture: CurrentPicture, session: str) -> Explored:
    """Open what `values` ask for.

    Raises:
        NetworkError: the network cannot be opened.
    """
    return explored_with(open_network(values["net"], session, values["net_as"]), values, picture)


def explored_with(network: OpenNetwork, values: Mapping[str, Any], picture: CurrentPicture) -> Explored:
    """The same with a network that is open already."""
    edits = parsed_edits(values["edits"])
    found = Explored(network, picture, network.prepared(_photo(picture)), edits, values["edits"])
    if not edits or not _fit(edits, graph_of(found)):
        return replace(found, edits=(), edit_text="")
    return found


def _fit(edits: Sequence[Edit], graph: NetworkGraph) -> bool:
    """Say whether every edit is of this network; those of another one are left out together."""
    nodes = {node.name: node for node in graph.nodes}
    for edit in edits:
        node = nodes.get(edit.layer)
        if node is None or len(node.shape) < 2:
            return False
        if isinstance(edit, CutInput):
            named = [edit.position] if edit.position < len(node.inputs) else [-1]
        elif isinstance(edit, ScaleChannels):
            named = list(edit.channels or ())
        else:
            named = [edit.channel, *([edit.by] if isinstance(edit.by, int) else [])]
        limit = len(node.inputs) if isinstance(edit, CutInput) else node.shape[1]
        if any(not 0 <= place < limit for place in named):
            return False
    return True


def _photo(picture: CurrentPicture) -> Tensor:
    photo = as_photo(picture)
    return resize_to(photo, MOST_PICTURE_SIDE) if max(photo.shape[1:]) > MOST_PICTURE_SIDE else photo


def graph_of(found: Explored) -> NetworkGraph:
    """Return the network's graph on the picture, unedited."""

    def make() -> NetworkGraph:
        with locked(found.network.model):
            return network_graph(found.network.model, found.prepared.batch)

    return _GRAPHS.get_or_make(found.identity, make)


def run_of(found: Explored, layer: str = "") -> EditedRun:
    """Return a run of the network as edited, with the values of `layer`."""

    def make() -> EditedRun:
        with locked(found.network.model):
            return edited_run(
                found.network.model, found.prepared.batch, found.edits, (layer,) if layer else ()
            )

    return _RUNS.get_or_make((found.edited_identity, layer), make)


def fields_of(network: OpenNetwork) -> tuple[LayerField, ...]:
    """Return the fields of every layer whose units can be pointed at; none where no rule holds for the network."""
    try:
        return network_fields.fields_of(network)
    except network_fields.FieldsUnknown:
        return ()


def maps_of(found: Explored, layer: str) -> Tensor:
    """Return a layer's values as maps (C, H, W): features are 1 × 1, tokens 1 × L."""
    value = run_of(found, layer).kept[layer]
    return as_maps(value)


def as_maps(value: Tensor) -> Tensor:
    """Return (C, H, W) of one picture's values (C, H, W), (L, C) or (C,).

    Raises:
        NetworkError: of another shape.
    """
    if value.ndim == 3:
        return value
    if value.ndim == 2:
        return value.T[:, None, :]
    if value.ndim == 1:
        return value[:, None, None]
    shape = " × ".join(map(str, value.shape))
    raise NetworkError(
        f"Values of the shape {shape} cannot be drawn as maps.",
        f"{shape} 모양의 값은 맵으로 그릴 수 없습니다.",
    )


def heat_of(found: Explored, field: LayerField, row: int, column: int) -> EffectiveField:
    """Return which pixels move a unit, by gradients through the unedited network."""
    key = (found.identity, field.name, row, column)
    return _HEATS.get_or_make(
        key,
        lambda: effective_field([found.network.model], found.prepared.batch[0], field.field, row, column),
    )


def chosen_layer(values: Mapping[str, Any], graph: NetworkGraph) -> str:
    """Return the layer asked for; where the network lacks it, a rectified one half-way: its maps still show the picture,
    and its units see more than an edge."""
    names = [node.name for node in graph.nodes]
    if values["layer"] in names:
        return str(values["layer"])
    flat = [node for node in graph.nodes if len(node.shape) == 4 and node.kind != "input"]
    if not flat:
        return graph.nodes[-1].name
    side = max(graph.nodes[0].shape[-2:])
    bent = [node for node in flat if "relu" in node.kind.lower()] or flat
    fine = [node for node in bent if min(node.shape[-2:]) >= max(side // 8, 4)]
    coarsest = min((min(node.shape[-2:]) for node in fine), default=0)
    return ([node for node in fine if min(node.shape[-2:]) == coarsest] or bent)[-1].name


def chosen_unit(values: Mapping[str, Any], maps: Tensor) -> tuple[int, int, int]:
    """Return (channel, row, column); where nothing was chosen, the liveliest channel and its strongest unit."""
    channels, height, width = maps.shape
    numbers = torch.nan_to_num(maps.float(), 0.0, 0.0, 0.0)
    channel = values["channel"]
    if channel < 0:
        spread = numbers.flatten(1).std(1) if height * width > 1 else numbers.flatten(1)[:, 0]
        channel = int(spread.argmax())
    channel = min(channel, channels - 1)
    if values["row"] < 0 or values["col"] < 0:
        strongest = int(numbers[channel].flatten().argmax())
        return channel, strongest // width, strongest % width
    return channel, min(values["row"], height - 1), min(values["col"], width - 1)
