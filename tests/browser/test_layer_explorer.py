"""The layer explorer as a person uses it: what is printed is what the network gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from safetensors.torch import save_file

from app.figures.networks.layer_explorer_network import explored, run_of, values_of
from app.pictures import picture_of
from cnn.models.registry import build_model

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 90_000


def inside(page: Page, expression: str) -> Any:
    """Return a value that the screen keeps, for waiting and for places; what is asserted is read off the screen."""
    script = f"(box) => {{ const screen = box.screen; return {expression}; }}"
    return page.locator(".explorer").evaluate(script)


def open_explorer(open_page: Opener, query: str = "", **options: Any) -> Page:
    page = open_page(f"layer_explorer?{query}", **options)
    expect(page.locator(".answer-row .share").first).not_to_be_empty(timeout=PATIENCE)
    return page


def shares(**values: Any) -> dict[int, float]:
    logits = run_of(explored(values_of(values), picture_of("temple"), "")).output
    return dict(enumerate(logits.softmax(0).tolist()))


def expect_share(page: Page, index: int, share: float) -> None:
    cell = page.locator(f".answer-row[data-class='{index}'] .share")
    expect(cell).to_have_text(f"{100 * share:.1f} %", timeout=PATIENCE)


def test_M1_a_layer_of_the_map_shows_its_maps_and_its_terms(open_page: Opener) -> None:
    page = open_explorer(open_page, "lang=en")
    best = max(shares().items(), key=lambda item: item[1])
    expect_share(page, *best)
    page.locator(".node[data-node='stem.0']").click()
    expect(page.locator(".graph-about h3")).to_have_text("stem.0", timeout=PATIENCE)
    expect(page.locator(".graph-about dd").first).to_have_text("32 × 72 × 72")
    page.locator("[data-tab='terms']").click()
    expect(page.locator(".equation .value")).not_to_be_empty(timeout=PATIENCE)
    channel, row, column = (inside(page, f"screen.{name}") for name in ("channel", "row", "column"))
    value = run_of(explored(values_of({}), picture_of("temple"), ""), "stem.0").kept["stem.0"][
        channel, row, column
    ]
    parts = [number(text) for text in page.locator(".equation .part b").all_inner_texts()]
    signs = [text for text in page.locator(".equation > .sign").all_inner_texts() if text in "+−"]
    total = parts[0] + sum(
        part if sign == "+" else -part for sign, part in zip(signs, parts[1:-1], strict=True)
    )
    assert parts[-1] == pytest.approx(float(value), abs=1e-4)
    assert total == pytest.approx(parts[-1], abs=1e-9), "what is printed adds up to what is printed"


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_M2_cutting_a_shortcut_moves_the_bars_and_undo_brings_them_back(open_page: Opener) -> None:
    page = open_explorer(open_page, "lang=en&tab=edit")
    before, cut = shares(), shares(edits="stage2.0.add!1")
    best = max(before.items(), key=lambda item: item[1])[0]
    expect_share(page, best, before[best])
    page.locator("[data-cut='stage2.0.add!1']").uncheck()
    expect_share(page, best, cut[best])
    expect(page.locator(".edits li")).to_contain_text("stage2.0.add")
    expect(page).to_have_url(re.compile("edits=stage2.0.add"), timeout=PATIENCE)
    page.locator("[data-action='undo']").click()
    expect_share(page, best, before[best])
    expect(page.locator("[data-cut='stage2.0.add!1']")).to_be_checked()


def test_R1_a_link_opens_the_unit_with_its_box(open_page: Opener) -> None:
    query = "lang=ko&layer=stage2.0.conv1&channel=5&row=9&col=9&tab=field"
    page = open_explorer(open_page, query, width=390, height=844)
    expect(page.locator(".sentence")).to_contain_text("39 × 39", timeout=PATIENCE)
    expect(page.locator(".badge")).to_have_class(re.compile("exact"))
    value = run_of(explored(values_of({}), picture_of("temple"), ""), "stage2.0.conv1").kept["stage2.0.conv1"]
    expect(page.locator(".view[data-view='map'] .readout")).to_contain_text(
        re.compile(rf"{float(value[5, 9, 9]):.3f}".replace("-", "−"))
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (
        "nothing is cut off on a phone"
    )


def test_a_persons_own_network_opens(open_page: Opener, tmp_path: Path) -> None:
    model = build_model("lenet5", num_classes=10, seed=4)
    path = tmp_path / "my<b>net.safetensors"
    save_file(dict(model.state_dict()), path)
    page = open_explorer(open_page, "lang=en&net=lenet5-mnist")
    page.get_by_role("button", name="Other networks").click()
    page.locator(".network-file input").set_input_files(path, timeout=PATIENCE)
    expect(page).to_have_url(re.compile("net=u-"), timeout=PATIENCE)
    names = [name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Conv2d)]
    expect(page.locator(f".node[data-node='{names[0]}']")).to_be_visible(timeout=PATIENCE)
