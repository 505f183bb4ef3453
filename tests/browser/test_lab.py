"""The lab as a person uses it: what the canvases show and what is printed is what PyTorch computes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Locator, Page, expect

from app.figures.colours import palette
from app.figures.convolution.lab_block import working
from app.pictures import picture_of
from cnn.convolution.filters import filter_weight
from cnn.convolution.pipeline import lab, map_stages
from cnn.convolution.settings import LabSettings

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
SIX = np.array([
    [3, 0, 1, 2, 7, 4], [1, 5, 8, 9, 3, 1], [2, 7, 2, 5, 1, 3], [0, 1, 3, 1, 7, 8], [4, 2, 1, 6, 2, 8], [2, 4, 5, 2, 3, 9],
])  # fmt: skip
CANVAS = """(canvas) => { const c = document.createElement("canvas"); c.width = canvas.width; c.height = canvas.height;
  const g = c.getContext("2d"); g.drawImage(canvas, 0, 0);
  return [c.width, c.height, Array.from(g.getImageData(0, 0, c.width, c.height).data)]; }"""


def panel(page: Page, stage: str, lane: int = 0) -> Locator:
    return page.locator(".lane").nth(lane).locator(f'.panel[data-stage="{stage}"]')


def inside(page: Page, expression: str) -> Any:
    """Return a value that the lab keeps, for waiting and for places; what is asserted is read off the screen."""
    return page.locator(".lab").evaluate(f"(box) => {{ const lab = box.screen; return {expression}; }}")


def open_lab(open_page: Opener, query: str = "", **options: Any) -> Page:
    page = open_page(f"convolution{'?' + query if query else ''}", **options)
    page.locator(".panel .frame").first.wait_for(timeout=30_000)
    at_rest(page)
    return page


def at_rest(page: Page) -> None:
    page.wait_for_function(
        """() => { const find = (n) => { for (const c of n.querySelectorAll("*")) {
             if (c.screen && c.classList.contains('lab')) return c.screen; if (c.shadowRoot) { const f = find(c.shadowRoot); if (f) return f; } } return null; };
           const lab = find(document);
           return lab && lab.stage.rowsOfPanels.every((row) => row.stale === false) && lab.ready && !lab.exchange.moving && lab.lanes.every((l) => l.error || (l.result && !l.draft)); }""",
        timeout=20_000,
    )


def pixels(page: Page, stage: str, lane: int = 0) -> np.ndarray:
    """Return what a panel's canvas shows, (height, width, 4) uint8."""
    width, height, data = panel(page, stage, lane).locator("canvas.base").evaluate(CANVAS)
    return np.array(data, dtype=np.uint8).reshape(height, width, 4)


def cell_box(
    page: Page, stage: str, row: int, column: int, lane: int = 0
) -> tuple[float, float, float, float]:
    script = f'[...lab.stage.rowsOfPanels[{lane}].panels.get("{stage}").plane.boxOf({row}, {column})]'
    left, top, width, height = inside(page, script)
    return left, top, width, height


def cell_colour(page: Page, stage: str, row: int, column: int) -> np.ndarray:
    """Return the colour in a corner of a cell, where no number stands."""
    left, top, width, height = cell_box(page, stage, row, column)
    return pixels(page, stage)[int(top + height * 0.12), int(left + width * 0.12), :3].astype(int)


def hover(page: Page, stage: str, row: int, column: int, lane: int = 0) -> None:
    left, top, width, height = cell_box(page, stage, row, column, lane)
    canvas = panel(page, stage, lane).locator("canvas.over")
    canvas.evaluate("(element) => element.scrollIntoView({ block: 'center' })")
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + left + width / 2, box["y"] + top + height / 2)


def grid(page: Page, place: int, lens: int = 0) -> list[list[float]]:
    """Return the numbers of a grid in the microscope as printed: by channel three grids, patch, filter and products."""
    lines = (
        page.locator(".lens")
        .nth(lens)
        .locator(".number-grid")
        .nth(place)
        .locator(".lines > div")
        .all_text_contents()
    )
    return [[number(part) for part in line.split()] for line in lines]


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def readout(page: Page, stage: str, lane: int = 0) -> float:
    return number(panel(page, stage, lane).locator(".readout b").inner_text())


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).first.select_option(value)
    at_rest(page)


