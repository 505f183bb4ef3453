"""What several folders of tests need: a headless Chromium, and our JavaScript run in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from app.components.bundle import COMPONENTS, bundle
from tests.browser.chromium import ARGUMENTS, WANTED, chromium_path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    path = chromium_path()
    if not path:
        pytest.fail(WANTED)
    fake_camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *fake_camera])
        yield running
        running.close()


@pytest.fixture(scope="session")
def javascript(browser: Browser) -> Iterator[Callable[..., Any]]:
    """Return `run(module, expression, argument)`: the value of `expression` (which may use `argument` and everything
    that the module under app/components and its imports define), computed in Chromium."""
    page = browser.new_page()

    def run(module: str, expression: str, argument: Any = None) -> Any:
        script = bundle(Path(COMPONENTS) / module).replace("export default", "const main_of_component =")
        return page.evaluate(f"async (argument) => {{ {script}\n return ({expression}); }}", argument)

    yield run
    page.close()
