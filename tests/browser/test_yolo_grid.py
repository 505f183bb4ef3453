"""The YOLO grid screen as a person uses it: cells that are read, objects that are placed, points that are dragged."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.figures.detection.yolo_picture import output_of
from app.pictures import picture_of

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 30_000


def open_grid(open_page: Opener, query: str, **options: Any) -> Page:
    page = open_page(f"yolo_grid?{query}", **options)
    expect(page.locator(".grid-screen .sentence")).not_to_be_empty(timeout=PATIENCE)
    return page


def place_of(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the picture lies in the window."""
    left, top = page.locator(".grid-screen").evaluate(
        "(box, [x, y]) => box.screen.editor.toScreen(x, y)", [x, y]
    )
    frame = page.locator(".editor-over").bounding_box()
    assert frame
    return frame["x"] + left, frame["y"] + top


def test_O4_pointing_at_a_cell_reads_the_tensor(open_page: Opener) -> None:
    page = open_grid(open_page, "pic=cells_neutrophil&row=0&column=0")
    output = output_of(picture_of("cells_neutrophil"), "yolo-cells")
    expect(page.locator(".numbers h3")).to_have_text("Cell, row 0, column 0", timeout=PATIENCE)
    side = output.stride / output.scale
    page.mouse.move(*place_of(page, 2.5 * side, 7.5 * side))
    expect(page.locator(".numbers h3")).to_have_text("Cell, row 7, column 2", timeout=PATIENCE)
    readings = output.cell(7, 2)
    rows = page.locator(".vector tbody tr")
    for line, name in ((1, "t_x"), (5, "t_obj")):
        wanted = [f"{reading.raw[line - 1]:.3f}".replace("-", "−") for reading in readings]
        expect(rows.nth(line).locator("td")).to_have_text([name, *wanted])
    boxes = [[f"{reading.box[k]:.1f}".replace("-", "−") for reading in readings] for k in range(4)]
    for k, name in enumerate(("x1", "y1", "x2", "y2")):
        expect(rows.nth(rows.count() - 4 + k).locator("td")).to_have_text([name, *boxes[k]])
    page.locator(".editor-over").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("column=1"), timeout=PATIENCE)


def test_O7_a_collision_is_told_and_two_anchors_mend_it(open_page: Opener) -> None:
    page = open_grid(open_page, "view=target&anchors=0")
    expect(page.locator(".warn")).to_contain_text("Collision: object 2 (car)", timeout=PATIENCE)
    page.get_by_role("button", name="3 × 3, two anchors").click()
    expect(page.locator(".warn")).to_be_hidden(timeout=PATIENCE)
    expect(page.locator(".vector tbody tr").first.locator("td").nth(1)).to_have_text("1")
    expect(page.locator(".sentence")).to_contain_text("depth 16, 144 numbers")
    page.wait_for_url(re.compile(r"^(?!.*anchors=0)"), timeout=PATIENCE)


def test_O1_one_object_eight_numbers_and_its_loss(open_page: Opener) -> None:
    page = open_grid(
        open_page, "view=target&rows=1&columns=1&anchors=0&objects=160,107,480,321,1,1&pic=temple"
    )
    cells = page.locator(".vector tbody tr td:nth-child(2)")
    expect(cells).to_have_text(["1", "0", "1", "0", "0.5", "0.501", "0.501", "0.5"], timeout=PATIENCE)
    canvas = page.locator(".editor-over")
    page.mouse.click(*place_of(page, 320, 214))
    canvas.press("Delete")
    expect(cells).to_have_text(["0", *["?"] * 7], timeout=PATIENCE)
    expect(page.locator(".facts .sum").last).to_have_text("0.2500")


def test_O2_dragging_the_face_moves_129_numbers(open_page: Opener) -> None:
    page = open_grid(open_page, "view=landmarks&pic=astronaut")
    numbers = page.locator(".points span")
    expect(numbers).to_have_count(129, timeout=PATIENCE)
    before = numbers.nth(1).inner_text()
    page.locator(".editor-over").focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(numbers.nth(1)).not_to_have_text(before, timeout=PATIENCE)
    page.get_by_label("There is a face").uncheck()
    expect(numbers.nth(1)).to_have_text(re.compile(r"l_1x\s*\?"), timeout=PATIENCE)
    page.wait_for_url(re.compile("face=0"), timeout=PATIENCE)


def test_on_a_phone_nothing_sticks_out(open_page: Opener) -> None:
    page = open_grid(open_page, "lang=ko&view=target", width=390, height=844, dark=True)
    expect(page.locator(".vector tbody tr")).to_have_count(8, timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