def test_C2_the_6x6_example_cell_by_cell(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical")
    wanted = F.conv2d(torch.tensor(SIX)[None, None].double(), filter_weight("vertical")[None, None].double())[
        0, 0
    ]
    for row in range(4):
        for column in range(4):
            hover(page, "before", row, column)
            assert readout(page, "before") == wanted[row, column]
            patch, weights, products = (np.array(grid(page, place)) for place in range(3))
            assert np.array_equal(patch, SIX[row : row + 3, column : column + 3])
            assert np.array_equal(weights, [[1, 0, -1]] * 3)
            assert np.array_equal(products, patch * weights)
            assert products.sum() == wanted[row, column]


def test_C2_stepping_playing_and_scrubbing_go_through_the_cells_in_order(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical&row=0&column=2")
    page.locator('[data-do="step"]').click()
    expect(page.locator(".where")).to_have_text("4 / 16")
    page.locator('[data-do="step"]').click()
    expect(page.locator(".lens h3")).to_contain_text("Row 1, column 0")
    page.locator('[data-do="step_back"]').click()
    expect(page.locator(".lens h3")).to_contain_text("Row 0, column 3")
    page.locator(".scrub").fill("15")
    assert readout(page, "before") == -16
    page.locator(".lanes").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(700)
    page.keyboard.press("Space")
    place = int(page.locator(".where").inner_text().split(" ")[0])
    assert 3 <= place <= 14
    page.locator('[data-do="play_back"]').click()
    page.wait_for_timeout(400)
    page.locator('[data-do="play_back"]').click()
    assert int(page.locator(".where").inner_text().split(" ")[0]) != place


def test_C4_positive_is_red_negative_blue_and_zero_white_in_both_themes(open_page: Opener) -> None:
    colours = palette("signed").astype(int)
    for dark in (False, True):
        page = open_lab(
            open_page,
            "pic=matrix&m=10,10,10,0,0,0;10,10,10,0,0,0;10,10,10,0,0,0;10,10,10,0,0,0&bank=vertical",
            dark=dark,
        )
        for column, entry in enumerate((128, 255, 255, 128)):
            assert np.abs(cell_colour(page, "before", 0, column) - colours[entry]).max() <= 2


def test_C5_typing_a_weight_changes_the_map_and_the_link(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical")
    page.get_by_label("Weight in row 1, column 1").fill("2.5")
    page.keyboard.press("Enter")
    at_rest(page)
    weight = filter_weight("vertical").clone()
    weight[1, 1] = 2.5
    wanted = F.conv2d(torch.tensor(SIX)[None, None].float(), weight[None, None])[0, 0]
    hover(page, "before", 2, 3)
    assert readout(page, "before") == wanted[2, 3]
    page.wait_for_url(re.compile("custom"))
    page.goto(page.url)
    page.locator(".panel .frame").first.wait_for()
    at_rest(page)
    hover(page, "before", 2, 3)
    assert readout(page, "before") == wanted[2, 3]


def test_C6_the_border_is_tinted_and_counts_show_how_often_a_pixel_is_used(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical&padding=same")
    red, green, blue = cell_colour(page, "input", 0, 0)
    assert red > green > blue  # the padding's amber over black
    inner = cell_colour(page, "input", 1, 2)
    assert inner.max() - inner.min() <= 2  # gray
    expect(panel(page, "before").locator(".shape")).to_have_text("1 × 6 × 6")
    expect(panel(page, "before").locator(".formula")).to_have_text("6 + 2·1 − 3 + 1 = 6")
    page.get_by_label("How often each pixel is used").check()
    expect(panel(page, "input").locator(".panel-note")).to_contain_text("9")
    scale = palette("magnitude").astype(int)
    assert np.abs(cell_colour(page, "input", 1, 1) - scale[int(4 / 9 * 255)]).max() <= 3
    assert np.abs(cell_colour(page, "input", 3, 3) - scale[255]).max() <= 3


def test_C7_what_the_stride_never_reaches_is_hatched(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical&stride_h=2&stride_w=2")
    expect(panel(page, "before").locator(".formula")).to_have_text("⌊(6 − 3) / 2⌋ + 1 = 2")
    left, top, width, height = (int(part) for part in cell_box(page, "input", 5, 2))
    hatched = pixels(page, "input")[top : top + height // 4, left : left + width, :3].astype(int).std()
    left, top, width, height = (int(part) for part in cell_box(page, "input", 2, 2))
    plain = (
        pixels(page, "input")[top + 1 : top + height // 4, left + 1 : left + width - 1, :3].astype(int).std()
    )
    assert hatched > plain + 5


def test_C8_rgb_sums_three_channels_as_printed(open_page: Opener) -> None:
    page = open_lab(open_page, "colour=rgb&bank=gaussian&kernel_size=5&row=100&column=200")
    expect(panel(page, "before").locator(".panel-note")).to_contain_text(
        "76 parameters (75 weights + 1 bias)"
    )
    choice = LabSettings.from_mapping({"colour": "rgb", "bank": "gaussian", "kernel_size": 5})
    source = working(picture_of(""), choice)
    wanted = lab(source, choice).convolution.output[0, 100, 200].item()
    sums = [number(text) for text in page.locator(".channel-sum").all_text_contents()]
    decimals = len(page.locator(".channel-sum").first.inner_text().split(".")[1])
    for channel in range(3):
        patch, _, products = (np.array(grid(page, 3 * channel + place)) for place in range(3))
        assert np.array_equal(patch, source[channel, 100:105, 200:205].numpy())
        assert round(products.sum(), decimals) == sums[channel]
    value = number(page.locator(".lens .equation .value b").first.inner_text())
    assert round(sum(sums), decimals) == value == round(wanted, decimals)
    assert abs(readout(page, "before") - wanted) < 6e-5


def test_C8_a_bank_gives_a_map_for_each_filter(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical")
    page.get_by_label("Add a filter: one more map").click()
    at_rest(page)
    choose(page, "Filter", "horizontal")
    expect(panel(page, "before").locator(".shape")).to_have_text("2 × 4 × 4")
    hover(page, "before", 1, 1)
    wanted = F.conv2d(torch.tensor(SIX)[None, None].float(), filter_weight("horizontal")[None, None])[0, 0]
    assert readout(page, "before") == wanted[1, 1]
    strip = page.locator(".map-strip canvas").bounding_box()
    assert strip
    page.mouse.click(strip["x"] + strip["width"] / 4, strip["y"] + strip["height"] / 2)
    at_rest(page)
    hover(page, "before", 1, 1)
    assert readout(page, "before") == -2


def test_C9_activation_and_pooled_value_follow_in_the_equation(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical~b3&activation=relu&pooling=max&row=0&column=3")
    pieces = page.locator(".lens .equation .piece b").all_text_contents()
    assert [number(text) for text in pieces] == [8, 3, 11, 11, 11]
    expect(panel(page, "after").locator(".formula")).to_have_text("a = max(0, z)")
    hover(page, "before", 1, 0)
    pieces = page.locator(".lens .equation .piece b").all_text_contents()
    assert [number(text) for text in pieces[:4]] == [-10, 3, -7, 0]


def test_P1_the_pooled_cell_shows_its_window_and_its_winner(open_page: Opener) -> None:
    matrix = "1,3,2,1,3;2,9,1,1,5;3,2,3,2,3;8,3,5,1,0;5,6,1,2,9"
    page = open_lab(
        open_page, f"pic=matrix&m={matrix}&bank=identity&kernel_size=1&pooling=max&pool_size=3&pool_stride=1"
    )
    wanted = [[9, 9, 5], [9, 9, 5], [8, 6, 9]]
    for row in range(3):
        for column in range(3):
            hover(page, "pool_max", row, column)
            assert readout(page, "pool_max") == wanted[row][column]
            window = np.array(grid(page, 3))
            assert window.max() == wanted[row][column]
            assert readout(page, "before") == wanted[row][column]  # the winner is the cell that is looked at


def test_P2_three_poolings_side_by_side(open_page: Opener) -> None:
    matrix = "1,3,2,1;2,9,1,1;1,4,2,3;5,6,1,2"
    page = open_lab(open_page, f"pic=matrix&m={matrix}&bank=identity&kernel_size=1&pooling=all")
    hover(page, "pool_average", 0, 0)
    assert readout(page, "pool_average") == 3.75
    assert readout(page, "pool_max") == 9
    assert abs(readout(page, "pool_l2") - 95**0.5) < 1e-3


def test_P4_a_shift_is_answered_with_what_stayed(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=identity&kernel_size=1&pooling=max")
    page.get_by_label("Shift →", exact=True).first.fill("1")
    at_rest(page)
    choice = LabSettings.from_mapping({"bank": "identity", "kernel_size": 1, "pooling": "max"})
    moved = torch.cat([torch.zeros(6, 1, dtype=torch.int64), torch.tensor(SIX)[:, :-1]], dim=1)
    pooled = [
        map_stages(lab(image[None], choice)).poolings["max"].output[0] for image in (torch.tensor(SIX), moved)
    ]
    kept = 100 * (pooled[0] == pooled[1]).float().mean().item()
    expect(panel(page, "pool_max").locator(".panel-note")).to_contain_text(
        f"{kept:.1f}".removesuffix(".0") + " %"
    )
    hover(page, "input", 0, 1)
    assert readout(page, "input") == SIX[0, 0]


def test_hovering_the_input_marks_every_cell_that_uses_the_pixel(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical&padding=same")
    for (row, column), count in {(2, 2): 9, (1, 1): 4, (1, 3): 6}.items():
        hover(page, "input", row, column)
        expect(panel(page, "before").locator(".readout")).to_have_text(f"used by {count} output cells")
    hover(page, "input", 3, 4)
    assert readout(page, "input") == SIX[2, 3]


def test_the_canvas_shows_the_map_pixel_by_pixel(open_page: Opener) -> None:
    page = open_lab(open_page, "bank=scharr_x~a23&padding=same&row=3&column=3")
    choice = LabSettings.from_mapping({"bank": "scharr_x~a23", "padding": "same"})
    values = lab(working(picture_of(""), choice), choice).convolution.output[0].numpy()
    levels = np.clip(np.rint(values / np.abs(values).max() * 127) + 128, 1, 255).astype(int)
    page.locator(".lanes").focus()
    for _ in range(7):
        page.keyboard.press("+")
    shown, wanted = pixels(page, "before"), palette("signed").astype(int)
    checked = 0
    for row in range(14):
        for column in range(14):
            left, top, width, height = cell_box(page, "before", row, column)
            x, y = int(left + width / 2), int(top + height * 0.12)
            if 2 < x < shown.shape[1] - 2 and 2 < y < shown.shape[0] - 2 and width > 4:
                assert np.abs(shown[y, x, :3].astype(int) - wanted[levels[row, column]]).max() <= 8
                checked += 1
    assert checked > 20


def test_keyboard_alone_moves_pins_and_speaks(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical&row=0&column=0")
    stage = page.locator(".lanes")
    stage.focus()
    assert stage.get_attribute("role") == "application"
    assert page.locator(f"#{stage.get_attribute('aria-describedby')}").inner_text().startswith("Arrow keys")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".lens h3")).to_contain_text("Row 1, column 1")
    expect(page.locator(".heard")).to_have_text("Row 1, column 1: −2")
    page.wait_for_url(re.compile("row=1"))


def test_a_control_that_gives_no_map_says_so_and_the_picture_stays(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=box")
    size = page.get_by_label("Size f", exact=True).first
    size.fill("9")
    expect(page.locator(".no-map")).to_contain_text("The filter spans 9 pixels")
    assert pixels(page, "input")[..., 3].any()
    size.fill("5")
    at_rest(page)
    expect(page.locator(".no-map")).to_be_hidden()
    expect(panel(page, "before").locator(".shape")).to_have_text("1 × 2 × 2")


def test_two_settings_share_one_cursor(open_page: Opener) -> None:
    page = open_lab(open_page, "pic=matrix&bank=vertical&padding=same")
    page.get_by_text("Compare two settings").click()
    at_rest(page)
    choose(page, "Filter", "horizontal")
    hover(page, "before", 2, 3)
    expected = [filter_weight(name)[None, None] for name in ("vertical", "horizontal")]
    for lane, weight in enumerate(expected):
        wanted = F.conv2d(torch.tensor(SIX)[None, None].float(), weight, padding=1)[0, 0, 2, 3]
        assert readout(page, "before", lane) == wanted
    page.wait_for_url(re.compile("compare="))
    page.goto(page.url)
    page.locator(".lens").nth(1).wait_for()
    assert np.array_equal(grid(page, 1, lens=1), filter_weight("horizontal").tolist())


def test_while_dragging_no_number_is_shown_that_is_not_the_tensors(open_page: Opener) -> None:
    page = open_lab(open_page)
    slider = page.get_by_label("Angle", exact=True).first.bounding_box()
    assert slider
    page.mouse.move(slider["x"] + 8, slider["y"] + 10)
    page.mouse.down()
    seen = []
    for step in range(25):
        page.mouse.move(slider["x"] + 8 + 3 * step, slider["y"] + 10)
        seen.append(
            inside(
                page, 'lab.first.draft && lab.stage.rowsOfPanels[0].panels.get("before").readout.textContent'
            )
        )
    page.mouse.up()
    at_rest(page)
    assert not any(seen)
    bank = inside(page, "lab.first.settings.bank")
    assert "~a" in bank
    page.wait_for_url(lambda url: bank in unquote(url))
    choice = LabSettings.from_mapping({"bank": bank})
    values = lab(working(picture_of(""), choice), choice).convolution.output[0]
    hover(page, "before", 90, 120)
    row, column = inside(page, "[lab.hovered.row, lab.hovered.column]")
    assert abs(readout(page, "before") - values[row, column].item()) < 6e-5


def test_hovering_and_playing_send_nothing_to_the_server(open_page: Opener) -> None:
    page = open_lab(open_page, "padding=same&activation=relu&pooling=max")
    page.wait_for_timeout(600)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    before = inside(page, "lab.exchange.channel.sent")
    page.evaluate(
        "() => { window.frames_sent = 0; const old = WebSocket.prototype.send; WebSocket.prototype.send = function (d) { window.frames_sent += 1; return old.call(this, d); }; }"
    )
    for step in range(30):
        hover(page, "before", 40 + 3 * step, 60 + 5 * step)
    page.locator('[data-do="play"]').click()
    page.wait_for_timeout(800)
    assert page.evaluate("window.frames_sent") == 0
    page.locator('[data-do="play"]').click()
    assert inside(page, "lab.exchange.channel.sent") == before
    assert not sent


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_the_stage_comes_first_and_nothing_sticks_out(open_page: Opener, dark: bool) -> None:
    page = open_lab(
        open_page, "lang=ko&padding=same&activation=relu&pooling=max", width=390, height=844, dark=dark
    )
    stage, controls = page.locator(".stage").bounding_box(), page.locator(".controls").bounding_box()
    assert stage
    assert controls
    assert stage["y"] < controls["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tops = [panel(page, name).locator(".frame").bounding_box()["y"] for name in ("input", "before")]  # type: ignore[index]
    assert abs(tops[0] - tops[1]) < 1


def test_C1_a_pixel_of_a_photo_is_read_out_channel_by_channel(open_page: Opener) -> None:
    page = open_lab(open_page, "colour=rgb")
    source = working(picture_of(""), LabSettings.from_mapping({"colour": "rgb"}))
    assert source.shape[0] == 3
    hover(page, "input", 200, 300)
    row, column = inside(page, "[lab.stage.pixel.y, lab.stage.pixel.x]")
    shown = [number(part) for part in panel(page, "input").locator(".readout b").inner_text().split(", ")]
    assert shown == source[:, row, column].tolist()


def test_settings_outlast_a_change_of_language_picture_and_screen(open_page: Opener) -> None:
    page = open_lab(open_page)
    choose(page, "Filter", "laplacian")
    page.wait_for_url(re.compile("laplacian"))
    page.get_by_role("radio", name="한국어").click()
    expect(page.locator(".stage .name").first).to_have_text("입력")
    expect(page.get_by_label("필터", exact=True).first).to_have_value("laplacian")
    page.locator(".picture").click()
    page.locator(".sheet .card").nth(2).click()
    page.wait_for_url(re.compile("pic="))
    at_rest(page)
    assert "laplacian" in page.url
    key = re.search(r"pic=(\w+)", page.url).group(1)  # type: ignore[union-attr]
    choice = LabSettings.from_mapping({"bank": "laplacian"})
    values = lab(working(picture_of(key), choice), choice).convolution.output[0]
    hover(page, "before", 50, 60)
    row, column = inside(page, "[lab.hovered.row, lab.hovered.column]")
    assert readout(page, "before") == values[row, column]
