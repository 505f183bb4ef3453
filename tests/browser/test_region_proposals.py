"""The region-proposals screen as a person uses it: regions, merges and counts are those of the search and the detector."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from app.pictures import as_photo, picture_of
from cnn.detection.iou import iou
from cnn.detection.region_proposals import STRATEGIES, Regions, selective_search

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 90_000
MATRIX = ";".join(
    ",".join(str(90 if 6 <= r < 16 and 8 <= c < 24 else (r + c) % 3) for c in range(32)) for r in range(24)
)
TARGET = "250,250,750,650"


def searched(strategies: str) -> Regions:
    image = as_photo(picture_of("matrix", MATRIX))
    return selective_search(image, strategies=[STRATEGIES[int(digit)] for digit in strategies])


def open_screen(open_page: Opener, query: str, **options: Any) -> Page:
    page = open_page(f"region_proposals?pic=matrix&m={MATRIX}&{query}", **options)
    expect(page.locator('.proposal-screen .tab[aria-selected="true"]')).to_be_visible(timeout=PATIENCE)
    return page


def test_O8_the_sentence_is_the_searchs_own_overlap(open_page: Opener) -> None:
    found = searched("05")
    best = iou(found.boxes[:300], torch.tensor([[8.0, 6.0, 24.0, 15.6]])).max().item()
    page = open_screen(open_page, f"strategies=05&targets={TARGET}")
    caption = page.locator(".view").first.locator("figcaption")
    expect(caption).to_contain_text(f"of {len(found.boxes)} regions", timeout=PATIENCE)
    verdict = page.locator(".under .verdict")
    expect(verdict).to_contain_text("1 of 1 boxes found", timeout=PATIENCE)
    expect(verdict).to_contain_text(f"the best overlap is {best:.2f}")
    page.get_by_role("button", name="Remove the drawn boxes").click()
    expect(verdict).to_contain_text("Drag on the picture", timeout=PATIENCE)
    over = page.locator("canvas.editor-over")
    over.focus()
    page.keyboard.press("Enter")
    expect(verdict).to_contain_text("boxes found by the first", timeout=PATIENCE)
    page.wait_for_url(re.compile("targets="), timeout=PATIENCE)


def test_O8_merges_are_scrubbed_without_the_server(open_page: Opener) -> None:
    tree = searched("0").groupings[0]
    page = open_screen(open_page, "strategies=0&step=0")
    caption = page.locator(".view").nth(1).locator("figcaption")
    first = tree.first_regions
    expect(caption).to_contain_text(f"{first} of {first} segments left", timeout=PATIENCE)
    expect(page.locator(".work-text")).to_be_empty(timeout=PATIENCE)
    before = page.locator(".merge-map").evaluate("(canvas) => canvas.toDataURL()")
    page.get_by_role("button", name="One merge on").click()
    expect(caption).to_contain_text(f"{first - 1} of {first} segments left", timeout=PATIENCE)
    similarity = tree.similarity[0].item()
    expect(page.locator(".view").nth(1).locator(".readout")).to_contain_text(f"similarity {similarity:.2f}")
    assert page.locator(".merge-map").evaluate("(canvas) => canvas.toDataURL()") != before


def test_O8_generations_on_a_phone(open_page: Opener) -> None:
    found = searched("0")
    page = open_screen(open_page, "tab=generations&strategies=0&lang=ko", width=390, height=844, dark=True)
    expect(page.locator("article")).to_have_count(3, timeout=PATIENCE)
    old, fast, faster = (page.locator("article").nth(place) for place in range(3))
    expect(old.locator(".fact b").first).to_have_text(str(len(found.boxes)))
    for once in (fast, faster):
        expect(once.locator(".fact b").first).to_have_text("1")
    expect(page.locator(".generations-view")).to_contain_text("무작위")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_O8_the_long_measurement_is_stopped_and_goes_on(open_page: Opener) -> None:
    slow = "fasterrcnn_resnet50_fpn"
    page = open_page(f"region_proposals?tab=generations&pic=cat&strategies=05&net={slow}")
    text, button = page.locator(".work-text"), page.locator(".work-act")
    expect(button).to_have_text("Stop", timeout=PATIENCE)
    button.click()
    expect(text).to_contain_text("Stopped", timeout=PATIENCE)
    expect(button).to_have_text("Go on")
    expect(page.locator("article")).to_have_count(0)
    button.click()
    expect(button).to_have_text("Stop", timeout=PATIENCE)
    expect(text).not_to_contain_text("Stopped")
    page.get_by_label("Network", exact=True).select_option("fasterrcnn_mobilenet_v3_large_320_fpn")
    expect(page.locator("article")).to_have_count(3, timeout=PATIENCE)
    expect(text).to_be_empty(timeout=PATIENCE)
    expect(button).to_be_hidden()
