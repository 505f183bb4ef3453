"""PAGES: the one list of screens. A screen's address is its slug; its files lie under `<section>/<slug>` in every tree."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st

SECTIONS = (
    "home",
    "convolution",
    "networks",
    "training",
    "detection",
    "segmentation",
    "style",
    "faces",
    "server",
)


@dataclass(frozen=True, slots=True)
class PageSpec:
    """One screen. `icon` is a Material Symbols name (the font comes with Streamlit)."""

    section: str
    slug: str
    icon: str
    listed: bool = True

    @property
    def module(self) -> str:
        """Return the dotted name of the page's module."""
        return f"app.pages.{self.section}.{self.slug}"

    def load(self) -> Callable[[], None]:
        """Import the page and return its function."""
        return importlib.import_module(self.module).page

    def show(self) -> None:
        """Draw the page; imports it first, so that nobody waits for the modules of a page that is not open."""
        self.load()()

    def as_page(self, title: str) -> st.Page:
        """Return Streamlit's page object for this screen."""
        home = self is HOME
        address = "" if home else self.slug
        shown = "visible" if self.listed or home else "hidden"
        icon = f":material/{self.icon}:"
        return st.Page(self.show, title=title, icon=icon, url_path=address, default=home, visibility=shown)


HOME = PageSpec("home", "gallery", "home", listed=False)
PAGES: tuple[PageSpec, ...] = (
    HOME,
    PageSpec("convolution", "convolution", "grid_on"),
    PageSpec("convolution", "receptive_field", "center_focus_strong"),
    PageSpec("convolution", "transposed_convolution", "open_in_full"),
    PageSpec("convolution", "learned_filters", "model_training"),
    PageSpec("convolution", "connections", "hub"),
    PageSpec("networks", "layer_explorer", "layers"),
    PageSpec("networks", "attribution", "manage_search"),
    PageSpec("networks", "feature_visualization", "auto_awesome"),
    PageSpec("networks", "architectures", "account_tree"),
    PageSpec("networks", "transfer_learning", "school"),
    PageSpec("detection", "detect", "frame_inspect"),
    PageSpec("detection", "boxes", "select_all"),
    PageSpec("detection", "yolo_grid", "grid_4x4"),
    PageSpec("detection", "sliding_window", "pan_tool_alt"),
    PageSpec("detection", "region_proposals", "dashboard_customize"),
    PageSpec("segmentation", "segment", "format_paint"),
    PageSpec("segmentation", "unet", "schema"),
    PageSpec("style", "style_transfer", "brush"),
    PageSpec("style", "fast_style", "bolt"),
    PageSpec("server", "status", "memory", listed=False),
)


def spec_of(slug: str) -> PageSpec:
    """Return the page with `slug`.

    Raises:
        KeyError: there is none.
    """
    for page in PAGES:
        if page.slug == slug:
            return page
    raise KeyError(slug)


def load_pages(*slugs: str) -> None:
    """Import the modules of the named pages, or of every page, so that a first visitor does not wait for them."""
    for page in PAGES:
        if not slugs or page.slug in slugs:
            page.load()


def go(slug: str) -> NoReturn:
    """Leave the running script for the screen with `slug`."""
    st.switch_page(spec_of(slug).as_page(slug))
    raise AssertionError("switch_page does not return")
