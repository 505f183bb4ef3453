"""Detection as a visitor sees it: boxes on a photo, thresholds at once, the camera, a video scrubbed and saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

Opener = Callable[..., Page]
NOTE = ".note-bar span"


def ready(page: Page) -> None:
    expect(page.locator(NOTE)).to_contain_text("found:", timeout=60_000)


def slide(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).first.evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); }",
        value,
    )


def colours(page: Page) -> list[float]:
    """The mean red, green and blue of the picture on screen."""
    return page.locator(".detect-canvas").evaluate(
        """canvas => { const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), sum = [0, 0, 0];
        for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
        return sum.map((value) => value / data.length * 4); }"""
    )


def test_O9_thresholds_classes_and_the_table_act_at_once_and_the_link_restores_them(
    open_page: Opener,
) -> None:
    page = open_page("detect")
    ready(page)
    expect(page.locator(NOTE)).to_have_text("22 found: 18 RBC, 3 Platelets, 1 WBC")
    expect(page.locator(".found tbody tr")).to_have_count(22)
    expect(page.locator(".runtime")).to_have_text(
        "Computed by PyTorch"
    )  # a picture is always torch's, to the number
    slide(page, "Score", "0.9")
    expect(page.locator(NOTE)).to_have_text("4 found: 3 RBC, 1 WBC")
    slide(page, "Score", "0.4")
    slide(page, "IoU", "0.9")
    expect(page.locator(".funnel")).to_contain_text(re.compile(r"200 above 0\.40 → \d{2,3} after"))
    slide(page, "IoU", "0.5")
    page.get_by_role("checkbox", name="RBC").uncheck()
    expect(page.locator(NOTE)).to_have_text("4 found: 3 Platelets, 1 WBC")
    page.locator(".found tbody tr").nth(1).click()
    expect(page.locator(".found tr.chosen")).to_have_count(1)
    page.wait_for_function("location.search.includes('hide=0')", timeout=30_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Boxes (CSV)").click()
    assert Path(download.value.path()).read_text().count("Platelets") == 3
    page.goto(page.url)
    expect(page.locator(NOTE)).to_have_text("4 found: 3 Platelets, 1 WBC", timeout=60_000)


def test_O9_the_camera_runs_and_stops(open_page: Opener) -> None:
    page = open_page("detect?source=camera", width=390, height=844)
    start = page.get_by_role("button", name="Start the camera")
    start.click(timeout=60_000)
    expect(page.locator(".sources")).to_have_attribute("data-camera", "running", timeout=60_000)
    expect(page.locator(".camera-rates")).to_contain_text(
        re.compile(r"[1-9]\d*\.\d frames/s · \d+ ms"), timeout=60_000
    )
    red, green, blue = colours(page)  # Chromium's test picture is green
    assert green > 2 * max(red, blue)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator(".camera-rates")).to_have_text("The camera is off.")


def test_O9_a_clip_is_searched_frame_by_frame_scrubbed_and_saved(open_page: Opener) -> None:
    page = open_page("detect?source=video")
    page.get_by_role("button", name="Make a clip of the picture").click(timeout=60_000)
    expect(page.locator(".video-note")).to_contain_text("48 frames,", timeout=120_000)
    expect(page.locator(".video-place")).to_contain_text("frame 1 of 48")
    first = page.locator(NOTE).inner_text()
    slide(page, "Place in the video", "30")
    expect(page.locator(".video-place")).to_contain_text("frame 31 of 48")
    expect(page.locator(NOTE)).not_to_have_text(first)
    slide(page, "Score", "0.95")
    expect(page.locator(".funnel")).to_contain_text("above 0.95")
    with page.expect_download(timeout=150_000) as download:
        page.get_by_role("button", name="Download MP4").click()
    assert download.value.suggested_filename == "convscope-detections.mp4"
    assert b"ftyp" in Path(download.value.path()).read_bytes()[:16]
    with page.expect_download() as table:
        page.get_by_role("button", name="Boxes (CSV)").click()
    assert Path(table.value.path()).read_text().startswith("picture,category")


def test_O9_where_nothing_is_found_it_says_so_and_offers_a_picture(open_page: Opener) -> None:
    page = open_page("detect?net=yolo-everyday&pic=temple&many=1")
    expect(page.locator(NOTE)).to_contain_text(
        "knows: apple, banana, orange, kangaroo, raccoon", timeout=60_000
    )
    expect(page.locator(".strip-sum")).to_contain_text("12 of 12", timeout=120_000)
    expect(page.locator(".strip-note").first).to_contain_text("found")
    page.locator(".note-bar button").click()
    expect(page.locator(NOTE)).to_have_text("22 found: 18 RBC, 3 Platelets, 1 WBC", timeout=60_000)
