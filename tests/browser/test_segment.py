"""The segmentation screen as a person uses it: pixels asked, classes shown and hidden, the camera, a video."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.figures.segmentation.segment_network import objects_of, segmentation_of
from app.open_models import open_network
from app.pictures import picture_of
from cnn.segmentation.regions import areas
from cnn.segmentation.segment import Segmentation
from cnn.weights.builtin import STREET

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 90_000


def inside(page: Page, expression: str) -> Any:
    """Return a value that the screen keeps, for waiting and for places; what is asserted is read off the screen."""
    script = f"(box) => {{ const screen = box.screen; return {expression}; }}"
    return page.locator(".segment-screen").evaluate(script)


def open_segment(open_page: Opener, query: str = "", **options: Any) -> Page:
    page = open_page(f"segment?{query}", **options)
    expect(page.locator("tr[data-class='0'] .area")).not_to_be_empty(timeout=PATIENCE)
    return page


def found() -> Segmentation:
    return segmentation_of(picture_of("temple"), open_network("unet-street", ""))


def point(page: Page, row: int, column: int) -> tuple[float, float]:
    left, top, width, height = inside(page, f"[...screen.stage.main.boxOf({row}, {column})]")
    box = page.locator(".view.main canvas.over").bounding_box()
    assert box
    return box["x"] + left + width / 2, box["y"] + top + height / 2


def test_S1_areas_and_all_scores_of_a_pixel(open_page: Opener) -> None:
    page, result = open_segment(open_page), found()
    for area in areas(result.labels, result.categories):
        cell = page.locator(f"tr[data-class='{area.label}'] .area")
        expect(cell).to_have_text(f"{100 * area.share:.1f} %")
    page.mouse.move(*point(page, 60, 300))
    scores = result.pixel(60, 300)
    best = int(scores.argmax())
    expect(page.locator(f"tr[data-class='{best}'] .score")).to_have_text(
        f"{100 * scores[best]:.1f} %", timeout=PATIENCE
    )
    for label in range(len(STREET)):
        expect(page.locator(f"tr[data-class='{label}'] .score")).to_have_text(f"{100 * scores[label]:.1f} %")
    expect(page.locator(".view.main .readout")).to_contain_text("column 300, row 60")
    page.mouse.click(*point(page, 60, 300))
    page.wait_for_url(re.compile(r"(?=.*px=300)(?=.*py=60)"), timeout=PATIENCE)


def test_S1_a_classes_map_contours_and_objects(open_page: Opener) -> None:
    page = open_segment(open_page)
    page.locator("button.map-card[data-map='5']").click()
    expect(page.locator(".view.main .name")).to_have_text("Probability of tree", timeout=PATIENCE)
    page.wait_for_url(re.compile(r"(?=.*view=map)(?=.*cls=5)"), timeout=PATIENCE)
    page.get_by_role("button", name="Classes or objects?").click()
    pieces = objects_of(picture_of("temple"), open_network("unet-street", ""))
    expect(page.locator(".view.side .name")).to_have_text(
        f"Pieces that hang together: {len(pieces.names)}", timeout=PATIENCE
    )
    expect(page.locator(".view.side p")).to_contain_text("Mask R-CNN can")
    page.get_by_role("button", name="Classes", exact=True).click()
    expect(page.locator(".view.side")).to_be_hidden(timeout=PATIENCE)
    place = "[...screen.stage.main.pixels.subarray(60 * 640 + 300, 60 * 640 + 301)][0]"
    covered = inside(page, place)
    page.get_by_label("Colour sky").uncheck()
    bare = inside(page, place)
    pixel = picture_of("temple").pixels[:, 60, 300].tolist()
    assert [bare & 255, bare >> 8 & 255, bare >> 16 & 255] == pixel
    assert covered != bare


def test_S1_the_camera_is_segmented_live(open_page: Opener) -> None:
    page = open_page("segment?source=camera")
    page.get_by_role("button", name="Start the camera").click(timeout=PATIENCE)
    expect(page.locator(".sources")).to_have_attribute("data-camera", "running", timeout=PATIENCE)
    expect(page.locator(".camera-rates")).to_contain_text("frames/s", timeout=PATIENCE)
    expect(page.locator("tr:not(.absent)[data-class] .area").first).to_contain_text("%", timeout=PATIENCE)
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator(".sources")).to_have_attribute("data-camera", "stopped", timeout=PATIENCE)


def test_S1_a_video_is_segmented_frame_by_frame(open_page: Opener) -> None:
    page = open_page("segment?source=video")
    page.get_by_role("button", name="Make a clip of the picture").click(timeout=PATIENCE)
    expect(page.locator(".video-place")).to_contain_text("frame", timeout=PATIENCE)
    expect(page.locator("tr[data-class='0'] .area")).to_contain_text("%", timeout=PATIENCE)
    expect(page.locator(".view.main .name")).to_have_text("The likeliest class of every pixel")


def test_S1_on_a_phone_nothing_sticks_out(open_page: Opener) -> None:
    page = open_segment(open_page, "lang=ko&view=objects", width=390, height=844, dark=True)
    expect(page.locator(".view.side .name")).to_contain_text("이어진 조각", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
