"""Style transfer as a visitor sees it: a first look, a run followed, scrubbed and steered, Grams, a style of one's own."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

Opener = Callable[..., Page]
START, SHOWN = "[data-act=start]", ".shown"
MIDDLE = """(canvas) => [...canvas.getContext('2d').getImageData(canvas.width / 4, canvas.height / 4,
  canvas.width / 2, canvas.height / 2).data]"""


def colours(page: Page) -> np.ndarray:
    return np.array(page.locator(SHOWN).evaluate(MIDDLE)).reshape(-1, 4)[:, :3].astype(float)


def run_to_the_end(page: Page, steps: int) -> None:
    page.locator(START).click()
    expect(page.locator(".status")).to_contain_text("Finished", timeout=120_000)
    expect(page.locator(SHOWN)).to_have_attribute("data-step", str(steps), timeout=30_000)


def test_a_first_look_is_there_before_any_run_and_says_what_it_is(open_page: Opener) -> None:
    page = open_page("style_transfer", width=390, height=844)
    expect(page.locator(".caption")).to_contain_text("one pass", timeout=60_000)
    expect(page.locator(SHOWN)).to_have_attribute("data-step", "0", timeout=30_000)
    styled = colours(page)
    page.locator(SHOWN).focus()
    page.keyboard.press("End")
    uncovered = colours(page)
    assert np.abs(styled - uncovered).mean() > 15, "the line uncovers the photo"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator(".memory")).to_contain_text("448 × 299 px takes about")


def test_T1_a_run_is_followed_scrubbed_and_restored_by_its_link(open_page: Opener) -> None:
    page = open_page("style_transfer?size=96&steps=20&styles=painting_scream~1")
    expect(page.locator(START)).to_be_visible(timeout=60_000)
    run_to_the_end(page, 20)
    last = colours(page)
    expect(page.locator(".log-chart")).to_have_count(3)
    page.locator(".scrub").fill("0")
    expect(page.locator(SHOWN)).to_have_attribute("data-step", "1")
    expect(page.locator(".caption")).to_contain_text("Step 1 of 20")
    assert np.abs(colours(page) - last).mean() > 2
    page.locator(".scrub").fill("19")
    page.locator("[data-tab=grams]").click()
    expect(page.locator(".gram-formula")).to_have_attribute("data-step", "20", timeout=30_000)
    shown = float(page.locator(".gram-formula").get_attribute("data-loss") or "nan")
    of_run = page.locator(".studio").evaluate("(box) => box.screen.store.row(20).style_layers['stage1.1']")
    assert abs(shown / of_run - 1) < 0.1, "the run's own number, of the picture before it was rounded"
    page.locator("[data-gram=own]").hover(position={"x": 20, "y": 20})
    expect(page.locator(".view-grams .readout")).to_contain_text("k = ")
    with page.expect_download() as download:
        page.get_by_role("button", name="Result (PNG)").click()
    with Image.open(Path(download.value.path())) as result:
        assert result.size == (96, 64)
    link = page.url
    assert "size=96" in link
    assert "view=grams" in link
    page.goto(link)
    expect(page.locator("[data-tab=grams]")).to_have_attribute("aria-selected", "true", timeout=60_000)
    expect(page.locator(".style-name")).to_have_text("The Scream")


def test_T1_a_paused_run_takes_on_new_weights(open_page: Opener) -> None:
    page = open_page("style_transfer?size=256&steps=500")
    expect(page.locator(START)).to_be_visible(timeout=60_000)
    page.locator(START).click()
    expect(page.locator(".caption")).to_contain_text("Step", timeout=90_000)
    page.locator("[data-act=pause]").click()
    expect(page.locator("[data-act=step]")).to_be_visible(timeout=30_000)
    alpha = page.locator(".sums dd small").nth(1)
    expect(alpha).to_contain_text("1.000")
    content = page.get_by_role("slider", name="Content α")
    content.fill("4")
    expect(page).to_have_url(re.compile("alpha=4"), timeout=30_000)
    page.locator("[data-act=step]").click()
    expect(alpha).to_contain_text("4.000", timeout=30_000)
    page.locator("[data-act=stop]").click()
    expect(page.locator(".status")).to_contain_text("Stopped", timeout=30_000)
    expect(page.get_by_role("button", name="Run (GIF)")).to_be_visible(timeout=30_000)


def test_nothing_to_optimise_is_said_in_a_sentence(open_page: Opener) -> None:
    page = open_page("style_transfer?alpha=0&strength=0")
    page.locator(START).click(timeout=60_000)
    expect(page.locator(".problem")).to_contain_text("Nothing to optimise", timeout=30_000)
    expect(page.locator(START)).to_be_enabled()


def test_an_own_style_joins_and_a_broken_file_gets_one_sentence(open_page: Opener) -> None:
    page = open_page("style_transfer")
    expect(page.locator(START)).to_be_visible(timeout=60_000)
    page.locator(".add-style").click()
    page.locator(".style-file").set_input_files(
        {"name": "<b>.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n no"}
    )
    expect(page.locator(".controls .bad").first).not_to_be_empty(timeout=30_000)
    file = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), (30, 160, 60), np.uint8)).save(file, "PNG")
    page.locator(".style-file").set_input_files(
        {"name": "green.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    expect(page.locator(".style-row")).to_have_count(2, timeout=30_000)
    expect(page.locator(".caption")).to_contain_text("only the colours", timeout=30_000)
    expect(page).to_have_url(re.compile("u-"), timeout=30_000)


def test_T1_layers_are_reconstructed_from_noise(open_page: Opener) -> None:
    page = open_page("style_transfer?view=layers")
    page.locator("[data-act=start_layers]").click(timeout=60_000)
    expect(page.locator("[data-cell='content stem'] img")).to_be_visible(timeout=90_000)
    expect(page.locator("[data-cell='style stem'] figcaption")).to_contain_text(
        "of the loss left", timeout=90_000
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-act=start_layers]")).to_have_text("Run again", timeout=30_000)


def test_charts_have_whole_decades_and_gaps(javascript: Callable[..., object]) -> None:
    module = "style_transfer/loss_charts.js"
    assert javascript(module, "logRange(argument)", [[0.02, 3], [400]]) == [-2, 3]
    assert javascript(module, "logRange(argument)", [[1e-20, 10]]) == [-6, 1]
    assert javascript(module, "logRange([[0]])") == [0, 1]
    path = javascript(module, "linePath([1, 2, 3, 4], [1, 0, 2, 3], (s) => s, (v) => v)")
    assert path == "M1.0 1.0M3.0 2.0L4.0 3.0"
    assert javascript(module, "[powerText(12345678), powerText(0.00001234), powerText(12)]") == [
        "1.235 · 10⁷", "0.00001234", "12.00",
    ]  # fmt: skip


def test_scrubbing_finds_the_kept_picture(javascript: Callable[..., object]) -> None:
    expression = """(() => { const store = new FrameStore(() => {}); store.reset("r");
      const frame = { data: new Uint8Array(3) }, row = (step) => ({ step });
      store.take({ stride: 2, rows: [1, 2].map(row), frames: [1, 2] }, { frame1: frame, frame2: frame });
      store.take({ stride: 2, rows: [3, 4].map(row), frames: [3, 4] }, { frame3: frame, frame4: frame });
      return [store.steps, store.nearest(null), store.nearest(2), store.nearest(0), store.last, store.row(3).step]; })()"""
    assert javascript("style_transfer/frame_store.js", expression) == [[1, 3, 4], 4, 1, 1, 4, 3]
