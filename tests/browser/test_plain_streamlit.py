"""Plain `streamlit run app/main.py`, as hosted Streamlit does it: no routes of ours, the same screens by fragments."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, start_server
from tests.browser.test_lab import at_rest, hover, open_lab, panel, readout
from tests.browser.test_shell import RED, expect_colour, picture_bytes, upload

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    command = (sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true")
    running = start_server(tmp_path_factory.mktemp("plain"), command=command)
    yield running
    running.process.terminate()
    running.process.wait(10)


def test_the_lab_answers_without_our_routes(open_page: Opener, plain: Server) -> None:
    page = open_page("", base=plain.url)  # the first visit tells Streamlit that the pages are ours
    page.locator("h1.title").wait_for()
    page = open_lab(open_page, "pic=matrix&bank=vertical", base=plain.url)
    hover(page, "before", 0, 0)
    assert readout(page, "before") == -5
    page.get_by_label("Mirror the filter").check()
    page.wait_for_url("**flip=1**")
    at_rest(page)
    hover(page, "before", 0, 0)
    expect(panel(page, "before").locator(".readout b")).to_have_text("5")


def test_an_upload_comes_in_without_our_routes(open_page: Opener, plain: Server) -> None:
    page = open_page("", base=plain.url)
    upload(page, picture_bytes(RED))
    expect_colour(page, RED)
    assert "pic=u-" in page.url
