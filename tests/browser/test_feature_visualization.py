"""The feature-visualisation screen as a visitor sees it: patches with their values, a picture that rises, another channel."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT
from tests.browser.test_attribution import painted

Opener = Callable[..., Page]
SMALL = "feature_visualization?net=tiny-vgg&steps=32"


def test_M12_patches_come_first_and_the_atlas_chooses_a_channel(open_page: Opener) -> None:
    page = open_page("feature_visualization?net=tiny-vgg")
    expect(page.locator("button.patch")).to_have_count(9, timeout=90_000)
    values = [
        float(v) for v in page.locator("button.patch").evaluate_all("all => all.map((e) => e.dataset.value)")
    ]
    assert values == sorted(values, reverse=True)
    before = painted(page, ".patch canvas")
    page.locator(".tile[data-channel='5']").click()
    expect(page.locator(".what")).to_contain_text("Channel 5 of", timeout=60_000)
    painted(page, ".patch canvas", before)
    page.wait_for_url("**channel=5**")
    page.locator("button.patch").nth(1).hover()
    expect(page.locator(".context p")).to_contain_text("The box is exactly what this unit sees")


def test_M12_the_picture_rises_and_is_kept(open_page: Opener) -> None:
    page = open_page(f"{SMALL}&classes=1&channel=2")
    page.locator("[data-act=start]").click(timeout=90_000)
    expect(page.locator(".score")).to_contain_text("after 32 steps", timeout=120_000)
    expect(page.locator(".score")).to_contain_text("probability of the class")
    painted(page, ".optimised .base")
    expect(page.get_by_role("button", name="Optimised picture (PNG)")).to_be_visible(timeout=60_000)
    page.reload()
    expect(page.locator(".score")).to_contain_text("after 32 steps", timeout=90_000)


def test_pause_steer_and_stop(open_page: Opener) -> None:
    page = open_page("feature_visualization?net=tiny-vgg&steps=512&channel=1")
    page.locator("[data-act=start]").click(timeout=90_000)
    page.locator("[data-act=pause]").click(timeout=90_000)
    expect(page.locator(".status")).to_contain_text("Paused at step", timeout=60_000)
    before = page.locator(".status").inner_text()
    page.locator("[data-act=step]").click()
    expect(page.locator(".status")).not_to_have_text(before, timeout=60_000)
    page.locator("[data-act=stop]").click()
    expect(page.locator("[data-act=start]")).to_be_visible(timeout=60_000)
    expect(page.locator(".score")).to_contain_text("activation")


def test_narrow_and_korean(open_page: Opener) -> None:
    page = open_page("feature_visualization?net=lenet5-mnist&lang=ko", width=390, height=844, dark=True)
    expect(page.locator("button.patch")).to_have_count(9, timeout=90_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_folder_of_ones_own_pictures_needs_no_kinds(open_page: Opener) -> None:
    page = open_page("feature_visualization?net=tiny-vgg&channel=1")
    expect(page.locator("button.patch")).to_have_count(9, timeout=90_000)
    page.get_by_role("button", name="Your own pictures").click()
    expect(page.get_by_role("button", name="Pictures…")).to_be_visible()
    photo = ROOT / "assets" / "images" / "flower_rose.jpg"
    page.locator("input.some").set_input_files([str(photo)])
    expect(page.locator(".patches-title")).to_contain_text("of 1 pictures", timeout=90_000)
    expect(page.locator("button.patch")).to_have_count(1)
