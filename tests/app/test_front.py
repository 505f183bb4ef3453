"""Each screen's page tells the browser where its server is, so that it connects without asking."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser

from app.navigation import HOME, PAGES
from app.routes.front import front_routes, page_html

SLUGS = ["" if spec is HOME else spec.slug for spec in PAGES]


def test_every_screen_has_its_page() -> None:
    assert {route.path for route in front_routes()} == {f"/{slug}" for slug in SLUGS}


@pytest.mark.parametrize(
    ("slug", "address", "base"),
    [
        ("", "http://localhost:8501/", "http://localhost:8501/"),
        ("convolution", "http://localhost:8501/convolution?k=3", "http://localhost:8501/"),
        ("convolution", "http://localhost:8501/convolution/", "http://localhost:8501/"),
        ("unet", "https://school.example/tools/unet#x", "https://school.example/tools/"),
        ("", "https://school.example/tools/", "https://school.example/tools/"),
    ],
)
def test_the_base_is_the_address_without_the_screen(
    browser: Browser, slug: str, address: str, base: str
) -> None:
    script = re.search(r"<script>(.*?)</script>", page_html(slug), re.DOTALL)
    assert script
    page = browser.new_page()
    page.route("**/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    page.goto(address)
    page.evaluate(script[1])
    told = page.evaluate("window.__streamlit")
    page.close()
    assert told["BACKEND_BASE_URL"] == base
    assert told["HOST_CONFIG"] == {
        "allowedOrigins": [re.match(r"\w+://[^/]+", base)[0]],  # type: ignore[index]
        "useExternalAuthToken": False,
    }
