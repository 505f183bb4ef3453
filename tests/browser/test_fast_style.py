"""Fast style transfer as a visitor sees it: every style at once, blended by hand, camera and video."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, expect

Opener = Callable[..., Page]
SHOWN = ".shown"
MIDDLE = """(canvas) => [...canvas.getContext('2d').getImageData(canvas.width / 4, canvas.height / 4,
  canvas.width / 2, canvas.height / 2).data]"""


def colours(page: Page) -> np.ndarray:
    return np.array(page.locator(SHOWN).evaluate(MIDDLE)).reshape(-1, 4)[:, :3].astype(float)


def test_T2_styles_are_blended_as_the_hand_moves_and_the_link_restores_it(open_page: Opener) -> None:
    page = open_page("fast_style?size=256")
    expect(page.locator("[data-style][data-ready=true]")).to_have_count(4, timeout=90_000)
    expect(page.locator(SHOWN)).to_have_attribute("data-mix", "starry-night~1")
    starry = colours(page)
    page.locator("[data-style=scream]").click()
    expect(page.locator(SHOWN)).to_have_attribute("data-mix", "scream~1")
    scream = colours(page)
    page.locator("[data-share=starry-night]").fill("1")
    expect(page.locator(SHOWN)).to_have_attribute("data-mix", re.compile("starry-night"))
    both = colours(page)
    assert np.abs(both - (starry + scream) / 2).mean() < 3
    assert np.abs(starry - scream).mean() > 10
    expect(page).to_have_url(re.compile("mix=.*starry"), timeout=30_000)
    page.goto(page.url)
    expect(page.locator(SHOWN)).to_have_attribute(
        "data-mix", re.compile("scream.*starry|starry.*scream"), timeout=60_000
    )
    expect(page.locator(".caption")).to_contain_text("2 passes", timeout=30_000)


def test_T2_the_camera_is_styled_frame_by_frame(open_page: Opener) -> None:
    page = open_page("fast_style?size=160&source=camera", width=390, height=844)
    page.get_by_role("button", name="Start the camera").click(timeout=60_000)
    expect(page.locator(SHOWN)).to_have_attribute("data-frames", re.compile(r"[3-9]|\d\d"), timeout=90_000)
    expect(page.locator(".caption")).to_contain_text("160 × 120 px")
    expect(page.locator(".camera-rates")).to_contain_text("frames/s", timeout=30_000)
    page.get_by_role("button", name="Stop the camera").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_T2_a_clip_is_styled_and_played(open_page: Opener) -> None:
    page = open_page("fast_style?size=160&source=video")
    page.get_by_role("button", name="Make a clip of the picture").click(timeout=60_000)
    expect(page.locator(SHOWN)).to_have_attribute("data-frames", re.compile(r"\d+"), timeout=90_000)
    expect(page.locator(".caption")).to_contain_text("Video")
