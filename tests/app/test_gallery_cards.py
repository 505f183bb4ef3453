"""Home's cards: made one by one over the live route, and never for a screen that is not listed."""

from __future__ import annotations

import pytest

from app.figures.home.gallery import card_url, kept_card, live_block
from app.navigation import PAGES, spec_of
from app.pictures import CurrentPicture, picture_of
from app.wire import unpack


def default() -> CurrentPicture:
    return picture_of("")


@pytest.mark.parametrize("slug", [spec.slug for spec in PAGES if spec.listed])
def test_each_listed_screen_has_a_card_of_the_picture(slug: str) -> None:
    header, _ = unpack(live_block({"id": 3, "slug": slug, "address": "here"}, default))
    assert (header["id"], header["slug"], header["address"]) == (3, slug, "here")
    assert header["image"] == card_url(spec_of(slug), default())
    assert kept_card(spec_of(slug), default()) == header["image"]
    # a detector that finds nothing shows a picture on which it does; two photos of cells it tells apart
    others = {card_url(spec_of(slug), picture_of(key)) for key in ("cells_neutrophil", "cells_eosinophil")}
    assert len(others) == 2


@pytest.mark.parametrize("slug", ["status", "gallery", "../main", "", None, 7])
def test_no_card_for_anything_else(slug: object) -> None:
    header, _ = unpack(live_block({"id": 1, "slug": slug}, default))
    assert header["image"] == ""
