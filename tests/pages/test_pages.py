"""Every page, in both languages, on photos, matrices and junk: no exception, its title, its lesson."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.language import LANGUAGES, Words
from app.navigation import HOME, PAGES, PageSpec
from app.wire import unpack
from tests.app.test_state import JUNK

SLUGS = [spec.slug for spec in PAGES]


def spec_of(slug: str) -> PageSpec:
    return next(spec for spec in PAGES if spec.slug == slug)


def run_page(slug: str, **query: str) -> AppTest:
    """Run one page as its visitor would first see it."""

    def script(slug: str) -> None:
        from app.navigation import spec_of
        from app.widgets.screen import choose_language

        choose_language()
        spec_of(slug).load()()

    test = AppTest.from_function(script, kwargs={"slug": slug}, default_timeout=60)
    for name, value in query.items():
        test.query_params[name] = value
    return test.run()


def toolbar_of(test: AppTest) -> dict[str, object]:
    """Return what the page's toolbar was given."""
    for element in test.main:
        proto = getattr(element, "proto", None)
        if getattr(proto, "component_name", "").endswith("toolbar"):
            return unpack(proto.bytes)[0]
    raise LookupError("the page has no toolbar")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("slug", SLUGS)
def test_page_runs(slug: str, language: str) -> None:
    test = run_page(slug, lang=language)
    assert not test.exception
    assert not test.error
    words = Words(language, spec_of(slug).section, slug)
    assert toolbar_of(test)["title"] == words("title")
    if spec_of(slug) is not HOME:
        assert any(words.lesson()[:40] in block.value for block in test.markdown)


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "query",
    [
        {"pic": "matrix"},
        {"pic": "matrix", "m": "1,2;3,4"},
        {"pic": "matrix", "m": "1"},
        {"pic": "u-" + "a" * 22},
        {"pic": "dahlia"},
    ],
    ids=str,
)
def test_fault_A6_page_runs_on_any_picture(slug: str, query: dict[str, str]) -> None:
    test = run_page(slug, **query)
    assert not test.exception
    assert not test.error


@pytest.mark.parametrize("slug", SLUGS)
def test_fault_C1_page_survives_junk_in_the_address(slug: str) -> None:
    from app.state import GLOBAL, SCREENS

    names = [p.name for p in GLOBAL + SCREENS.get(slug, ())]
    for junk in JUNK:
        test = run_page(slug, **dict.fromkeys(names, junk))
        assert not test.exception, junk
        assert not test.error, junk
        assert len(test.info) <= len(names)


def test_fault_F1_notes_show_junk_as_text() -> None:
    shown = run_page("convolution", pic="![](http://example.com/x.png)<b>").info
    assert shown
    for note in shown:
        assert "](http" not in note.value
        assert "<b>" not in note.value
