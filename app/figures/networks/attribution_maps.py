"""The maps of the attribution screen, computed once for a network, a picture and a class, and kept for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from app.cache import BoundedCache, tensor_bytes
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture, as_photo
from cnn.attribution.grad_cam import CAM_METHODS, ClassActivation, cam_grid, suggested_layers
from cnn.attribution.sanity import rank_correlation, shuffled_weights
from cnn.hooks import locked
from cnn.networks.prediction import ClassScore, PreparedPicture, top_classes

FAST_METHODS = ("saliency", "input_x_gradient", "guided_backprop")
SLOW_METHODS = ("integrated_gradients", "smooth_grad", "occlusion")
METHODS = (*CAM_METHODS, *FAST_METHODS, *SLOW_METHODS)
WINDOWS = {"coarse": 4, "medium": 6, "fine": 9}
"""Squares of the occlusion side by side, by id: a square's side is the input's over this, its step half of it."""
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
        layers: deepest first; the first is the one suggested.
        grid: the maps by layer and method.
    """

    identity: str
    prepared: PreparedPicture
    top: tuple[ClassScore, ...]
    target: ClassScore
    classes: int
    layers: tuple[str, ...]
    grid: dict[str, dict[str, ClassActivation]]

    @property
    def default_layer(self) -> str:
        """The layer to look at first."""
        return self.layers[0] if self.layers else ""


@dataclass(frozen=True, slots=True, eq=False)
class PixelMap:
    """A number for each pixel, (H, W); `signed`: below zero speaks against the class."""

    heat: Tensor
    signed: bool
    warning: str
    gap: float = 0.0


def _view_bytes(view: AttributionView) -> int:
    maps = sum(tensor_bytes(m.raw) + tensor_bytes(m.heat) for row in view.grid.values() for m in row.values())
    return maps + 4 * tensor_bytes(view.prepared.batch)


_VIEWS: BoundedCache[AttributionView] = BoundedCache(64_000_000, _view_bytes)
_PIXELS: BoundedCache[PixelMap] = BoundedCache(48_000_000, lambda found: tensor_bytes(found.heat))
_SHUFFLED: BoundedCache[Tensor] = BoundedCache(12_000_000, tensor_bytes)


def attribution_view(network: OpenNetwork, picture: CurrentPicture, target: int) -> AttributionView:
    """Return the maps of a class; of the most probable one for −1, or for a number that no class has.

    Raises:
        ValueError: the network has no class scores.
    """

    def look() -> AttributionView:
        prepared = network.prepared(as_photo(picture))
        with locked(network.model), torch.no_grad():
            logits = network.model(prepared.batch)
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            raise ValueError("wanted a network with class scores (N, K)")
        every = top_classes(logits, network.categories, logits.shape[1])
        chosen = next((score for score in every if score.index == target), every[0])
        with locked(network.model):
            layers = suggested_layers(network.model, prepared.batch, count=MOST_LAYERS)[::-1]
            grid = cam_grid(network.model, prepared.batch, layers, chosen.index) if layers else {}
        identity = f"{network.identity}:{picture.identity}:{chosen.index}"
        return AttributionView(identity, prepared, every[:OFFERED], chosen, len(every), layers, grid)

    return _VIEWS.get_or_make((network.identity, picture.identity, target), look)


def pixel_map(network: OpenNetwork, view: AttributionView, method: str) -> PixelMap:
    """Return the map of one of `FAST_METHODS`."""
    from cnn.attribution.pixels import attribution

    def look() -> PixelMap:
        found = attribution(method, network.model, view.prepared.batch, view.target.index)
        return PixelMap(found.heat, found.signed, found.warning, found.gap)

    return _PIXELS.get_or_make((view.identity, method), look)


def chosen_heat(
    network: OpenNetwork, view: AttributionView, settings: AttributionSettings, slow: Mapping[str, PixelMap]
) -> Tensor | None:
    """Return the heat (H, W) of the chosen map as the curves judge it; None where it is not there yet."""
    if settings.method in CAM_METHODS:
        layer = settings.layer if settings.layer in view.grid else view.default_layer
        return view.grid[layer][settings.method].heat if layer else None
    found = slow.get(settings.method)
    if found is None and settings.method in FAST_METHODS:
        found = pixel_map(network, view, settings.method)
    return found.heat if found is not None else None


def shown_heat(
    network: OpenNetwork, view: AttributionView, settings: AttributionSettings, slow: Mapping[str, PixelMap]
) -> tuple[Tensor, bool] | None:
    """Return (the chosen map (H, W) as it is on screen, whether it has signs); None where it is not there yet."""
    if settings.method not in CAM_METHODS:
        heat = chosen_heat(network, view, settings, slow)
        found = slow.get(settings.method)
        signed = found.signed if found is not None else settings.method == "input_x_gradient"
        return None if heat is None else (heat, signed)
    if not view.layers:
        return None
    layer = settings.layer if settings.layer in view.grid else view.default_layer
    raw = torch.nan_to_num(view.grid[layer][settings.method].raw, nan=0.0, posinf=0.0, neginf=0.0)
    raw = raw if settings.signed else raw.relu()
    how: dict[str, Any] = (
        {"mode": "nearest"} if settings.blocks else {"mode": "bilinear", "align_corners": False}
    )
    return F.interpolate(raw[None, None], size=view.prepared.batch.shape[-2:], **how)[0, 0], settings.signed


def shuffled_heat(
    network: OpenNetwork, view: AttributionView, settings: AttributionSettings
) -> Tensor | None:
    """Return the chosen map, its signs kept, of the network with shuffled weights; None for methods that take long.

    Of a class activation map that is (h, w) at the layer's size, else (H, W).
    """
    method = settings.method
    if method in SLOW_METHODS or (method in CAM_METHODS and not view.layers):
        return None
    layer = settings.layer if settings.layer in view.grid else view.default_layer

    def look() -> Tensor:
        with locked(network.model):
            copied = shuffled_weights(network.model)
        target, batch = view.target.index, view.prepared.batch
        if method in CAM_METHODS:
            return torch.nan_to_num(cam_grid(copied, batch, [layer], target, [method])[layer][method].raw)
        from cnn.attribution.pixels import attribution

        return attribution(method, copied, batch, target).heat

    place = layer if method in CAM_METHODS else ""
    return _SHUFFLED.get_or_make((view.identity, method, place), look)


def likeness(
    network: OpenNetwork, view: AttributionView, settings: AttributionSettings, other: Tensor
) -> float:
    """Return the rank correlation of the chosen map with `other`, that of the shuffled network."""
    if settings.method in CAM_METHODS:
        layer = settings.layer if settings.layer in view.grid else view.default_layer
        own = torch.nan_to_num(view.grid[layer][settings.method].raw)
        return rank_correlation(own, other)
    return rank_correlation(pixel_map(network, view, settings.method).heat, other)
