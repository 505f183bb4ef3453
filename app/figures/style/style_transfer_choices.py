"""What the controls of /style_transfer say, as a run's pictures and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from app import state
from app.pictures import CurrentPicture, PictureGone, as_photo, picture_of
from cnn.images.encode import resize_to, thumbnail
from cnn.images.errors import ImageError
from cnn.style.errors import StyleError
from cnn.style.features import NETWORKS, StyleNetwork, best_network

STYLE_SIDE = 1024
"""Longer styles are made smaller before a run gets them."""
MOST_STYLES = 3
DEFAULT_STYLE = "painting_starry_night"


@dataclass(frozen=True, slots=True, eq=False)
class StyleChoices:
    """The screen's values with what they mean.

    Attributes:
        values: as the address bar has them.
        picture: the content. styles: (picture, share), one to three; those that are gone are left out.
        network: the chosen one if its weights are there, else the best that there is.
    """

    values: Mapping[str, Any]
    picture: CurrentPicture
    styles: tuple[tuple[CurrentPicture, float], ...]
    network: StyleNetwork

    @property
    def inputs(self) -> str:
        """What names the pictures: a run of others is not this one's."""
        return " ".join([self.picture.identity, *(style.identity for style, _ in self.styles)])

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the result."""
        height, width = self.content().shape[1:]
        return height, width

    def content(self) -> Tensor:
        """The content at the size of the result, uint8."""
        return resize_to(as_photo(self.picture), self.values["size"])

    def style_pictures(self) -> tuple[Tensor, ...]:
        """The styles, uint8, each at most `STYLE_SIDE`."""
        return tuple(thumbnail(as_photo(style), STYLE_SIDE) for style, _ in self.styles)

    @property
    def style_layers(self) -> dict[str, float]:
        """Every style layer of the network with its weight, 1 unless the values say otherwise."""
        asked = pairs(self.values["layers"])
        return {name: asked.get(name, 1.0) for name in self.network.style_layers}

    @property
    def content_layer(self) -> str:
        """The layer whose maps are the content."""
        asked = self.values["content"]
        return asked if asked in self.network.layers else self.network.content_layers[0]

    @property
    def steered(self) -> dict[str, Any]:
        """The settings that a run takes on while it goes on."""
        values = self.values
        return {
            "alpha": values["alpha"],
            "style_strength": values["strength"],
            "smoothness": values["smooth"],
            "content_layers": {self.content_layer: 1.0},
            "style_layers": {name: weight for name, weight in self.style_layers.items() if weight > 0},
            "style_shares": [share for _, share in self.styles],
            "optimiser": values["optimiser"],
            "learning_rate": values["rate"] or None,
        }

    @property
    def obstacle(self) -> StyleError | None:
        """Why no run can be made of this: every weight is 0, or the picture is too narrow for the layers."""
        content = (self.content_layer,) if self.values["alpha"] > 0 else ()
        style = self.steered["style_layers"] if self.values["strength"] > 0 else {}
        if not (content or style):
            return StyleError("no_layers")
        minimum, (height, width) = self.network.minimum_size((*content, *style)), self.size
        if min(height, width) < minimum:
            return StyleError("too_small", width=width, height=height, minimum=minimum)
        return None

    def arguments(self, device: str) -> dict[str, Any]:
        """All settings of a run, for `cnn.style.gatys.style_transfer`, steps aside."""
        values = self.values
        return {
            **self.steered,
            "network": self.network.name,
            "size": values["size"],
            "start": values["start"],
            "colour": values["colour"],
            "style_scale": values["scale"],
            "levels": None if values["coarse"] else 1,
            "pooling": values["pooling"] if self.network.poolable else "max",
            "device": device,
        }


def choices_of(values: Mapping[str, Any], picture: CurrentPicture, language: str, owner: str) -> StyleChoices:
    """Return what the values mean; `owner` is the session that opens its uploads."""
    styles = []
    for key, share in list(pairs(values["styles"]).items())[:MOST_STYLES]:
        try:
            styles.append((picture_of(key, language=language, owner=owner), share))
        except (PictureGone, ImageError):
            continue
    if not sum(share for _, share in styles):
        styles = [(picture_of(DEFAULT_STYLE, language=language), 1.0)]
    asked = next((network for network in NETWORKS if network.name == values["net"]), None)
    network = asked if asked is not None and asked.available() else best_network()
    return StyleChoices(values, picture, tuple(styles), network)


def pairs(text: str) -> dict[str, float]:
    """Return "a~1,b~0.5" as {"a": 1.0, "b": 0.5}; what has no number has 1."""
    found = {}
    for part in text.split(","):
        name, _, number = part.partition("~")
        if name:
            found[name] = float(number) if number else 1.0
    return found


def own_values(sent: Mapping[str, Any]) -> dict[str, Any]:
    """A browser's settings, junk included, as the address bar's table reads them."""
    texts = {str(k): "1" if v is True else "0" if v is False else str(v) for k, v in sent.items()}
    return state.parsed(state.SCREENS["style_transfer"], texts)[0]
