"""What the feature-visualisation screen knows of a network: its layers and fields, and the pictures that excite each channel."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.data_sets import FLOWERS, data_set_of
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture, as_photo, picture_of
from cnn.attribution.channel_peaks import PeakStep, peak_steps
from cnn.attribution.feature_visualization import OUTPUT, Objective, VisualizationSettings
from cnn.attribution.grad_cam import suggested_layers
from cnn.attribution.picture_parameters import PARAMETRISATIONS
from cnn.convolution.field_tables import LayerField, layer_fields
from cnn.hooks import locked
from cnn.images.gallery import PICTURES

PHOTOS = "photos"
GOALS = ("channel", "unit")
PATIENCE = 0.8
"""Seconds that a page waits for a scan itself; a longer one becomes a job."""
MOST_PICTURES = 600
FLOWERS_EACH = 4
"""Flowers of each kind that stand among the built-in photos."""


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """What the browser asks for. `channel` −1: the one that the current picture excites most, beside the others."""

    layer: str = ""
    classes: bool = False
    channel: int = -1
    goal: str = "channel"
    data: str = PHOTOS
    steps: int = 192
    parametrisation: str = "fourier"
    decorrelated: bool = True
    jitter: int = 6
    turn: int = 5
    smooth: float = 0.2
    rate: float = 0.05
    seed: int = 0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> FeatureSettings:
        """Read values of the address bar or the browser; what is not valid becomes the default."""
        default = cls()
        kept: dict[str, Any] = {}
        for entry in fields(cls):
            value, standard = values.get(entry.name), getattr(default, entry.name)
            if type(standard) is float and type(value) is int:
                value = float(value)
            kept[entry.name] = value if type(value) is type(standard) else standard
        for name, (low, high) in _RANGES.items():
            kept[name] = (
                min(max(kept[name], low), high) if kept[name] == kept[name] else getattr(default, name)
            )
        kept["layer"] = kept["layer"][:200]
        if kept["goal"] not in GOALS:
            kept["goal"] = default.goal
        if kept["parametrisation"] not in PARAMETRISATIONS:
            kept["parametrisation"] = default.parametrisation
        if not (kept["data"] in (PHOTOS, FLOWERS) or kept["data"].startswith("u-")):
            kept["data"] = default.data
        return cls(**kept)

    def to_mapping(self) -> dict[str, Any]:
        """Return all values by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @property
    def optimiser(self) -> VisualizationSettings:
        """How the picture is optimised."""
        return VisualizationSettings(
            self.steps, self.rate, self.parametrisation, self.decorrelated, self.jitter, float(self.turn), self.smooth,
            self.seed,
        )  # fmt: skip


_RANGES: dict[str, tuple[float, float]] = {
    "channel": (-1, 99_999),
    "steps": (16, 512),
    "jitter": (0, 24),
    "turn": (0, 20),
    "smooth": (0.0, 4.0),
    "rate": (0.005, 0.5),
    "seed": (0, 9999),
}


@dataclass(frozen=True, slots=True, eq=False)
class FeatureNetwork:
    """The layers of a network that have channels: `fields` by name, in order; `default` is the one to begin with."""

    layers: dict[str, LayerField]
    default: str
    advised: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PictureSet:
    """Pictures as a network sees them, uint8 (N, C, H, W), and what each is called."""

    pictures: Tensor
    names: tuple[str, ...]


_NETWORKS: BoundedCache[FeatureNetwork] = BoundedCache(64, lambda _: 1)
_SETS: BoundedCache[PictureSet] = BoundedCache(160_000_000, lambda found: tensor_bytes(found.pictures))
_SCANS: BoundedCache[PeakStep] = BoundedCache(48_000_000, lambda s: 2 * tensor_bytes(s.places))
_OWN: BoundedCache[tuple[Tensor, Tensor]] = BoundedCache(
    48_000_000, lambda pair: sum(map(tensor_bytes, pair))
)


def feature_network(network: OpenNetwork) -> FeatureNetwork:
    """Return the network's layers.

    Raises:
        ValueError: none of them has channels, or the network does not read pictures of one or three channels.
    """

    def look() -> FeatureNetwork:
        if network.input_shape[0] not in (1, 3):
            raise ValueError("wanted a network for pictures with 1 or 3 channels")
        blank = torch.zeros(1, *network.input_shape)
        with locked(network.model):
            found = layer_fields(network.model, network.input_shape)
            advised = suggested_layers(network.model, blank, count=8)
        layers = {f.name: f for f in found if len(f.field.shape) in (2, 4) and f.field.shape[1] > 1}
        advised = tuple(name for name in advised if name in layers)
        if not layers:
            raise ValueError("wanted a network with channels")
        default = advised[-2] if len(advised) > 1 else (advised or tuple(layers))[-1]
        return FeatureNetwork(layers, default, advised)

    return _NETWORKS.get_or_make(network.identity, look)


