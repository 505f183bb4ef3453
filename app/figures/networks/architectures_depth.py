"""The depth experiment: signals, gradients and maps of a plain and a residual network, and EfficientNet's scaling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.cache import BoundedCache
from app.figures.networks.architectures_maps import scale_of
from app.figures.networks.architectures_runs import square_of
from app.figures.networks.architectures_settings import ArchitectureSettings
from app.pictures import CurrentPicture
from cnn.models.registry import model_skeleton
from cnn.networks.depth import LayerSignal, layer_signals
from cnn.networks.depth_nets import depth_net
from cnn.networks.efficientnet_cost import efficientnet_cost, efficientnet_stages
from cnn.networks.layers import feature_maps
from cnn.networks.prediction import prepared_picture
from cnn.networks.scaling import EFFICIENTNETS, compound_scaling
from cnn.weights.builtin import available, card

SIDE, SHOWN_MAPS = 40, 7
KINDS = ("plain", "residual")


@dataclass(frozen=True, slots=True, eq=False)
class DepthPair:
    """Both networks on one picture: layers' signals by kind, and by kind the mean map of some units, with their layers."""

    signals: Mapping[str, tuple[LayerSignal, ...]]
    maps: Mapping[str, Tensor]
    layers: tuple[int, ...]


_PAIRS: BoundedCache[DepthPair] = BoundedCache(8_000_000, lambda pair: 40_000)


def depth_input(picture: CurrentPicture) -> Tensor:
    """Return the picture as the two networks read it, float32 (3, 40, 40), mean 0.45 and deviation 0.25 taken off."""
    return prepared_picture(square_of(picture), (3, SIDE, SIDE), (0.45,) * 3, (0.25,) * 3).batch[0]


def depth_pair(picture: CurrentPicture, settings: ArchitectureSettings) -> DepthPair:
    """Return the pair of the settings' depth, norm, gain and seed, kept for a while."""
    key = (picture.identity, settings.units, settings.norm, settings.gain, settings.seed)
    return _PAIRS.get_or_make(key, lambda: _measured(depth_input(picture), settings))


def _measured(image: Tensor, settings: ArchitectureSettings) -> DepthPair:
    count = min(settings.units, SHOWN_MAPS)
    units = sorted({round(place) for place in np.linspace(0, settings.units - 1, count)})
    signals, maps = {}, {}
    for kind in KINDS:
        net = depth_net(
            settings.units,
            residual=kind == "residual",
            norm=settings.norm,
            gain=settings.gain,
            seed=settings.seed,
        )
        signals[kind] = layer_signals(net, image)
        found = feature_maps(net, image, ["stem.1", *(f"units.{unit}.relu2" for unit in units)])
        maps[kind] = torch.stack([value[0].mean(0) for value in found.values()])
    return DepthPair(signals, maps, (1, *(2 * unit + 3 for unit in units)))


def depth_part(
    picture: CurrentPicture, settings: ArchitectureSettings
) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Return what the browser draws: both curves, and the maps, each scaled to its own largest value."""
    pair = depth_pair(picture, settings)
    coded = []
    limits: dict[str, list[float]] = {}
    for kind in KINDS:
        limits[kind] = []
        for tile in pair.maps[kind]:
            _, limit = scale_of(tile)
            limits[kind].append(_plain(limit if tile.any() else 0.0))
            coded.append((tile * (255 / limit)).round().clamp(0, 255).to(torch.uint8).numpy())
    name = f"depth:{picture.identity}:{settings.units}:{int(settings.norm)}:{settings.gain}:{settings.seed}"
    told = {
        "id": name,
        "curves": {
            kind: [[s.depth, _plain(s.signal), _plain(s.gradient)] for s in pair.signals[kind]]
            for kind in KINDS
        },
        "layers": list(pair.layers),
        "limits": limits,
        "side": SIDE,
        "twins": _twins(),
    }
    return told, np.stack(coded)


@lru_cache(maxsize=1)
def _twins() -> dict[str, Any] | None:
    """Layers with weights on the main path, and accuracy, of the trained pair that ships; None where it is not there."""
    names = {"residual": "imagenette-resnet", "plain": "plain-twin"}
    if not set(names.values()) <= set(available()):
        return None
    layers = sum(isinstance(m, nn.Conv2d | nn.Linear) for m in model_skeleton("plain_twin").modules())
    return {"layers": layers, **{kind: card(name)["scores"]["val accuracy"] for kind, name in names.items()}}


def _plain(value: float) -> float:
    """Return a number that JSON can hold."""
    return value if np.isfinite(value) else 3.4e38


def scaling_factors(settings: ArchitectureSettings) -> tuple[float, float, float]:
    """Return (width, depth, resolution) factors: compound, or all of the cost's growth put into one of the three."""
    found = compound_scaling(settings.phi, alpha=settings.alpha, beta=settings.beta, gamma=settings.gamma)
    if settings.mode == "compound":
        return found.width, found.depth, found.resolution
    alone = found.cost if settings.mode == "depth" else found.cost**0.5
    return tuple(alone if settings.mode == name else 1.0 for name in ("width", "depth", "resolution"))  # type: ignore[return-value]


def scaling_part(settings: ArchitectureSettings) -> dict[str, Any]:
    """Return the scaled network's stages and cost, the baseline's, and the published family."""
    width, depth, resolution = scaling_factors(settings)
    side = max(round(224 * resolution), 8)
    stages, base = efficientnet_stages(width, depth, side), efficientnet_stages(1, 1, 224)
    return {
        "id": f"scaling:{settings.mode}:{settings.phi}:{settings.alpha}:{settings.beta}:{settings.gamma}",
        "factors": {"width": width, "depth": depth, "resolution": resolution},
        "growth": depth * width**2 * resolution**2,
        "side": side,
        "stages": [_stage(stage) for stage in stages],
        "base": [_stage(stage) for stage in base],
        "family": _family(),
    }


def _stage(stage: Any) -> dict[str, Any]:
    return {
        "kind": stage.kind, "channels": stage.channels, "layers": stage.layers, "size": stage.size,
        "kernel": stage.kernel_size, "expansion": stage.expansion, "parameters": stage.cost.parameters,
        "multiply_adds": stage.cost.multiply_adds,
    }  # fmt: skip


@lru_cache(maxsize=1)
def _family() -> list[dict[str, Any]]:
    rows = []
    for name, (width, depth, side) in EFFICIENTNETS.items():
        cost = efficientnet_cost(width, depth, side)
        rows.append({"name": name[-2:].upper(), "width": width, "depth": depth, "side": side,
                     "parameters": cost.parameters, "multiply_adds": cost.multiply_adds})  # fmt: skip
    return rows
