"""The home page's cards: each screen's own small view of the current picture."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from app.cache import ENCODED
from app.navigation import PAGES, PageSpec, spec_of
from app.pictures import CurrentPicture, as_photo
from app.wire import pack
from cnn.images.encode import data_url, jpeg_bytes, thumbnail

CARD_SIDE = 320
LEAST_SIDE = 64
"""A card's picture has room for every screen's filters; a matrix of a few numbers is drawn in squares."""


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser with the card of the screen `slug`: some run a network, so home does not wait for them."""
    slug, shown = str(parameters.get("slug")), {spec.slug for spec in PAGES if spec.listed}
    header = {
        "id": parameters.get("id", 0),
        "slug": slug[:60],
        "address": str(parameters.get("address"))[:8000],
    }
    image = card_url(spec_of(slug), picture()) if slug in shown else ""
    return pack({**header, "image": image}, {})


def kept_card(spec: PageSpec, picture: CurrentPicture) -> str:
    """Return the card of `spec` if it was made already, otherwise an empty text."""
    kept = ENCODED.get(_key(spec, picture))
    return data_url(kept, "image/jpeg") if kept else ""


def card_url(spec: PageSpec, picture: CurrentPicture) -> str:
    """Return the card of `spec` for `picture` as a JPEG data URL.

    A screen's figure module has `card(photo: Tensor uint8 (C, H, W)) -> uint8 (H, W, 3)`, given at most `CARD_SIDE` px.
    """

    def make() -> bytes:
        figures = importlib.import_module(f"app.figures.{spec.section}.{spec.slug}")
        return jpeg_bytes(figures.card(_card_photo(picture)), quality=85)

    return data_url(ENCODED.get_or_make(_key(spec, picture), make), "image/jpeg")


def _key(spec: PageSpec, picture: CurrentPicture) -> tuple[str, str, str]:
    return ("card", spec.slug, picture.identity)


def _card_photo(picture: CurrentPicture) -> Tensor:
    small = thumbnail(as_photo(picture), CARD_SIDE)
    height, width = (max(side, LEAST_SIDE) for side in small.shape[1:])
    return F.interpolate(small[None], size=(height, width), mode="nearest-exact")[0]
