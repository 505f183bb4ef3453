"""The transposed-convolution screen as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.figures.convolution.transposed_convolution import pixels_of, trace_of
from app.pictures import picture_of
from cnn.convolution.transposed_settings import TransposedSettings

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 40_000


def cells(page: Page, grid: str) -> Any:
    return page.locator(f'[data-grid="{grid}"] .cells i')


def test_C16_the_matrix_and_what_a_row_and_a_column_mean(open_page: Opener) -> None:
    page = open_page("transposed_convolution?pic=cat")
    expect(cells(page, "matrix")).to_have_count(64, timeout=PATIENCE)
    pixels = pixels_of(picture_of("cat"), 4).flatten().tolist()
    assert [int(text) for text in cells(page, "input").all_inner_texts()] == pixels
    weights = range(1, 10)
    first = sum(w * pixels[4 * (i // 3) + i % 3] for i, w in enumerate(weights))
    expect(page.locator(".sentence")).to_contain_text(f"= {first}")
    expect(cells(page, "output").first).to_have_text(str(first))
    cells(page, "input").nth(5).hover()
    expect(page.locator(".sentence")).to_contain_text("It is used 4 times, by (0, 0), (0, 1), (1, 0), (1, 1)")
    cells(page, "matrix").nth(16 + 1).hover()
    expect(page.locator(".sentence")).to_contain_text("Entry (1, 1) is the filter's weight 1 at (0, 0)")
    expect(page.locator('[data-grid="matrix"] .cells i.none')).to_have_count(28)


def test_C16_transposing_and_resizing_live(open_page: Opener) -> None:
    page = open_page("transposed_convolution")
    expect(cells(page, "matrix")).to_have_count(64, timeout=PATIENCE)
    page.get_by_label("Transpose the matrix").check()
    expect(page.locator('[data-grid="matrix"] .shape')).to_have_text("16 × 4", timeout=PATIENCE)
    page.get_by_role("textbox", name="Pixels n").fill("5")
    page.get_by_role("textbox", name="Pixels n").press("Enter")
    expect(page.locator('[data-grid="matrix"] .shape')).to_have_text("25 × 9", timeout=PATIENCE)
    page.wait_for_url(re.compile(r"size=5.*transposed=1|transposed=1.*size=5"), timeout=PATIENCE)


def test_C17_step_by_step_overlaps_add(open_page: Opener) -> None:
    page = open_page("transposed_convolution?view=steps")
    expect(page.locator(".formula")).to_contain_text("= 3", timeout=PATIENCE)
    for _ in range(4):
        page.get_by_role("button", name="One step", exact=True).click()
    expect(page.locator(".place")).to_have_text("4 of 4 added")
    # 1·9 + 2·7 + 3·3 + 4·1 in the middle of the canvas, of which the padding leaves the inner 3 × 3
    expect(cells(page, "cut").nth(4)).to_have_text("36")
    cells(page, "canvas").nth(12).hover()
    expect(page.locator(".sentence")).to_contain_text("1·9 + 2·7 + 3·3 + 4·1 = 36 (4 contributions)")
    page.wait_for_url(re.compile("step=4"), timeout=PATIENCE)


def test_C17_the_learned_filter_beats_the_fixed_ones_on_the_photo(open_page: Opener) -> None:
    page = open_page("transposed_convolution?view=photo&pic=coffee")
    trace = trace_of(picture_of("coffee"), TransposedSettings())
    off = page.locator('.view[data-view="learned"] .off')
    expect(off).to_have_text(f"off by {255 * trace.errors[-1] ** 0.5:.2f}", timeout=PATIENCE)
    expect(page.locator(".view.best")).to_have_attribute("data-view", "learned")
    page.get_by_role("slider", name="Step").fill("0")
    expect(off).to_have_text(f"off by {255 * trace.errors[0] ** 0.5:.2f}")
    expect(page.locator(".view.best")).to_have_attribute("data-view", "bicubic")


@pytest.mark.parametrize("view", ["matrix", "steps", "photo"])
def test_C17_on_a_phone_nothing_sticks_out(open_page: Opener, view: str) -> None:
    page = open_page(f"transposed_convolution?lang=ko&view={view}&size=7", width=390, height=844, dark=True)
    expect(page.locator(".panel > *").first).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
