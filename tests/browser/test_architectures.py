"""The architectures screen as a person uses it: what is printed is what the networks and formulas give."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cnn.networks.costs import separable_ratio

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 45_000


def open_screen(open_page: Opener, query: str, **options: Any) -> Page:
    page = open_page(f"architectures?{query}", **options)
    expect(page.locator('.arch-screen .tab[aria-selected="true"]')).to_be_visible(timeout=PATIENCE)
    return page


def mosaics(page: Page) -> list[str]:
    """The pixels of the input's and the output's maps."""
    shown = page.locator(".under .maps-view canvas.base")
    expect(shown).to_have_count(2, timeout=PATIENCE)
    return [shown.nth(i).evaluate("(canvas) => canvas.toDataURL()") for i in range(2)]


def test_M4_zero_weights_leave_the_maps_as_they_are(open_page: Opener) -> None:
    page = open_screen(open_page, "block=residual")
    verdict = page.locator(".block-facts .verdict")
    expect(verdict).to_contain_text("the largest change is", timeout=PATIENCE)
    before, after = mosaics(page)
    assert before != after
    page.get_by_role("button", name="Set the weights to zero").click()
    expect(verdict).to_contain_text("the block is the identity", timeout=PATIENCE)
    before, after = mosaics(page)
    assert before == after
    page.wait_for_url(re.compile("factor=0"), timeout=PATIENCE)
    page.get_by_label("Shortcuts").uncheck()
    expect(verdict).to_contain_text("nothing of the picture is left", timeout=PATIENCE)


def test_M1_M7_tables_and_ratios_are_the_lectures(open_page: Opener) -> None:
    page = open_screen(open_page, "tab=networks&net=lenet5")
    rows = page.locator(".network-table tbody tr")
    expect(rows).to_have_count(13, timeout=PATIENCE)
    expect(page.locator('tr[data-layer="c3"]')).to_contain_text("16 × 10 × 10")
    expect(page.locator(".network-table .totals")).to_contain_text("61,706 parameters")
    page.locator('tr[data-layer="s4"]').click()
    expect(page.locator(".maps-view .title")).to_contain_text("16 × 5 × 5", timeout=PATIENCE)
    page.get_by_role("tab", name="Blocks").click()
    page.locator(".controls select").first.select_option("separable")
    expect(page.locator(".block-facts .formula")).to_contain_text(
        f"1/64 + 1/3² = {separable_ratio(64, 3):.4f}", timeout=PATIENCE
    )
    expect(page.locator(".bars .bar")).to_have_count(2)


def test_builder_checks_shapes_as_one_types(open_page: Opener) -> None:
    page = open_screen(open_page, "tab=builder&stack=conv8-max2-fc10&size=32")
    message = page.locator("tr.message:not(.cs-hidden)")
    expect(message).to_contain_text("gets maps of 8 × 16 × 16", timeout=PATIENCE)
    expect(page.locator('tr[data-place="2"] .output')).to_have_text("8 × 16 × 16")
    page.locator('tr[data-place="2"] select').select_option("flat")
    expect(message).to_have_count(0, timeout=PATIENCE)
    expect(page.locator('tr[data-place="3"] .output')).to_have_text("10", timeout=PATIENCE)
    expect(page.locator('tr[data-place="3"]')).to_contain_text("81,930")
    page.get_by_label("Channels out, Layer 1").fill("4")
    expect(page.locator('tr[data-place="1"] .output')).to_have_text("4 × 32 × 32", timeout=PATIENCE)
    page.wait_for_url(re.compile("stack=conv4-flat-fc10"), timeout=PATIENCE)


def test_M4_M8_on_a_phone_nothing_sticks_out(open_page: Opener) -> None:
    page = open_screen(open_page, "lang=ko&tab=depth&units=6", width=390, height=844, dark=True)
    expect(page.locator(".tiles canvas")).to_have_count(14, timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator('.tab[data-tab="scaling"]').click()
    expect(page.locator(".family-scroll tbody tr")).to_have_count(8, timeout=PATIENCE)
    expect(page.locator(".family-scroll")).to_contain_text("5,288,548")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
