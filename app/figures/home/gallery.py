"""The home page's cards: each screen's own small view of the current picture."""

from __future__ import annotations

import importlib

from app.cache import ENCODED
from app.navigation import PageSpec
from app.pictures import CurrentPicture, as_photo
from cnn.images.encode import data_url, jpeg_bytes, thumbnail

CARD_SIDE = 320


def card_url(spec: PageSpec, picture: CurrentPicture) -> str:
    """Return the card of `spec` for `picture` as a JPEG data URL.

    A screen's figure module has `card(photo: Tensor uint8 (C, H, W)) -> uint8 (H, W, 3)`, given at most `CARD_SIDE` px.
    """
    figures = importlib.import_module(f"app.figures.{spec.section}.{spec.slug}")

    def make() -> bytes:
        return jpeg_bytes(figures.card(thumbnail(as_photo(picture), CARD_SIDE)), quality=85)

    return data_url(ENCODED.get_or_make(("card", spec.slug, picture.digest), make), "image/jpeg")
