"""The home page: a card for each screen, made from the person's own picture."""

from __future__ import annotations

import streamlit as st

from app.components.bundle import component
from app.figures.home.gallery import card_url, kept_card
from app.language import Words
from app.navigation import PAGES, SECTIONS, go, spec_of
from app.state import RECENT_KEY
from app.widgets.screen import Screen, open_screen
from app.wire import pack


def page() -> None:
    """Draw the cards and open the one that is clicked."""
    screen = open_screen("gallery")
    sections = [
        {"title": screen.words(f"section_{section}"), "cards": cards}
        for section in SECTIONS
        if (cards := [_card(screen, spec.slug) for spec in PAGES if spec.listed and spec.section == section])
    ]
    recent = [_card(screen, slug) for slug in st.session_state.get(RECENT_KEY, ())]
    address = {"pic": screen.picture.key, "m": st.query_params.get("m", "")}
    header = {
        "words": screen.words.own(),
        "sections": sections,
        "recent": recent,
        "live": screen.live,
        "address": address,
    }
    opened = component("gallery")(key="gallery", data=pack(header, {}), on_open_change=lambda: None).open
    if opened in {spec.slug for spec in PAGES if spec.listed}:
        go(opened)


def _card(screen: Screen, slug: str) -> dict[str, str]:
    spec = spec_of(slug)
    words = Words(screen.language, spec.section, slug)
    title, subtitle = words("title"), words("subtitle")
    both = " ".join(Words(language, spec.section, slug)("keywords") for language in ("en", "ko"))
    alt = f"{title}: {screen.picture.alt}"
    image = kept_card(spec, screen.picture) if screen.live else card_url(spec, screen.picture)
    return {
        "slug": slug,
        "title": title,
        "subtitle": subtitle,
        "alt": alt,
        "image": image,
        "find": f"{title} {subtitle} {both}",
    }
