"""The maps of the attribution screen, computed once for a network, a picture and a class, and kept for a while."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from app.cache import BoundedCache, tensor_bytes
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture, as_photo
from cnn.attribution.grad_cam import CAM_METHODS
from cnn.attribution.measurements import PASS_METHODS, SLOW_METHODS, CamGrid, layers_grid
from cnn.attribution.sanity import rank_correlation
from cnn.hooks import locked
from cnn.networks.prediction import ClassScore, PreparedPicture, top_classes

FAST_METHODS = PASS_METHODS
PIXEL_METHODS = (*FAST_METHODS, *SLOW_METHODS)
METHODS = (*CAM_METHODS, *PIXEL_METHODS)
WINDOWS = {"coarse": 4, "medium": 6, "fine": 9}
"""Squares of the occlusion side by side, by id: a square's side is the input's over this, its step half of it."""
QUICK = 0.1
"""Seconds of one pass forward up to which a page does a few passes itself."""
OFFERED = 5
MOST_LAYERS = 4


@dataclass(frozen=True, slots=True)
class AttributionSettings:
    """What the browser asks for. `target` −1 is the most probable class, `layer` "" the suggested one; `pixels`: the fast
    methods that give each pixel a number are wanted too; `sanity`: the chosen map with shuffled weights."""

    target: int = -1
    method: str = "grad_cam"
    layer: str = ""
    window: str = "medium"
    signed: bool = False
    blocks: bool = False
    opacity: int = 75
    sanity: bool = False
    pixels: bool = False

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> AttributionSettings:
        """Read values of the address bar or the browser; what is not valid becomes the default."""
        default = cls()
        kept = {}
        for entry in fields(cls):
            value, standard = values.get(entry.name), getattr(default, entry.name)
            kept[entry.name] = value if type(value) is type(standard) else standard
        kept["target"] = min(max(kept["target"], -1), 19_999)
        kept["opacity"] = min(max(kept["opacity"], 0), 100)
        kept["layer"] = kept["layer"][:200]
        if kept["method"] not in METHODS:
            kept["method"] = default.method
        if kept["window"] not in WINDOWS:
            kept["window"] = default.window
        return cls(**kept)

    def to_mapping(self) -> dict[str, Any]:
        """Return all values by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


@dataclass(frozen=True, slots=True, eq=False)
class AttributionView:
    """A network's answer to a picture, and the class activation maps of one class.

    Attributes:
        identity: names network, picture and class.
        prepared: the picture as the network read it.
        top: the most probable classes.
        target: the class that the maps are of.
        classes: how many there are.
        grid: the maps by layer and method, the layers deepest first; the first is the one suggested.
        seconds: that one pass forward took.
        pending: whether the grid is yet to be made.
    """

    identity: str
    prepared: PreparedPicture
    top: tuple[ClassScore, ...]
    target: ClassScore
    classes: int
    grid: CamGrid
    seconds: float = 0.0
    pending: bool = False

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that have maps."""
        return tuple(self.grid)

    @property
    def default_layer(self) -> str:
        """The layer to look at first."""
        return self.layers[0] if self.layers else ""

    @property
    def quick(self) -> bool:
        """Whether a page can wait for a few passes of the network."""
        return self.seconds <= QUICK

    def layer_of(self, settings: AttributionSettings) -> str:
        """Return the layer of the chosen map; "" for maps of pixels and where the network has no layers with maps."""
        if settings.method not in CAM_METHODS:
            return ""
        return settings.layer if settings.layer in self.grid else self.default_layer


@dataclass(frozen=True, slots=True, eq=False)
class PixelMap:
    """A number for each pixel, (H, W); `signed`: below zero speaks against the class; after `done` of `total` runs."""

    heat: Tensor
    signed: bool
    warning: str
    gap: float = 0.0
    done: int = 1
    total: int = 1

    @property
    def finished(self) -> bool:
        """Whether this is the map itself, no estimate."""
        return self.done == self.total


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """The network's answer to a picture: `scores` (1, K), and the seconds it took."""

    prepared: PreparedPicture
    scores: Tensor
    seconds: float


def map_name(method: str, layer: str) -> str:
    """Name a map: the method, and for class activation maps the layer too."""
    return f"{method}@{layer}" if method in CAM_METHODS else method


def _grid_bytes(grid: CamGrid) -> int:
    return sum(tensor_bytes(m.raw) + tensor_bytes(m.heat) for row in grid.values() for m in row.values())


_ANSWERS: BoundedCache[_Answer] = BoundedCache(
    32_000_000, lambda found: 2 * tensor_bytes(found.prepared.batch)
)
_GRIDS: BoundedCache[CamGrid] = BoundedCache(64_000_000, _grid_bytes)
_VIEWS: BoundedCache[AttributionView] = BoundedCache(
    64_000_000, lambda view: _grid_bytes(view.grid) + 4 * tensor_bytes(view.prepared.batch)
)
_PIXELS: BoundedCache[PixelMap] = BoundedCache(48_000_000, lambda found: tensor_bytes(found.heat))
_SHUFFLED: BoundedCache[Tensor] = BoundedCache(12_000_000, tensor_bytes)


