"""B3, B4, B12: a class of thirty, the first picture, memory. Everything on loopback, bounded in count and time."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.measure import Line, quantile
from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.browser.conftest import Server, start_server
from tests.browser.protocol import Visitor

BUDGETS = ("B3", "B4", "B12")
MOVES = 8
FIRST_MAP = "() => { const walk = (n) => [...n.querySelectorAll('*')].some((e) => e.tagName === 'CANVAS' && e.width > 50 || e.shadowRoot && walk(e.shadowRoot)); return walk(document); }"  # fmt: skip


def measure() -> list[Line]:
    """Return the lines of B3, B4 and B12."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        begun = time.perf_counter()
        server = start_server(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
            lines = first_pictures(server, browser, begun)
            lines += crowd(server, browser)
            lines += memory(server, browser)
            browser.close()
        finally:
            server.process.terminate()
            server.process.wait(10)
    return lines


def first_pictures(server: Server, browser: Browser, begun: float) -> list[Line]:
    """From healthy, from the command, and from a reload, to the lab's first painted canvas."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    healthy = time.perf_counter()
    page.goto(f"{server.url}/convolution")
    page.wait_for_function(FIRST_MAP, polling=20)
    painted = time.perf_counter()
    reloads = []
    for _ in range(3):
        again = time.perf_counter()
        page.reload()
        page.wait_for_function(FIRST_MAP, polling=20)
        reloads.append(time.perf_counter() - again)
    page.close()
    return [
        Line("B4", "server healthy → first picture", painted - healthy, "s", 1.5),
        Line("B4", "command (installed) → first picture", painted - begun, "s", 6.0),
        Line("B4", "reload → picture", min(reloads), "s", 0.6),
    ]


def crowd(server: Server, browser: Browser) -> list[Line]:
    """Thirty visitors, a move a second each, in peace and while a job runs; the slowest twentieth of the answers."""
    with ExitStack() as stack:
        visitors = [stack.enter_context(Visitor(server.url, "convolution")) for _ in range(30)]
        for visitor in visitors:
            visitor.open_live(visitor.rerun())
        peaceful = moves(visitors)
        page = browser.new_page()
        page.goto(f"{server.url}/status")
        page.get_by_role("button", name="Start").click()
        page.get_by_text("Running", exact=True).wait_for(timeout=30_000)
        beside_a_job = moves(visitors)
        page.close()
    slowest = {name: 1000 * quantile(took, 0.95) for name, took in (("", peaceful), ("job", beside_a_job))}
    return [
        Line("B3", "30 sessions, a move a second each: p95", slowest[""], "ms", 150),
        Line("B3", "… while a job runs: p95", slowest["job"], "ms", 150),
        Line("B3", "… while a job runs: slowest", 1000 * max(beside_a_job), "ms", 1000),
    ]


def moves(visitors: list[Visitor]) -> list[float]:
    """Let each visitor move a slider `MOVES` times, a second apart; return the seconds of every answer."""
    seconds: list[float] = []

    def move(visitor: Visitor, delay: float) -> None:
        time.sleep(delay)
        for turn in range(MOVES):
            _, took = visitor.live(
                "convolution", {"lanes": [{"bank": f"sobel_x~a{5 * turn}"}], "draft": True}
            )
            seconds.append(took)
            time.sleep(max(0.0, 1 - took))

    threads = [threading.Thread(target=move, args=(v, n / 30)) for n, v in enumerate(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def resident_mb(server: Server) -> float:
    """Return the server's resident memory in MB."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(server: Server, browser: Browser) -> list[Line]:
    """After every screen, per idle session, and over 2,000 live moves."""
    from app.navigation import PAGES

    page: Page = browser.new_page()
    for spec in PAGES:
        page.goto(f"{server.url}/{'' if spec.section == 'home' else spec.slug}")
        page.wait_for_timeout(2500)
    page.close()
    used = resident_mb(server)
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(Visitor(server.url, "convolution")).rerun()
        idle = (resident_mb(server) - used) / 20
    with Visitor(server.url, "convolution") as visitor:
        visitor.open_live(visitor.rerun())
        for turn in range(200):
            visitor.live("convolution", {"lanes": [{"bank": f"sobel_x~a{turn % 180}"}], "draft": True})
        start = resident_mb(server)
        for turn in range(2000):
            visitor.live("convolution", {"lanes": [{"bank": f"sobel_x~a{turn % 180}"}], "draft": True})
        grown = resident_mb(server) - start
    return [
        Line("B12", "memory after every screen was used", used, "MB", 1800),
        Line("B12", "an idle session", idle, "MB", 2),
        Line("B12", "growth over 2,000 slider moves", grown, "MB", 50),
    ]
