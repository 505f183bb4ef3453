"""What a page's headers tell the browser to load is there, and is what the page loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.file_util import get_static_dir

from app.components import bundle
from app.navigation import HOME, PAGES
from app.routes import preload


@pytest.fixture
def routed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bundle, "served_by_route", True)
    bundle._sources.cache_clear()
    preload.link_header.cache_clear()
    yield
    bundle._sources.cache_clear()
    preload.link_header.cache_clear()


def test_streamlits_scripts_for_components_are_known() -> None:
    names = preload.frame_scripts()
    assert any("BidiComponent" in name for name in names)
    for name in names:
        assert (Path(get_static_dir()) / name.lstrip("/")).is_file()


@pytest.mark.parametrize("slug", ["" if spec is HOME else spec.slug for spec in PAGES])
def test_a_page_names_its_own_scripts(slug: str, routed: None) -> None:
    paths = re.findall(r"<([^>]+)>", preload.link_header(slug))
    ours = [path.removeprefix(bundle.JS_PREFIX) for path in paths if path.startswith(bundle.JS_PREFIX)]
    assert any(name.startswith("toolbar.") for name in ours)
    assert all(bundle.script(name) for name in ours)
    if slug == "convolution":
        assert any(name.startswith("lab.") for name in ours)
