"""A video that is worked off stays with its tab: reloaded, cut off for a while, expired, or asked for by another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cnn.images.encode import to_hwc
from cnn.images.gallery import picture

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 150_000
FRAMES = 150
SENT = ".video-sent"
KEY = "sessionStorage.getItem('convscope-run-detect')"


def small_video(folder: Path) -> Path:
    """Cells that go by, `FRAMES` frames of 160 × 120."""
    wide = cv2.cvtColor(np.ascontiguousarray(to_hwc(picture("cells_neutrophil"))), cv2.COLOR_RGB2BGR)
    wide = np.tile(cv2.resize(wide, (160, 120)), (1, 2, 1))
    path = folder / "cells.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (160, 120))
    for frame in range(FRAMES):
        writer.write(np.ascontiguousarray(wide[:, frame : frame + 160]))
    writer.release()
    return path


def begun(open_page: Opener, tmp_path: Path) -> tuple[Page, list[str]]:
    page = open_page("detect?source=video")
    uploads: list[str] = []
    page.on(
        "request", lambda request: uploads.append(request.url) if "convscope/video" in request.url else None
    )
    expect(page.get_by_role("button", name="Choose a video")).to_be_visible(timeout=PATIENCE)
    page.locator(".video-file").set_input_files(small_video(tmp_path))
    return page, uploads


def test_a_reload_brings_a_video_back_while_it_runs_and_afterwards(open_page: Opener, tmp_path: Path) -> None:
    page, uploads = begun(open_page, tmp_path)
    expect(page.locator(".video-place")).to_contain_text("frame", timeout=PATIENCE)
    key = page.evaluate(KEY)
    expect(page).to_have_url(re.compile("source=video"), timeout=PATIENCE)
    page.reload()
    expect(page.locator(".video-note")).to_contain_text(f"{FRAMES} frames,", timeout=PATIENCE)
    expect(page.locator(".video-place")).to_contain_text(f"frame 1 of {FRAMES}", timeout=PATIENCE)
    page.reload()
    expect(page.locator(".video-note")).to_contain_text(f"{FRAMES} frames,", timeout=PATIENCE)
    page.get_by_label("Place in the video", exact=True).evaluate(
        "(bar) => { bar.value = 60; bar.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    expect(page.locator(".video-place")).to_contain_text(f"frame 61 of {FRAMES}", timeout=PATIENCE)
    assert page.evaluate(KEY) == key
    assert len(uploads) == 1
    expect(page.get_by_role("button", name="Boxes (CSV)")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="PNG")).to_have_count(
        0, timeout=PATIENCE
    )  # the tables are the video's
    with page.expect_download(timeout=PATIENCE) as table:
        page.get_by_role("button", name="Boxes (CSV)").click()
    assert len(Path(table.value.path()).read_text().splitlines()) > FRAMES


def test_a_run_is_not_given_to_another_tab_and_one_that_is_gone_is_said_so(
    open_page: Opener, tmp_path: Path
) -> None:
    page, _ = begun(open_page, tmp_path)
    expect(page.locator(".video-place")).to_contain_text("frame", timeout=PATIENCE)
    other = page.context.new_page()
    other.add_init_script(f"sessionStorage.setItem('convscope-run-detect', '{page.evaluate(KEY)}')")
    other.goto(page.url)
    expect(other.locator(SENT)).to_contain_text("open in another tab", timeout=PATIENCE)
    expect(other.locator(".video-player")).to_be_hidden()
    expect(page.locator(".video-note")).to_contain_text(f"{FRAMES} frames,", timeout=PATIENCE)
    stranger = page.context.new_page()
    stranger.goto(page.url)
    expect(stranger.get_by_role("button", name="Choose a video")).to_be_visible(timeout=PATIENCE)
    stranger.evaluate("sessionStorage.setItem('convscope-run-detect', 'r-' + 'A'.repeat(22))")
    stranger.reload()
    expect(stranger.locator(SENT)).to_contain_text("no longer kept here", timeout=PATIENCE)
    stranger.wait_for_function("sessionStorage.getItem('convscope-run-detect') === null", timeout=PATIENCE)


def test_a_lost_connection_is_waited_for(open_page: Opener, tmp_path: Path) -> None:
    page = open_page("fast_style?size=160&source=video")
    page.route("**/convscope/runs/**", lambda route: route.abort())
    page.get_by_role("button", name="Make a clip of the picture").click(timeout=PATIENCE)
    expect(page.locator(".video-note")).to_contain_text("cannot be reached", timeout=PATIENCE)
    page.unroute("**/convscope/runs/**")
    expect(page.locator(".video-note")).to_contain_text("48 frames,", timeout=PATIENCE)
    page.reload()
    expect(page.locator(".video-note")).to_contain_text("48 frames,", timeout=PATIENCE)
    expect(page.locator(".shown")).to_have_attribute("data-frames", re.compile(r"\d+"), timeout=PATIENCE)
