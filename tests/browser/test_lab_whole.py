"""The lab as a whole: its main job on a 12-megapixel upload, and plain `streamlit run`, where our routes are not there."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from cnn.convolution.pipeline import lab, map_stages, working_picture
from cnn.convolution.settings import LabSettings
from tests.browser.conftest import start_server
from tests.browser.test_lab import Opener, at_rest, hover, inside, number, open_lab, panel, readout

pytestmark = pytest.mark.browser
JOB = "bank=edge~a23~pscharr&stride_h=2&stride_w=2&padding=same&pooling=max"


def test_scharr_at_23_degrees_on_an_uploaded_photo_of_12_megapixels(open_page: Opener) -> None:
    rows, columns = np.mgrid[0:3000, 0:4000]
    waves = 120 + 60 * np.sin(rows / 90 + columns / 60) + 50 * np.sin((rows - 2 * columns) / 200)
    pixels = np.repeat(waves[..., None], 3, 2).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    page = open_lab(open_page, JOB)
    page.locator(".picture").click()
    photo = {"name": "twelve.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.locator(".picture").click()
    page.locator("input[type=file]").first.set_input_files(photo)  # type: ignore[arg-type]
    page.wait_for_url("**pic=u-**", timeout=30_000)
    expect(panel(page, "input").locator(".formula")).to_have_text(
        "4000 × 3000 shown at 512 × 384", timeout=20_000
    )
    at_rest(page)
    choice = LabSettings.from_mapping(
        dict(part.split("=") for part in JOB.split("&")) | {"stride_h": 2, "stride_w": 2}
    )
    source = working_picture(torch.from_numpy(pixels).permute(2, 0, 1).contiguous(), choice)
    stages = map_stages(lab(source, choice))
    hover(page, "before", 60, 80)
    row, column = inside(page, "[lab.hovered.row, lab.hovered.column]")
    value = stages.before[row, column].item()
    assert abs(readout(page, "before") - value) < 6e-5
    assert (
        abs(readout(page, "pool_max") - stages.poolings["max"].output[0, row // 2, column // 2].item()) < 6e-5
    )
    printed = [number(text) for text in page.locator(".lens .equation .piece b").all_text_contents()]
    assert printed[2] == pytest.approx(value, abs=0.006)
    assert printed[0] + printed[1] == pytest.approx(printed[2], abs=1e-9)


def test_without_our_routes_the_controls_still_change_the_map(open_page: Opener, tmp_path: Path) -> None:
    server = start_server(tmp_path, command=(sys.executable, "-m", "streamlit", "run", "app/main.py"))
    try:
        page = open_page("", base=server.url)  # home first: Streamlit learns of the pages there
        page.wait_for_timeout(3000)
        page.goto(f"{server.url}/convolution?pic=matrix&bank=vertical")
        page.locator(".panel .frame").first.wait_for(timeout=30_000)
        at_rest(page)
        assert inside(page, "lab.exchange.usable") is False
        page.get_by_label("Stride s", exact=True).first.fill("3")
        expect(panel(page, "before").locator(".shape")).to_have_text("1 × 2 × 2", timeout=15_000)
        at_rest(page)
        hover(page, "before", 1, 1)
        assert readout(page, "before") == -16
    finally:
        server.process.terminate()
        server.process.wait(10)