def layer_of(known: FeatureNetwork, settings: FeatureSettings) -> str:
    """Return the layer that is looked at; `OUTPUT` for the classes."""
    if settings.classes:
        return OUTPUT
    return settings.layer if settings.layer in known.layers else known.default


def picture_set(network: OpenNetwork, key: str, session: str, language: str) -> PictureSet:
    """Return a set of pictures, each cut and scaled as the network reads it.

    Raises:
        DataSetGone: none is kept under the key. DataSetError: what is kept cannot be read.
    """

    def make() -> PictureSet:
        if key == PHOTOS:
            listed = [picture_of(p.id, language=language) for p in PICTURES if p.kind != "synthetic"]
            data = data_set_of(FLOWERS)
            each = [
                torch.nonzero(data.labels == kind).flatten()[:FLOWERS_EACH]
                for kind in range(len(data.categories))
            ]
            chosen = torch.cat(each).tolist()
            given = [as_photo(current) for current in listed] + [data.pictures[place] for place in chosen]
            names = (
                *(current.name for current in listed),
                *(data.categories[int(data.labels[i])] for i in chosen),
            )
        else:
            data = data_set_of(key, session, labelled=False)
            given = list(data.pictures[:MOST_PICTURES])
            names = tuple(data.categories[int(label)] for label in data.labels[:MOST_PICTURES])
        return PictureSet(torch.stack([network.prepared(pixels).cropped for pixels in given]), names)

    shape = (network.input_shape, network.resize, network.interpolation)
    return _SETS.get_or_make((shape, key, language), make)


def scan_key(network: OpenNetwork, key: str, layer: str) -> tuple[str, str, str]:
    """Name a scan."""
    return network.identity, key, layer


def scan_parameters(network: OpenNetwork, pictures: PictureSet, layer: str) -> dict[str, Any]:
    """Return what `peak_steps` is called with, beside the network."""
    return {
        "pictures": pictures.pictures,
        "layer": layer,
        "mean": network.mean,
        "std": network.std,
    }


def quick_scan(network: OpenNetwork, key: str, layer: str, pictures: PictureSet) -> PeakStep | None:
    """Return the scan if it is known, else as far as it comes within `PATIENCE`."""
    found: PeakStep | None = None

    def make() -> PeakStep:
        nonlocal found
        end = time.monotonic() + PATIENCE
        for found in peak_steps(model=network.model, **scan_parameters(network, pictures, layer)):
            if found.step < found.steps and time.monotonic() > end:
                raise TimeoutError
        assert found is not None
        return found

    try:
        return _SCANS.get_or_make(scan_key(network, key, layer), make)
    except TimeoutError:
        return found


def keep_scan(network: OpenNetwork, key: str, layer: str, step: PeakStep) -> None:
    """Keep what a job found."""
    _SCANS.get_or_make(scan_key(network, key, layer), lambda: step)


def own_maps(network: OpenNetwork, picture: CurrentPicture, layer: str) -> tuple[Tensor, Tensor]:
    """Return (the current picture as the network sees it, uint8 (C, H, W); the layer's maps of it, (C, h, w))."""

    def look() -> tuple[Tensor, Tensor]:
        from cnn.networks.layers import feature_maps

        prepared = network.prepared(as_photo(picture))
        with locked(network.model), torch.no_grad():
            if layer == OUTPUT:
                output = network.model(prepared.batch)
            else:
                output = feature_maps(network.model, prepared.batch, [layer])[layer]
        maps = output[0] if output.ndim == 4 else output[0, :, None, None]
        return prepared.cropped, torch.nan_to_num(maps)

    return _OWN.get_or_make((network.identity, picture.identity, layer), look)


def chosen_channel(settings: FeatureSettings, peaks: Tensor, own: Tensor) -> int:
    """Return the channel that is looked at.

    Args:
        peaks: (C,) each channel's largest value over the set.
        own: (C,) each channel's largest value in the current picture.
    """
    if 0 <= settings.channel < len(peaks):
        return settings.channel
    share = own / peaks.clamp(min=float(peaks.abs().mean()) + 1e-6)
    return int(torch.nan_to_num(share).argmax())


def objective_of(known: FeatureNetwork, settings: FeatureSettings, layer: str, channel: int) -> Objective:
    """Return what is to be excited: the channel, or its middle unit."""
    if layer == OUTPUT or settings.goal == "channel" or len(known.layers[layer].field.shape) == 2:
        return Objective(layer, channel)
    rows, columns = known.layers[layer].field.grid
    return Objective(layer, channel, rows // 2, columns // 2)