def attribution_view(
    network: OpenNetwork, picture: CurrentPicture, target: int, *, patient: bool = True
) -> AttributionView:
    """Return the maps of a class; of the most probable one for −1, or for a number that no class has.

    Args:
        patient: make the class activation maps however long they take; else those of a slow network are left pending.

    Raises:
        ValueError: the network has no class scores.
    """

    key = (network.identity, picture.identity, target)
    known = _VIEWS.get(key)
    if known is not None:
        return known
    answer = _answer(network, picture)
    every = top_classes(answer.scores, network.categories, answer.scores.shape[1])
    chosen = next((score for score in every if score.index == target), every[0])
    identity, batch = f"{network.identity}:{picture.identity}:{chosen.index}", answer.prepared.batch
    grid = _GRIDS.get(identity)
    if grid is None and (patient or answer.seconds <= QUICK):
        made = layers_grid(network.model, batch, chosen.index, MOST_LAYERS)
        grid = _GRIDS.get_or_make(identity, lambda: made)
    view = AttributionView(
        identity,
        answer.prepared,
        every[:OFFERED],
        chosen,
        len(every),
        grid or {},
        answer.seconds,
        grid is None,
    )
    return view if view.pending else _VIEWS.get_or_make(key, lambda: view)


def _answer(network: OpenNetwork, picture: CurrentPicture) -> _Answer:
    def look() -> _Answer:
        prepared = network.prepared(as_photo(picture))
        with locked(network.model), torch.no_grad():
            for _ in range(2):  # a first pass sets things up
                begin = time.perf_counter()
                scores = network.model(prepared.batch)
                took = time.perf_counter() - begin
                if not QUICK < took < 4 * QUICK:
                    break
        if not isinstance(scores, Tensor) or scores.ndim != 2:
            raise ValueError("wanted a network with class scores (N, K)")
        return _Answer(prepared, scores, took)

    return _ANSWERS.get_or_make((network.identity, picture.identity), look)


def keep_grid(view: AttributionView, grid: CamGrid) -> CamGrid:
    """Keep class activation maps for whoever asks for the same; return them."""
    return _GRIDS.get_or_make(view.identity, lambda: grid)


def kept_map(view: AttributionView, method: str, window: str) -> PixelMap | None:
    """Return the finished map of one of `PIXEL_METHODS` if it was made before; `window` is the occlusion's."""
    return _PIXELS.get(_pixel_key(view, method, window))


def keep_map(view: AttributionView, method: str, window: str, found: PixelMap) -> PixelMap:
    """Keep a map for whoever asks for the same, if it is finished; return it."""
    return _PIXELS.get_or_make(_pixel_key(view, method, window), lambda: found) if found.finished else found


def _pixel_key(view: AttributionView, method: str, window: str) -> tuple[str, str, str]:
    return view.identity, method, window if method == "occlusion" else ""


def kept_shuffled(view: AttributionView, name: str) -> Tensor | None:
    """Return the map of this name with shuffled weights if it was made before: (h, w) of a layer, else (H, W)."""
    return _SHUFFLED.get((view.identity, name))


def keep_shuffled(view: AttributionView, name: str, heat: Tensor) -> Tensor:
    """Keep a map with shuffled weights for whoever asks for the same; return it."""
    return _SHUFFLED.get_or_make((view.identity, name), lambda: heat)


def chosen_heat(
    view: AttributionView, settings: AttributionSettings, pixels: Mapping[str, PixelMap]
) -> Tensor | None:
    """Return the heat (H, W) of the chosen map as the curves judge it; None where it is not finished."""
    if settings.method in CAM_METHODS:
        layer = view.layer_of(settings)
        return view.grid[layer][settings.method].heat if layer else None
    found = pixels.get(settings.method)
    return found.heat if found is not None and found.finished else None


def shown_heat(
    view: AttributionView, settings: AttributionSettings, pixels: Mapping[str, PixelMap]
) -> tuple[Tensor, bool] | None:
    """Return (the chosen map (H, W) as it is on screen, whether it has signs); None where it is not finished."""
    if settings.method not in CAM_METHODS:
        found = pixels.get(settings.method)
        return (found.heat, found.signed) if found is not None and found.finished else None
    layer = view.layer_of(settings)
    if not layer:
        return None
    raw = torch.nan_to_num(view.grid[layer][settings.method].raw, nan=0.0, posinf=0.0, neginf=0.0)
    raw = raw if settings.signed else raw.relu()
    how: dict[str, Any] = (
        {"mode": "nearest"} if settings.blocks else {"mode": "bilinear", "align_corners": False}
    )
    return F.interpolate(raw[None, None], size=view.prepared.batch.shape[-2:], **how)[0, 0], settings.signed


def likeness(
    view: AttributionView, settings: AttributionSettings, pixels: Mapping[str, PixelMap], other: Tensor
) -> float | None:
    """Return the rank correlation of the chosen map with `other`, that of the shuffled network; None without a map."""
    if settings.method in CAM_METHODS:
        own = torch.nan_to_num(view.grid[view.layer_of(settings)][settings.method].raw)
        return rank_correlation(own, other)
    found = pixels.get(settings.method)
    return rank_correlation(found.heat, other) if found is not None else None
