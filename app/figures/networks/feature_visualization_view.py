"""Everything that one look at a channel needs: its peaks in the set and in the current picture, and the optimised one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from app.data_sets import DataSetGone
from app.feature_runs import FeatureRuns
from app.figures.networks.feature_visualization_scan import (
    PHOTOS,
    FeatureNetwork,
    FeatureSettings,
    PictureSet,
    chosen_channel,
    feature_network,
    layer_of,
    objective_of,
    own_maps,
    picture_set,
)
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture
from cnn.attribution.channel_peaks import PeakStep
from cnn.attribution.feature_visualization import OUTPUT, Objective, VisualizationSettings, VisualizationStep
from cnn.jobs import Job
from cnn.models.tracing import TraceError
from cnn.networks.transfer_errors import DataSetError

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureView:
    """One look.

    Attributes:
        identity: names the network.
        settings: as they were understood.
        network: its layers.
        layer, channel: what is looked at; `OUTPUT` for the classes.
        objective: what is to be excited.
        pictures, scan: the set and what excites each channel in it, as far as it was scanned.
        peaks: (C,) each channel's largest value in the set.
        cropped: uint8 (C, H, W), the current picture as the network sees it; `maps` (C, h, w) the layer's answer.
        step, job: the optimised picture so far, and what makes it.
        notice: key of a text that says what had to be replaced; "" for nothing.
    """

    identity: str
    settings: FeatureSettings
    network: FeatureNetwork
    layer: str
    channel: int
    objective: Objective
    pictures: PictureSet
    scan: PeakStep | None
    peaks: Tensor
    cropped: Tensor
    maps: Tensor
    step: VisualizationStep | None
    job: Job | None
    notice: str

    def with_settings(self, sent: Mapping[str, Any]) -> tuple[Objective, VisualizationSettings]:
        """What is to be optimised and how, as a button's message says: it is newer than what the last run knew."""
        given = sent.get("settings")
        settings = FeatureSettings.from_mapping(given) if isinstance(given, Mapping) else self.settings
        layer = layer_of(self.network, settings)
        same = layer == self.layer
        shape = None if layer == OUTPUT else self.network.layers[layer].field.shape
        channels = len(self.peaks) if same or shape is None else shape[1]
        channel = settings.channel if 0 <= settings.channel < channels else self.channel if same else 0
        return objective_of(self.network, settings, layer, channel), settings.optimiser

    def box(self, row: int, column: int) -> Box:
        """What a unit of the layer sees, (x1, y1, x2, y2) with exclusive ends, parts in the padding off the picture."""
        height, width = self.cropped.shape[1:]
        if self.layer == OUTPUT or len(self.network.layers[self.layer].field.shape) == 2:
            return 0, 0, width, height
        return self.network.layers[self.layer].field.box(row, column)


def feature_view(
    network: OpenNetwork,
    picture: CurrentPicture,
    settings: FeatureSettings,
    runs: FeatureRuns,
    session: str,
    language: str,
) -> FeatureView | None:
    """Return the look that `settings` ask for; None for a network without channels.

    Raises:
        QueueFull: a scan has to wait, and the server has enough to do.
    """
    notice = ""
    try:
        found = feature_network(network)
        layer = layer_of(found, settings)
        cropped, maps = own_maps(network, picture, layer)
    except (ValueError, KeyError, RuntimeError, TraceError):
        return None
    try:
        pictures = picture_set(network, settings.data, session, language)
    except (DataSetGone, DataSetError):
        notice, settings = "data_gone", replace(settings, data=PHOTOS)
        pictures = picture_set(network, PHOTOS, session, language)
    scan = runs.scanned(network, settings.data, layer, pictures, session)
    own = maps.flatten(1).max(dim=1).values
    peaks = torch.nan_to_num(scan.values, nan=-torch.inf).max(dim=0).values if scan is not None else own
    channel = chosen_channel(settings, peaks, own)
    objective = objective_of(found, settings, layer, channel)
    step, job = runs.shown(network, objective, settings.optimiser)
    return FeatureView(
        network.identity, settings, found, layer, channel, objective, pictures, scan, peaks, cropped, maps, step, job, notice
    )  # fmt: skip
