"""The connections screen as a person uses it."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from app.figures.convolution.connections import study_of
from app.pictures import picture_of
from cnn.convolution.axis_filters import bundled_video, video_bank
from cnn.convolution.connection_settings import ConnectionSettings
from cnn.convolution.connections import convolve_volume
from cnn.video import write_mp4

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 40_000


def test_C11_the_curriculums_counts(open_page: Opener) -> None:
    page = open_page("connections")
    count = {
        kind: page.locator(f'[data-count="{kind}"]')
        for kind in ("fully_connected", "locally_connected", "convolution")
    }
    expect(count["fully_connected"]).to_have_text("10,000,000,000", timeout=PATIENCE)
    expect(count["convolution"]).to_have_text("10")
    page.get_by_role("button", name="100 × 100 pixels, 1,000 units").click()
    expect(count["fully_connected"]).to_have_text("10,000,000")
    page.get_by_label("Channels", exact=True).fill("3")
    page.get_by_label("Channels", exact=True).press("Enter")
    expect(count["convolution"]).to_have_text("28")  # 3² · 3 + 1
    expect(page.locator('[data-view="convolution"] .title')).to_contain_text("3 weights, 18 connections")
    page.wait_for_url(re.compile("channels=3"), timeout=PATIENCE)


def test_C12_a_shifted_picture_live(open_page: Opener) -> None:
    page = open_page("connections?view=shift&pic=cat")
    share = {row: page.locator(f'[data-share="{row}"]') for row in ("picture", "map", "pooled", "dense")}

    def shown(**values: int) -> None:
        study = study_of(picture_of("cat"), ConnectionSettings(view="shift", **values))
        expect(share["pooled"]).to_have_text(f"{100 * study.pooled_equal:.1f} %", timeout=PATIENCE)
        expect(share["dense"]).to_have_text(f"{100 * study.dense_equal:.1f} %")
        expect(share["map"]).to_have_text("100.0 %")

    shown()
    page.locator(".panel").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(share["picture"]).to_have_text("2 right, 1 down", timeout=PATIENCE)
    shown(right=2, down=1)
    page.wait_for_url(re.compile("right=2&down=1"), timeout=PATIENCE)


def test_C14_stacks(open_page: Opener) -> None:
    page = open_page("connections?view=stacks&c=10")
    expect(page.locator('[data-fact="stack-weights"]')).to_have_text("2,700", timeout=PATIENCE)
    expect(page.locator('[data-fact="single-weights"]')).to_have_text("4,900")
    page.get_by_label("What", exact=True).select_option("factorised")
    expect(page.locator('[data-fact="stack-pair"]')).to_have_text("6")
    expect(page.locator('[data-fact="stack-field"]')).to_have_text("3 × 3")


def test_C15_ones_own_sound_and_one_that_is_none(open_page: Opener) -> None:
    page = open_page("connections?view=sound&taps=3")
    expect(page.locator(".panel")).to_contain_text("4 filters of 1 × 3 → 4 × 8,320", timeout=PATIENCE)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(22050)
        sound.writeframes(np.repeat(np.arange(2000, dtype="<i2"), 2).tobytes())
    chooser = page.locator('.panel input[type="file"]')
    chooser.set_input_files({"name": "<b>x.wav", "mimeType": "audio/wav", "buffer": file.getvalue()})
    expect(page.locator(".panel")).to_contain_text("1 × 2,000 samples", timeout=PATIENCE)
    chooser.set_input_files({"name": "x.wav", "mimeType": "audio/wav", "buffer": b"RIFF no sound at all"})
    expect(page.locator(".notice")).to_contain_text("no sound that the browser can play", timeout=PATIENCE)


def test_C15_video_numbers_and_ones_own_video(open_page: Opener, tmp_path: Path) -> None:
    page = open_page("connections?view=video&frame=20")
    output = page.locator('.videos .view[data-view="output"] canvas.over')
    expect(page.locator(".place")).to_have_text("frame 20 of 58", timeout=PATIENCE)
    box = output.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    expect(page.locator(".sentence")).to_contain_text("is the sum of these 27 products")
    row, column, value = re.findall(r"[−\d.]+", page.locator(".sentence").inner_text().replace("27", ""))[:3]
    wanted = convolve_volume(bundled_video()[:, 19:22], video_bank())[0, 0, int(row), int(column)]
    assert float(value.rstrip(".").replace("−", "-")) == pytest.approx(float(wanted), abs=0.001)
    frames = [torch.full((3, 40, 60), 20 * n, dtype=torch.uint8) for n in range(10)]
    write_mp4(tmp_path / "own.mp4", frames, 10)
    page.locator('.panel input[type="file"]').set_input_files(tmp_path / "own.mp4")
    expect(page.locator('.view[data-view="frame"] .shape')).to_have_text("60 × 40", timeout=PATIENCE)


@pytest.mark.parametrize("view", ["weights", "shift", "stacks", "sound", "video"])
def test_C15_on_a_phone_nothing_sticks_out(open_page: Opener, view: str) -> None:
    page = open_page(f"connections?lang=ko&view={view}", width=390, height=844, dark=True)
    expect(page.locator(".panel > *").first).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
