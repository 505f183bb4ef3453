"""What the controls of /fast_style say: the shares of the style networks, the size, and how frames are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from app import state
from app.figures.style.first_look import fast_network
from cnn.style.fast import fast_networks

LARGEST_VIDEO = 640
"""Longer side of a video's frames; larger ones would take many seconds each on a CPU."""


@dataclass(frozen=True, slots=True)
class FastChoices:
    """The screen's values with what they mean; `mix` are the networks that are there with shares above 0."""

    values: Mapping[str, Any]
    mix: dict[str, float]

    def models(self, device: str = "cpu") -> list[tuple[nn.Module, float]]:
        """The networks, loaded, with their shares."""
        return [(fast_network(name, device), share) for name, share in self.mix.items()]

    def video_settings(self) -> dict[str, Any]:
        """For `cnn.style.fast.stylize_video`, path and device aside."""
        values = self.values
        return {
            "networks": self.mix,
            "size": min(values["size"], LARGEST_VIDEO),
            "steadiness": values["steady"],
            "keep_colours": values["colours"],
        }


def fast_choices(sent: Mapping[str, Any]) -> FastChoices:
    """Return what a browser's settings or an address mean, junk included."""
    texts = {str(k): "1" if v is True else "0" if v is False else str(v) for k, v in sent.items()}
    values = state.parsed(state.SCREENS["fast_style"], texts)[0]
    there, mix = fast_networks(), {}
    for part in values["mix"].split(","):
        name, _, number = part.partition("~")
        share = float(number) if number else 1.0
        if f"style-{name}" in there and share > 0:
            mix[f"style-{name}"] = share
    if not mix and there:
        mix = {there[0]: 1.0}
    return FastChoices(values, mix)
