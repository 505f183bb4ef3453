"""What can be shown before any run: one pass of a network trained for the painting, or the style's colours alone."""

from __future__ import annotations

import time
from functools import cache

from torch import Tensor, nn

from app.cache import ENCODED
from app.figures.style.style_transfer_choices import StyleChoices
from app.pictures import CurrentPicture, as_photo
from cnn.images.encode import jpeg_bytes, resize_to, thumbnail, to_hwc
from cnn.style.colour import colour_matched
from cnn.style.errors import StyleError
from cnn.style.fast import fast_networks, load_fast, stylize
from cnn.style.pictures import as_uint8, picture

SIDE = 448
_SECONDS: dict[str, float] = {}


@cache
def fast_network(name: str, device: str = "cpu") -> nn.Module:
    """A style network that ships, loaded once; `stylize` uses it under its lock."""
    return load_fast(name, device)


def network_of(style: CurrentPicture) -> str:
    """The network trained for a painting, or ""."""
    name = "style-" + style.key.removeprefix("painting_").replace("_", "-")
    return name if name in fast_networks() else ""


def first_look(choices: StyleChoices) -> tuple[str, str, bytes, float]:
    """Return (id, kind, JPEG, seconds that it took); kind is "pass" or "colours"."""
    shares = [(network_of(style), share) for style, share in choices.styles]
    kind = "pass" if all(name for name, share in shares if share > 0) else "colours"
    mixture = ",".join(f"{style.identity}~{share:g}" for style, share in choices.styles)
    name = f"{kind} {choices.picture.identity} {mixture}"

    def make() -> bytes:
        photo = resize_to(as_photo(choices.picture), SIDE)
        for network, _ in shares if kind == "pass" else ():
            if network:
                fast_network(network)  # loading it is no part of the pass
        began = time.perf_counter()
        made = _passed(photo, shares) if kind == "pass" else _coloured(photo, choices)
        if len(_SECONDS) > 4096:
            _SECONDS.clear()
        _SECONDS[name] = time.perf_counter() - began
        return jpeg_bytes(to_hwc(made), quality=90)

    jpeg = ENCODED.get_or_make(("first look", name), make)
    return name, kind, jpeg, _SECONDS.get(name, 0.0)


def _passed(photo: Tensor, shares: list[tuple[str, float]]) -> Tensor:
    try:
        return stylize([(fast_network(name), share) for name, share in shares if share > 0], photo)
    except StyleError:  # a strip too narrow for the network
        return photo


def _coloured(photo: Tensor, choices: StyleChoices) -> Tensor:
    """The photo with mean and covariance of the first style's colours."""
    style = max(choices.styles, key=lambda pair: pair[1])[0]
    return as_uint8(colour_matched(picture(photo), picture(thumbnail(as_photo(style), SIDE))))
