"""The U-Net screen as a person uses it: skips off, blocks looked into, masks painted, saved and opened again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from app.figures.segmentation.unet_network import (
    block_of,
    labels_of,
    maps_of,
    results_of,
    settings_of,
    strongest,
)
from app.pictures import picture_of
from cnn.images.tissue import TISSUE_ID, tissue_mask
from cnn.segmentation.scores import mask_scores

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 60_000


def inside(page: Page, expression: str) -> Any:
    """Return a value that the screen keeps, for waiting and for places; what is asserted is read off the screen."""
    script = f"(box) => {{ const screen = box.screen; return {expression}; }}"
    return page.locator(".unet-screen").evaluate(script)


def open_unet(open_page: Opener, query: str = "", **options: Any) -> Page:
    page = open_page(f"unet?{query}", **options)
    expect(page.locator(".unet-screen button.card")).to_have_count(6, timeout=PATIENCE)
    return page


def test_S2_M10_a_skip_is_switched_off_and_a_block_is_opened(open_page: Opener) -> None:
    page, picture = open_unet(open_page), picture_of("temple")
    expect(page.locator(".u-node")).to_have_count(13)
    page.locator("[data-skip='1']").click()
    chosen = page.locator(".unet-screen button.card[aria-pressed='true']")
    expect(chosen).to_have_attribute("data-skips", "1011", timeout=PATIENCE)
    expect(page.locator("[data-skip='1']")).to_have_attribute("aria-checked", "false")
    found = results_of(picture, "unet-street")[2]
    expect(chosen).to_contain_text(f"{100 * found.changed:.1f} %")
    page.locator("[data-block='merged.1']").click()
    expect(page.locator(".look h3")).to_have_text("Level 2, going up: both made into one", timeout=PATIENCE)
    values = block_of(maps_of(picture, settings_of({"skips": "1011"})), "merged.1")
    expect(page.locator(".channel .name")).to_have_text(f"Channel {strongest(values)}", timeout=PATIENCE)
    expect(page.locator(".look p.quiet")).to_contain_text(
        f"{values.shape[0]} maps of {values.shape[1]} × {values.shape[2]}"
    )
    page.wait_for_url(re.compile(r"skips=1011.*block=merged\.1"), timeout=PATIENCE)


def test_S2_the_known_mask_gives_miou_and_dice(open_page: Opener) -> None:
    page = open_unet(open_page, f"pic={TISSUE_ID}&net=unet-membrane")
    expect(page.locator(".scores")).to_contain_text("With a true mask")
    page.get_by_role("button", name="Use the known mask").click()
    labels = labels_of(maps_of(picture_of(TISSUE_ID), settings_of({"net": "unet-membrane"})))
    scores = mask_scores(labels, tissue_mask(), 2)
    expect(page.locator(".mean-iou")).to_have_text(f"mIoU {scores.mean_iou:.3f}", timeout=PATIENCE)
    expect(page.locator(".mean-dice")).to_have_text(f"Dice {scores.mean_dice:.3f}")
    row = page.locator(".scores tbody tr").first
    expect(row).to_contain_text("membrane")
    expect(row).to_contain_text(f"{scores.classes[0].iou:.3f}")
    expect(page.locator(".unet-screen button.card .miou")).to_have_count(6)


def test_S2_a_mask_is_painted_saved_and_opened_again(open_page: Opener, tmp_path: Path) -> None:
    page = open_unet(open_page)
    page.locator("[data-brush='0']").click()
    page.locator(".result-frame").scroll_into_view_if_needed()
    box = page.locator(".result-frame canvas.over").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.15 * box["height"], steps=4)
    page.mouse.up()
    expect(page.locator(".mean-iou")).to_be_visible(timeout=PATIENCE)
    mask = torch.tensor(inside(page, "[...screen.result.mask]"))
    marked = int((mask != 255).sum())
    assert marked > 100
    labels = labels_of(maps_of(picture_of("temple"), settings_of({})))
    scores = mask_scores(labels, mask.view(labels.shape), 11)
    expect(page.locator(".mean-iou")).to_have_text(f"mIoU {scores.mean_iou:.3f}")
    expect(page.locator(".summary")).to_contain_text(f"of {marked:,} pixels right")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the mask").click()
    saved.value.save_as(tmp_path / "mask.png")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".scores")).to_contain_text("With a true mask")
    page.locator(".unet-screen input[type=file]").set_input_files(tmp_path / "mask.png")
    expect(page.locator(".summary")).to_contain_text(f"of {marked:,} pixels right", timeout=PATIENCE)
    (tmp_path / "text.png").write_text("no picture")
    page.locator(".unet-screen input[type=file]").set_input_files(tmp_path / "text.png")
    expect(page.locator(".unet-screen .said")).to_contain_text("could not be read", timeout=PATIENCE)


def test_S2_on_a_phone_nothing_sticks_out_and_a_fitting_picture_is_offered(open_page: Opener) -> None:
    page = open_unet(open_page, "lang=ko&pic=dahlia", width=390, height=844, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".fitting button").first.click()
    page.wait_for_url(re.compile("pic=temple"), timeout=PATIENCE)
    expect(page.locator(".fitting")).to_be_hidden(timeout=PATIENCE)
