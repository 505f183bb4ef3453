"""Transfer learning as a visitor sees it: a head trained live, own pictures from a folder, a link that restores it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server

Opener = Callable[..., Page]
START = "[data-stage=head] [data-act=start]"


def two_kinds(folder: Path) -> Path:
    """A folder of folders: reddish and bluish noise, and one file that is no picture."""
    noise = np.random.default_rng(0)
    for kind, colour in (("red <b>", (200, 40, 40)), ("파랑", (40, 40, 200))):
        (folder / kind).mkdir(parents=True)
        for number in range(6):
            pixels = np.clip(noise.normal(colour, 30, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{number}.png")
    (folder / "파랑" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


def trained_head(page: Page) -> None:
    page.locator(START).click()
    expect(page.locator("[data-stage=fine] [data-act=start]")).to_be_enabled(timeout=90_000)


def test_own_folder_is_learned_live_and_the_link_restores_it(open_page: Opener, tmp_path: Path) -> None:
    page = open_page("transfer_learning?net=random&augment=none&epochs=10&rate=0.03")
    expect(page.locator(START)).to_be_visible(timeout=30_000)
    page.locator("input.folder").set_input_files(two_kinds(tmp_path / "mine"))
    page.wait_for_function("location.search.includes('data=u-')", timeout=30_000)
    expect(page.locator(".tiles .kind")).to_have_text([re.compile("red <b>"), re.compile("파랑")])
    expect(page.locator(".left-out")).to_contain_text("1 left out")
    trained_head(page)
    expect(page.locator("[data-stage=head] .score b")).to_have_text("100 %")
    expect(page.locator("[data-stage=head] .status")).to_contain_text("Batch 10 of 10")
    expect(page.locator(".matrix td").nth(1)).to_have_text("1")
    expect(page.locator("button.tile")).to_have_count(2)
    expect(page.locator("[data-answers=head] .answer")).to_have_count(2)
    page.locator("button.tile").first.click()
    expect(page.locator(".about")).to_contain_text("The network says")
    with page.expect_download() as download:
        page.get_by_role("button", name="New head (safetensors)").click()
    assert Path(download.value.path()).stat().st_size > 1_000_000
    link = page.url
    assert "net=random" in link
    assert "epochs=10" in link
    page.goto(link)
    expect(page.locator(".tiles .kind").first).to_contain_text("5 to learn from, 1 held out", timeout=30_000)


def test_flowers_come_first_and_the_network_answers_before_any_training(open_page: Opener) -> None:
    page = open_page("transfer_learning", width=390, height=844)
    expect(page.locator(".tiles .kind")).to_have_count(5, timeout=30_000)
    expect(page.locator(".tile")).to_have_count(30)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("[data-stage=fine] [data-act=start]")).to_be_disabled()


def test_stop_keeps_the_result_and_pause_pauses(open_page: Opener) -> None:
    page = open_page("transfer_learning?net=random&fine_epochs=20&augment=none")
    expect(page.locator(START)).to_be_visible(timeout=30_000)
    scratch = page.locator("[data-stage=scratch]")
    scratch.locator("[data-act=start]").click()
    expect(scratch.locator(".status")).to_contain_text("Batch", timeout=60_000)
    scratch.locator("[data-act=pause]").click()
    expect(scratch.locator("[data-act=step]")).to_be_visible(timeout=30_000)
    before = scratch.locator(".status").inner_text()
    scratch.locator("[data-act=step]").click()
    expect(scratch.locator(".status")).not_to_have_text(before, timeout=30_000)
    scratch.locator("[data-act=stop]").click()
    expect(page.get_by_role("button", name="From scratch (safetensors)")).to_be_visible(timeout=60_000)


def test_a_bad_zip_gets_one_sentence(open_page: Opener) -> None:
    page = open_page("transfer_learning")
    expect(page.locator(START)).to_be_visible(timeout=30_000)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.locator("input.zip").set_input_files(
        {"name": "x.zip", "mimeType": "application/zip", "buffer": b"PK no"}
    )
    expect(page.locator(".data-set .bad")).to_contain_text("no ordinary ZIP file")


def test_uploads_need_our_token_and_origin(open_page: Opener, server: Server) -> None:
    page = open_page("transfer_learning")
    expect(page.locator(START)).to_be_visible(timeout=30_000)
    address = f"{server.url}/convscope/data-set"
    assert (
        page.request.post(
            address, data=b"PK", headers={"X-ConvScope-Token": "junk", "Origin": server.url}
        ).status
        == 403
    )
    assert page.request.post(address, data=b"PK", headers={"Origin": "http://evil.example"}).status == 403


def test_the_browsers_zip_is_one_that_python_reads(javascript: Callable[..., object]) -> None:
    expression = """[...storedZip([{ name: "고양이/1.txt", bytes: new TextEncoder().encode("hello") },
      { name: "b/2.bin", bytes: Uint8Array.from(argument) }])]"""
    packed = bytes(javascript("data_set/stored_zip.js", expression, list(range(256))))  # type: ignore[arg-type]
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.read("고양이/1.txt") == b"hello"
        assert archive.read("b/2.bin") == bytes(range(256))
