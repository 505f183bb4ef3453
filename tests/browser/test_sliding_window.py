"""The sliding-window screen as a person uses it: rows of crops arrive, both scores are compared, the window slides."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.figures.detection.sliding_window import all_crops, slide_of
from app.pictures import picture_of
from cnn.detection.window_settings import WindowSettings

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 60_000


def open_windows(open_page: Opener, query: str, **options: Any) -> Page:
    page = open_page(f"sliding_window?{query}", **options)
    expect(page.locator(".window-screen .verdict")).not_to_be_empty(timeout=PATIENCE)
    return page


def test_O3_without_padding_both_ways_give_the_same_scores(open_page: Opener) -> None:
    page = open_windows(open_page, "model=lenet5-mnist&pic=text&window=45&at=3")
    slide = slide_of(picture_of("text"), WindowSettings(model="lenet5-mnist", window=45))
    count = slide.grid[0] * slide.grid[1]
    expect(page.locator(".verdict.same")).to_contain_text(f"{count} windows", timeout=PATIENCE)
    expect(page.locator('.view[data-view="crop"] figcaption')).to_contain_text(f"{count} passes")
    crops = slide.once.crop_multiply_adds * count / 1e6
    expect(page.locator('[data-cost="work"] output').first).to_have_text(f"{crops:.1f} M")
    heat = all_crops(slide).softmax(0)[:, 0, 3]
    best = int(heat.argmax())
    row = page.locator(".classes tbody tr").first
    expect(row.locator("td").nth(0)).to_have_text(slide.record.categories[best])
    expect(row.locator("td").nth(1)).to_contain_text(f"{float(heat[best]):.3f}")
    expect(row.locator("td").nth(2)).to_contain_text(f"{float(heat[best]):.3f}")


def test_O3_padding_makes_a_difference_that_is_told(open_page: Opener) -> None:
    page = open_windows(open_page, "model=tiny-vgg&pic=temple&window=60&at=0")
    slide = slide_of(picture_of("temple"), WindowSettings(model="tiny-vgg", window=60))
    difference = float((all_crops(slide) - slide.once.scores).abs().max())
    expect(page.locator(".verdict.differs")).to_contain_text(
        f"differ by up to {difference:.2f}", timeout=PATIENCE
    )
    count = slide.grid[0] * slide.grid[1]
    expect(page.locator(".player .place")).to_have_text(f"window 1 of {count}")
    page.get_by_role("button", name="One window on").click()
    expect(page.locator(".player .place")).to_have_text(f"window 2 of {count}")
    page.wait_for_url(re.compile("at=1"), timeout=PATIENCE)
    page.get_by_label("Class").select_option("parachute")
    expect(page.locator(".legend output")).to_contain_text("parachute", timeout=PATIENCE)
    page.wait_for_url(re.compile("label="), timeout=PATIENCE)


def test_O3_another_stride_is_another_set_of_windows(open_page: Opener) -> None:
    page = open_windows(open_page, "model=lenet5-mnist&pic=camera&lang=ko", width=390, height=844, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stride = page.get_by_label("보폭").last
    stride.fill("5")
    stride.press("Enter")
    slide = slide_of(picture_of("camera"), WindowSettings(model="lenet5-mnist", stride=5))
    place = page.locator(".player .place")
    expect(place).to_contain_text(f"창 {slide.grid[0] * slide.grid[1]}개 중", timeout=PATIENCE)
    expect(page.locator(".verdict.same")).to_be_visible(timeout=PATIENCE)
    page.wait_for_url(re.compile("stride=5"), timeout=PATIENCE)
