"""The boxes screen as a person uses it: scrubbing, thresholds, and boxes that are drawn and dragged."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.figures.detection.boxes import kept_by_torchvision, scene_of, shown_for
from app.pictures import picture_of
from cnn.detection.box_settings import BoxSettings

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 30_000


def open_boxes(open_page: Opener, query: str, **options: Any) -> Page:
    page = open_page(f"boxes?{query}", **options)
    expect(page.locator(".boxes-screen .sentence")).not_to_be_empty(timeout=PATIENCE)
    return page


def picture_place(canvas: Locator, page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the picture lies in the window."""
    left, top = page.locator(".boxes-screen").evaluate(
        "(box, [x, y]) => box.screen.hard.toScreen(x, y)", [x, y]
    )
    frame = canvas.bounding_box()
    assert frame
    return frame["x"] + left, frame["y"] + top


def test_O6_from_every_candidate_to_what_torchvision_keeps(open_page: Opener) -> None:
    page = open_boxes(open_page, "pic=cells_eosinophil")
    settings = BoxSettings()
    scene = scene_of(shown_for(picture_of("cells_eosinophil"), settings), settings)
    kept, above = len(kept_by_torchvision(scene, settings)), int((scene.scores > 0.6).sum())
    stages = page.locator(".funnel button b")
    expect(stages).to_have_text([f"{len(scene.scores):,}", str(above), str(kept)], timeout=PATIENCE)
    expect(page.locator(".checked.right")).to_contain_text(f"keeps the same boxes ({kept})", timeout=PATIENCE)
    page.get_by_role("button", name="One step on").click()
    best = float(scene.scores.max())
    expect(page.locator(".sentence")).to_contain_text(f"Round 1: WBC with p_c {best:.3f}", timeout=PATIENCE)
    expect(page.locator(".round tbody tr").first).to_contain_text("goes")
    expect(page.locator(".pair output")).not_to_be_empty()
    page.locator(".funnel button").last.click()
    expect(page.locator(".sentence")).to_contain_text(f"Done: {kept} of {above} boxes stay", timeout=PATIENCE)
    page.wait_for_url(re.compile(r"step=\d+"), timeout=PATIENCE)


def test_O6_a_threshold_acts_at_once_and_is_checked_by_pytorch(open_page: Opener) -> None:
    page = open_boxes(open_page, "pic=cells_eosinophil&step=500&inclusive=0")
    limit = page.get_by_label("IoU limit").last
    limit.fill("0.1")
    limit.press("Enter")
    settings = BoxSettings(iou=0.1, inclusive=False)
    scene = scene_of(shown_for(picture_of("cells_eosinophil"), settings), settings)
    kept = len(kept_by_torchvision(scene, settings))
    expect(page.locator(".funnel button b").last).to_have_text(str(kept), timeout=PATIENCE)
    expect(page.locator(".checked.right")).to_contain_text(f"({kept})", timeout=PATIENCE)
    page.wait_for_url(re.compile("iou=0.1"), timeout=PATIENCE)


def test_O5_two_boxes_dragged_by_hand_and_by_key(open_page: Opener) -> None:
    page = open_boxes(open_page, "pic=cat&source=mine&drawn=100,100,140,140,0.9,0;300,200,340,240,0.8,0")
    canvas = page.locator('.view[data-view="hard"] .editor-over')
    page.mouse.move(*picture_place(canvas, page, 320, 220))
    page.mouse.down()
    page.mouse.move(*picture_place(canvas, page, 200, 150), steps=4)
    page.mouse.move(*picture_place(canvas, page, 140, 120), steps=4)
    page.mouse.up()
    ratio = page.locator(".pair output")
    expect(ratio).to_have_text("0.333", timeout=PATIENCE)  # 40 × 40 each, half of each shared
    expect(page.locator(".ratio .shared")).to_have_text("800")
    canvas.press("ArrowLeft")
    expect(ratio).to_have_text(f"{21 * 40 / (3200 - 840):.3f}", timeout=PATIENCE)
    for _ in range(19):
        canvas.press("ArrowLeft")
    expect(ratio).to_have_text("1.000", timeout=PATIENCE)
    expect(page.locator(".funnel button b")).to_have_text(["2", "2", "1"])
    page.wait_for_url(re.compile("drawn=100%2C100%2C140%2C140"), timeout=PATIENCE)


def test_a_box_is_drawn_resized_and_removed(open_page: Opener) -> None:
    page = open_boxes(open_page, "pic=cat&source=mine&drawn=;")
    canvas = page.locator('.view[data-view="hard"] .editor-over')
    page.mouse.move(*picture_place(canvas, page, 50, 60))
    page.mouse.down()
    page.mouse.move(*picture_place(canvas, page, 90, 90), steps=3)
    page.mouse.move(*picture_place(canvas, page, 150, 160), steps=3)
    page.mouse.up()
    count = page.locator(".funnel button b").first
    expect(count).to_have_text("1", timeout=PATIENCE)
    page.mouse.move(*picture_place(canvas, page, 150, 160))
    page.mouse.down()
    page.mouse.move(*picture_place(canvas, page, 200, 200), steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("drawn=50%2C60%2C200%2C200"), timeout=PATIENCE)
    canvas.press("Delete")
    expect(count).to_have_text("0", timeout=PATIENCE)


def test_a_picture_without_a_find_says_so_and_offers_another(open_page: Opener) -> None:
    page = open_boxes(open_page, "pic=cat&lang=ko", width=390, height=844, dark=True)
    notice = page.locator(".notice")
    expect(notice).to_contain_text("0.6", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    notice.get_by_role("button").click()
    expect(page.locator(".funnel button b").last).not_to_have_text("0", timeout=PATIENCE)
    expect(notice.get_by_role("button")).to_have_text("그래도 내 사진 보기")
