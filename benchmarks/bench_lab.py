"""B1, B2, B11: the lab in Chromium: what a hover costs, how soon a moved slider is painted, what 64 maps cost."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.measure import Line, quantile
from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.browser.conftest import Server, start_server

BUDGETS = ("B1", "B2", "B11")
MOVES = 60
PLAIN_PAGE = """
import streamlit as st, torch, torch.nn.functional as F
from app.pictures import picture_of
from app.figures.convolution.lab_block import working
from cnn.convolution.filters import filter_weight
from cnn.convolution.settings import LabSettings
angle = st.slider("Angle", 0, 359, 0)
image = working(picture_of(""), LabSettings())[None].float()
z = F.conv2d(image, filter_weight("sobel_x", angle=angle)[None, None])[0, 0]
st.image((z / z.abs().max() * 127 + 128).clamp(0, 255).byte().numpy())
"""
LAB_READY = """() => { const find = (n) => { for (const c of n.querySelectorAll("*")) {
  if (c.screen && c.classList.contains('lab')) return c.screen; if (c.shadowRoot) { const f = find(c.shadowRoot); if (f) return f; } } return null; };
  const lab = find(document);
  return lab && lab.ready && lab.stage.rowsOfPanels.every((r) => r.stale === false) && lab.lanes.every((l) => l.result && !l.draft); }"""
HOVER = """async (box) => { const lab = box.screen, { plane } = lab.stage.rowsOfPanels[0].panels.get("before"), times = [];
  const frame = plane.over.getBoundingClientRect();
  for (let i = 0; i < 150; i++) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const at = { clientX: frame.left + 10 + (i * 7) % (frame.width - 20), clientY: frame.top + 10 + (i * 3) % (frame.height - 20), pointerId: 1, bubbles: true };
    const start = performance.now();
    plane.over.dispatchEvent(new PointerEvent("pointermove", at));
    times.push(performance.now() - start);
  }
  return times; }"""
PAINTED = """async ([box, moves, field]) => { const lab = box.screen, times = [];
  const slider = lab.controls.filter[field].slider, paint = lab.paint.bind(lab);
  let painted = null;
  lab.paint = () => { paint(); if (painted) { const tell = painted; painted = null; requestAnimationFrame(() => tell(performance.now())); } };
  for (let i = 0; i < moves; i++) {
    const start = performance.now(), done = new Promise((resolve) => { painted = resolve; });
    slider.value = String(3 + i); slider.dispatchEvent(new Event("input", { bubbles: true }));
    times.push(await done - start);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  lab.paint = paint;
  return times; }"""
PLAIN = """async () => { const image = document.querySelector("[data-testid=stImage] img"), before = image.src;
  await new Promise((resolve) => { const look = () => {
    const now = document.querySelector("[data-testid=stImage] img");
    if (now && now.src !== before && now.complete && now.naturalWidth) requestAnimationFrame(resolve); else setTimeout(look, 1); }; look(); });
  return performance.now(); }"""


def measure() -> list[Line]:
    """Return the lines of B1, B2 and B11."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = start_server(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
            page = open_lab(browser, server)
            lines = hovering(page, "512²", 4.0)
            lines += playing(page)
            lines += sliding(page, plain_rerun(browser, Path(folder)))
            lines += many_maps(page)
            page.close()
            lines += hovering(large_lab(browser, server), "2,000²", 12.0)
            browser.close()
        finally:
            server.process.terminate()
            server.process.wait(10)
    return lines


def open_lab(browser: Browser, server: Server, query: str = "") -> Page:
    """Open the lab and wait for its first maps."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{server.url}/convolution{query}")
    page.wait_for_function(LAB_READY, timeout=60_000)
    page.wait_for_timeout(500)
    return page


def large_lab(browser: Browser, server: Server) -> Page:
    """Open the lab on an uploaded picture of 2,000 × 2,000."""
    page = open_lab(browser, server, "?size=2000&padding=same")
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=60)
    page.locator(".picture").click()
    content = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}
    page.locator("input[type=file]").first.set_input_files(content)  # type: ignore[arg-type]
    page.wait_for_url("**pic=u-**")
    page.locator('.panel[data-stage="before"] .shape', has_text="2000 × 2000").wait_for(timeout=60_000)
    page.wait_for_function(LAB_READY, timeout=60_000)
    return page


def hovering(page: Page, size: str, budget: float) -> list[Line]:
    """Time the handler of 150 pointer moves, one a frame, the best of three times, and count messages to the server."""
    before = page.locator(".lab").evaluate("(box) => box.screen.exchange.channel.sent")
    passes = [page.locator(".lab").evaluate(HOVER) for _ in range(3)]
    slowest = min(quantile(times, 0.95) for times in passes)
    sent = page.locator(".lab").evaluate("(box) => box.screen.exchange.channel.sent") - before
    return [
        Line("B1", f"hover handler at {size}, p95", slowest, "ms", budget),
        Line("B1", f"messages sent while hovering at {size}", sent, "", 0),
    ]


def playing(page: Page) -> list[Line]:
    """Play at 60 positions a second for three seconds."""
    page.locator(".rate").fill("60")
    page.locator('[data-do="play"]').click()
    page.wait_for_timeout(500)
    page.locator(".lab").evaluate("(box) => { box.screen.player.ticks = { shown: 0, late: 0 }; }")
    page.wait_for_timeout(3000)
    ticks = page.locator(".lab").evaluate("(box) => box.screen.player.ticks")
    page.locator('[data-do="play"]').click()
    dropped = 100 * ticks["late"] / max(ticks["late"] + ticks["shown"], 1)
    return [Line("B1", "frames dropped while playing at 60/s", dropped, "%", 5)]


def sliding(page: Page, plain: list[float]) -> list[Line]:
    """Move the angle; each move is timed to the frame after the map is painted."""
    page.wait_for_timeout(800)
    times = moved(page, "angle")
    return [
        Line("B2", "slider → painted, median", quantile(times, 0.5), "ms", 30),
        Line("B2", "slider → painted, p95", quantile(times, 0.95), "ms", 60),
        Line("B2", "… beside a rerun with st.image", quantile(times, 0.5), "ms", 0.45, quantile(plain, 0.5)),
    ]


def moved(page: Page, field: str) -> list[float]:
    """Return the milliseconds of each move of a slider to its painted map."""
    box = page.locator(".lab").element_handle()
    times: list[float] = page.evaluate(PAINTED, [box, MOVES, field])
    return times


def plain_rerun(browser: Browser, folder: Path) -> list[float]:
    """Time the same picture on a plain Streamlit page, with the settings of our server."""
    script = Path.cwd() / "app" / "main.py"
    assert script.exists(), "run the benchmarks from the repository's root"
    file = folder / "plain.py"
    file.write_text(PLAIN_PAGE)
    command = (
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(Path.cwd())!r}); from streamlit.web.cli import main; main()",
    )
    server = start_server(folder, command=(*command, "run", str(file)))
    try:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(server.url)
        page.locator("[data-testid=stImage] img").wait_for(timeout=60_000)
        page.locator("[data-testid=stSlider] input").first.focus()
        times = []
        for _ in range(25):
            page.wait_for_timeout(60)
            page.evaluate(
                "() => { window.pressed = 0; addEventListener('keydown', () => { window.pressed = performance.now(); }, { once: true, capture: true }); }"
            )
            page.evaluate(f"() => {{ window.done = ({PLAIN})(); }}")
            page.keyboard.press("ArrowRight")
            times.append(page.evaluate("async () => (await window.done) - window.pressed"))
        page.close()
        return times
    finally:
        server.process.terminate()
        server.process.wait(10)


def many_maps(page: Page) -> list[Line]:
    """Compare a bank of 64 filters with one filter, each moved by its angle."""
    page.locator(".lab").evaluate("(box) => box.screen.change({ bank: 'random', index: 0 })")
    page.wait_for_timeout(900)
    one = moved_seed(page, "random~s{n}")
    many = moved_seed(page, "random~s{n}~x64")
    return [Line("B11", "64 maps → painted, beside one picture", many, "ms", 1.5, one)]


def moved_seed(page: Page, text: str) -> float:
    """Return the median milliseconds from another bank to its painted maps."""
    script = """async ([box, text]) => { const lab = box.screen, times = [], paint = lab.paint.bind(lab); let painted = null;
      lab.paint = () => { paint(); if (painted) { const tell = painted; painted = null; requestAnimationFrame(() => tell(performance.now())); } };
      for (let i = 0; i < 25; i++) {
        const start = performance.now(), done = new Promise((resolve) => { painted = resolve; });
        lab.change({ bank: text.replace("{n}", String(i + 1)) });
        times.push(await done - start);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      lab.paint = paint;
      return times; }"""
    times = page.evaluate(script, [page.locator(".lab").element_handle(), text])
    return quantile(times, 0.5)
