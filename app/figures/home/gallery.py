"""The home page's cards: each screen's own small view of the current picture."""

from __future__ import annotations

import importlib

import torch.nn.functional as F
from torch import Tensor

from app.cache import ENCODED
from app.navigation import PageSpec
from app.pictures import CurrentPicture, as_photo
from cnn.images.encode import data_url, jpeg_bytes, thumbnail

CARD_SIDE = 320
LEAST_SIDE = 64
"""A card's picture has room for every screen's filters; a matrix of a few numbers is drawn in squares."""


def card_url(spec: PageSpec, picture: CurrentPicture) -> str:
    """Return the card of `spec` for `picture` as a JPEG data URL.

    A screen's figure module has `card(photo: Tensor uint8 (C, H, W)) -> uint8 (H, W, 3)`, given at most `CARD_SIDE` px.
    """
    figures = importlib.import_module(f"app.figures.{spec.section}.{spec.slug}")

    def make() -> bytes:
        return jpeg_bytes(figures.card(_card_photo(picture)), quality=85)

    return data_url(ENCODED.get_or_make(("card", spec.slug, picture.identity), make), "image/jpeg")


def _card_photo(picture: CurrentPicture) -> Tensor:
    small = thumbnail(as_photo(picture), CARD_SIDE)
    height, width = (max(side, LEAST_SIDE) for side in small.shape[1:])
    return F.interpolate(small[None], size=(height, width), mode="nearest-exact")[0]
