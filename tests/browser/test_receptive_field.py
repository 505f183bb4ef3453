"""The receptive-field screen as a person uses it: what is printed is what the rule and autograd give."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cnn.convolution.receptive_field import receptive_fields
from cnn.models.registry import model_record, model_skeleton

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 30_000


def inside(page: Page, expression: str) -> Any:
    """Return a value that the screen keeps, for waiting and for places; what is asserted is read off the screen."""
    script = f"(box) => {{ const screen = box.screen; return {expression}; }}"
    return page.locator(".field-screen").evaluate(script)


def open_fields(open_page: Opener, query: str, **options: Any) -> Page:
    page = open_page(f"receptive_field?{query}", **options)
    expect(page.locator(".sentence")).not_to_be_empty(timeout=PATIENCE)
    return page


def place_of(page: Page, view: str, row: int, column: int) -> tuple[float, float]:
    left, top, width, height = inside(page, f"[...screen.views.{view}.plane.boxOf({row}, {column})]")
    box = page.locator(f'.view[data-view="{view}"] canvas.over').bounding_box()
    assert box
    return box["x"] + left + width / 2, box["y"] + top + height / 2


def test_R1_pointing_at_a_unit_and_at_a_pixel_without_the_server(open_page: Opener) -> None:
    page = open_fields(open_page, "net=stack&stack=c3p1-m2-c3p1-c3p1&heat=0")
    page.wait_for_timeout(1500)
    page.evaluate("""() => { window.frames_sent = 0; const old = WebSocket.prototype.send;
      WebSocket.prototype.send = function (d) { window.frames_sent += 1; return old.call(this, d); }; }""")
    page.mouse.move(*place_of(page, "map", 0, 12))
    expect(page.locator(".sentence")).to_contain_text(
        "Unit (0, 12) sees 12 × 12 pixels: columns 19 to 30", timeout=PATIENCE
    )
    expect(page.locator(".sentence")).to_contain_text("rows −5 to 6; 41.7 % in the padding")
    page.mouse.move(*place_of(page, "picture", 20, 31))
    expect(page.locator(".sentence")).to_contain_text(
        "is seen by 36 units of this layer: 6 rows × 6 columns", timeout=PATIENCE
    )
    assert page.locator("td.sees").all_text_contents() == ["3 × 3", "2 × 2", "4 × 4", "6 × 6"]
    assert page.evaluate("window.frames_sent") == 0


def test_R1_a_registered_network_shows_its_fields(open_page: Opener) -> None:
    page = open_fields(open_page, "net=resnet18&layer=layer2.0.conv1&row=0&column=2&heat=0")
    field = receptive_fields(model_skeleton("resnet18"), model_record("resnet18").input_shape)[
        "layer2.0.conv1"
    ]
    x1, y1, x2, y2 = field.box(0, 2)
    wanted = f"{x2 - x1} × {y2 - y1} pixels: columns {x1} to {x2 - 1}, rows {y1} to {y2 - 1}".replace(
        "-", "−"
    )
    expect(page.locator(".sentence")).to_contain_text(wanted, timeout=PATIENCE)
    expect(page.locator(".badge")).to_have_text("exact")
    expect(page.locator("tr.chosen")).to_contain_text("layer2.0.conv1")
    page.locator(".views").focus()
    page.keyboard.press("ArrowRight")
    x1, _, x2, _ = field.box(0, 3)
    expect(page.locator(".sentence")).to_contain_text(
        f"columns {x1} to {x2 - 1}".replace("-", "−"), timeout=PATIENCE
    )
    page.wait_for_url(re.compile("column=3"), timeout=PATIENCE)


def test_C14_three_small_filters_against_a_large_one(open_page: Opener) -> None:
    page = open_fields(open_page, "net=stack&stack=c7&c=10&heat=0")
    totals = [page.locator(f'[data-total="{name}"]') for name in ("three", "seven")]
    expect(totals[0]).to_have_text("2,700", timeout=PATIENCE)
    expect(totals[1]).to_have_text("4,900")
    expect(page.locator(".sentence")).to_contain_text("sees 7 × 7 pixels")
    page.locator('[data-compare="three"] button').click()
    expect(page.locator(".field-screen tbody tr")).to_have_count(3, timeout=PATIENCE)
    expect(page.locator(".sentence")).to_contain_text("sees 7 × 7 pixels")
    expect(page.locator(".stack-rows .stack-row")).to_have_count(3)
    page.wait_for_url(re.compile(r"^(?=.*net=stack)(?!.*stack=c7)"), timeout=PATIENCE)


def test_R2_the_measured_field_lies_inside_the_box(open_page: Opener) -> None:
    page = open_fields(open_page, "net=stack&stack=c3p1-c3p1-c3p1&size=32&weights=average")
    facts = page.locator(".heat-facts")
    expect(facts).to_contain_text("The average over 16 random networks", timeout=PATIENCE)
    assert facts.locator(".fact b").first.inner_text() == "100.0 %"
    half = int(facts.locator(".fact b").nth(1).inner_text().split(" ")[0])
    assert 0 < half < 49 / 2


def test_R1_a_stack_that_does_not_fit_says_so_and_can_be_mended(open_page: Opener) -> None:
    page = open_page("receptive_field?net=stack&stack=c3-c15-c15&size=32&heat=0")
    expect(page.locator(".no-map")).to_contain_text("Layer 3 does not fit", timeout=PATIENCE)
    page.get_by_label("Remove layer 3").click()
    expect(page.locator(".no-map")).to_be_hidden(timeout=PATIENCE)
    expect(page.locator(".sentence")).to_contain_text("17 × 17 pixels", timeout=PATIENCE)


def test_R1_on_a_phone_nothing_sticks_out(open_page: Opener) -> None:
    page = open_fields(open_page, "lang=ko&net=lenet5&weights=random", width=390, height=844, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stage, controls = page.locator(".stage").bounding_box(), page.locator(".controls").bounding_box()
    assert stage
    assert controls
    assert stage["y"] < controls["y"]


def pick(page: Page, name: str) -> None:
    """Choose in the list of networks by typing, as a person does who knows the name."""
    field = page.get_by_test_id("stSelectbox").first.locator("input")
    field.click()
    field.fill(name)
    page.get_by_role("option", name=name).click()


def test_R1_every_network_is_picked_in_the_shared_list(open_page: Opener) -> None:
    page = open_fields(open_page, "heat=0")
    facts = page.locator(".facts").first
    expect(facts).to_contain_text("144 × 144", timeout=PATIENCE)
    pick(page, "YOLO (blood cells)")
    expect(facts).to_contain_text("320 × 320", timeout=PATIENCE)
    page.wait_for_url(re.compile("net=yolo-cells"), timeout=PATIENCE)
    page.locator(".stack-own").click()
    expect(page.locator(".stack-rows .stack-row")).to_have_count(3, timeout=PATIENCE)
    page.wait_for_url(re.compile("net=stack"), timeout=PATIENCE)
    pick(page, "LeNet-5")
    expect(facts).to_contain_text("32 × 32", timeout=PATIENCE)
    page.wait_for_url(re.compile("net=lenet5-mnist"), timeout=PATIENCE)
    expect(page.locator(".stack-own")).to_be_visible()


def test_R1_a_torchvision_network_is_picked_and_measured(open_page: Opener) -> None:
    page = open_fields(open_page, "")
    page.get_by_role("button", name="Other networks").click()
    sheet = page.get_by_test_id("stPopoverBody")
    sheet.get_by_text("Random", exact=True).click()
    sheet.get_by_role("button").filter(has_text="Open").click()
    expect(page.locator(".facts").first).to_contain_text("25.6 M", timeout=PATIENCE)
    page.wait_for_url(re.compile(r"net=random\.resnet50\.0"), timeout=PATIENCE)
    expect(page.locator(".heat-facts")).to_contain_text("with random weights (seed 0)", timeout=60_000)
    assert page.locator(".heat-facts .fact b").first.inner_text() == "100.0 %"


def test_a_link_from_before_and_a_network_that_is_gone(open_page: Opener) -> None:
    page = open_fields(open_page, "net=imagenette_resnet&layer=stage1.1.conv2&heat=0")
    expect(page.locator("tr.chosen")).to_contain_text("stage1.1.conv2", timeout=PATIENCE)
    expect(page.locator(".facts").first).to_contain_text("1,389,130 parameters")
    page = open_fields(open_page, "net=s-abcdefghijk&heat=0")
    expect(page.get_by_test_id("stAlert")).to_contain_text("There is no such network here", timeout=PATIENCE)
    expect(page.locator(".facts").first).to_contain_text("1,389,130 parameters")
