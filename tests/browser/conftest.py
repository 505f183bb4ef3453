"""A server of our own on a free port, and pages of a headless Chromium on it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong; speed is measured by `make bench`
ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every browser test a second try: a machine that stalls for half a minute is no fault of the app's.

    What passed at its second try only is named by `tests.nothing_skipped`, which bears few of them.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note a second try in the report."""
    if getattr(item, "execution_count", 1) > 1:
        item.user_properties.append(("second_try", "1"))


@dataclass(frozen=True, slots=True)
class Server:
    """A running ConvScope. `log` is where it writes."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(folder: Path, *, port: int | None = None, command: tuple[str, ...] = ()) -> Server:
    """Start the app as `make run` does and return when it answers."""
    port = port or free_port()
    log = folder / "server.log"
    environment = {
        **os.environ,
        "CONVSCOPE_DATA": str(folder),
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
    }
    line = [*(command or (sys.executable, "-m", "app.server")), "--port", str(port)]
    if command:
        line = [*command, "--server.port", str(port)]
    with log.open("ab") as file:
        process = subprocess.Popen(line, cwd=ROOT, env=environment, stdout=file, stderr=file)
    url = f"http://localhost:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return Server(url, process, log)
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all browser tests."""
    running = start_server(tmp_path_factory.mktemp("server"))
    yield running
    running.process.terminate()
    running.process.wait(10)


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address of the app; afterwards no page may have raised an error or left home."""
    pages: list[Page] = []
    errors: list[str] = []
    outside: list[str] = []

    def opened(
        path: str = "", *, width: int = 1440, height: int = 900, dark: bool = False, base: str = ""
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-US",
            permissions=["camera", "clipboard-read", "clipboard-write"],
        )  # fmt: skip
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request",
            lambda r: (
                outside.append(r.url) if "localhost" not in r.url and r.url.startswith("http") else None
            ),
        )
        page.goto(f"{base or server.url}/{path}")
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.context.close()
    assert not errors, errors
    assert not outside, outside
