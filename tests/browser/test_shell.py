"""What a visitor sees of the frame: pictures in, languages, links, errors, a phone, a restart."""

from __future__ import annotations

import base64
import io
import re
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.wire import unpack
from tests.browser.conftest import Server, start_server
from tests.browser.protocol import Visitor, exceptions_in

Opener = Callable[..., Page]
RED, BLUE = (200, 30, 40), (20, 60, 220)


def picture_bytes(colour: tuple[int, int, int], kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


def mean_colour(page: Page, selector: str) -> np.ndarray:
    """Return the mean colour of a picture on the page, as the browser shows it."""
    script = """(image) => { const c = document.createElement("canvas"); c.width = c.height = 8;
      const g = c.getContext("2d"); g.drawImage(image, 0, 0, 8, 8); return [...g.getImageData(0, 0, 8, 8).data]; }"""
    page.wait_for_function(
        "(s) => s.complete && s.naturalWidth > 0", arg=page.locator(selector).first.element_handle()
    )
    data = page.locator(selector).first.evaluate(script)
    return np.array(data, float).reshape(-1, 4)[:, :3].mean(0)


def expect_colour(page: Page, colour: tuple[int, int, int]) -> None:
    """Wait until the toolbar's thumbnail has the colour."""
    for _ in range(200):
        if np.abs(mean_colour(page, ".thumb") - colour).max() < 12:
            return
        page.wait_for_timeout(150)
    said = page.evaluate(
        "[...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean)"
        ".flatMap((r) => [...r.querySelectorAll('.bad, .said')].map((e) => e.textContent))"
    )
    raise AssertionError(f"expected {colour}, got {mean_colour(page, '.thumb')}; the page says {said}")


def upload(page: Page, data: bytes, name: str = "photo.png", mime: str = "image/png") -> None:
    page.locator(".picture").click()
    page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": mime, "buffer": data})


def test_an_upload_is_the_current_picture_everywhere(open_page: Opener) -> None:
    page = open_page("status")
    upload(page, picture_bytes(RED))
    expect_colour(page, RED)
    assert "pic=u-" in page.url
    page.goto(page.url)  # the link restores it
    expect_colour(page, RED)
    page.locator(".picture").click()
    expect(page.locator(".sheet")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".sheet")).to_be_hidden()


def test_several_pictures_at_once_and_back_again(open_page: Opener) -> None:
    page = open_page("status")
    page.locator(".picture").click()
    files: list[Any] = [
        {"name": f"{n}.png", "mimeType": "image/png", "buffer": picture_bytes(c)}
        for n, c in enumerate((RED, BLUE))
    ]
    page.locator("input[type=file]").first.set_input_files(files)
    expect_colour(page, BLUE)
    page.locator(".picture").click()
    mine = page.locator(".sheet section").first.locator(".card")
    expect(mine).to_have_count(2)
    mine.nth(1).click()
    expect_colour(page, RED)


def dropped(page: Page, event: str, data: bytes) -> None:
    script = """([event, data]) => { const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const transfer = new DataTransfer(); transfer.items.add(new File([bytes], "x.png", { type: "image/png" }));
      const made = event === "drop" ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
      document.body.dispatchEvent(made); }"""
    page.evaluate(script, [event, base64.b64encode(data).decode()])


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_drop_and_paste(open_page: Opener, event: str) -> None:
    page = open_page("status")
    expect(
        page.locator(".picture-name")
    ).not_to_be_empty()  # the bar's script has run, not only its markup come
    dropped(page, event, picture_bytes(BLUE))
    expect_colour(page, BLUE)


def test_camera_snapshot(open_page: Opener) -> None:
    page = open_page("status")
    page.locator(".picture").click()
    page.get_by_role("button", name="Camera", exact=True).click()
    page.get_by_role("button", name="Take the picture").click()
    page.wait_for_url("**pic=u-**")
    for _ in range(40):
        if (
            np.ptp(mean_colour(page, ".thumb")) > 60
        ):  # the fake camera's green; no built-in picture is that green
            return
        page.wait_for_timeout(150)
    raise AssertionError(mean_colour(page, ".thumb"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (picture_bytes(RED)[:60], "damaged|incomplete|Save"),
        (b"<html><script>alert(1)</script></html>", "HTML"),
        (b"%PDF-1.4 not a picture", "PDF"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
    ],
    ids=["empty", "cut", "html", "pdf", "heic"],
)
def test_fault_A3_A5_a_bad_file_gets_one_sentence_and_costs_nothing(
    open_page: Opener, data: bytes, says: str
) -> None:
    page = open_page("status?pic=dahlia")
    expect(page.locator(".thumb")).to_be_visible()
    before = mean_colour(page, ".thumb")
    upload(page, data, "holiday.png")
    message = page.locator(".sheet .zone .bad")
    expect(message).to_have_text(re.compile(says, re.IGNORECASE))
    assert len(message.inner_text().split(". ")) <= 3
    assert np.allclose(mean_colour(page, ".thumb"), before)


def test_fault_F1_a_file_name_is_never_shown_as_markup(open_page: Opener) -> None:
    page = open_page("status")
    upload(
        page, picture_bytes(RED), '"><img src=x onerror="window.broken=1">![](http://example.com/a.png).png'
    )
    expect_colour(page, RED)
    assert page.evaluate("window.broken") is None
    assert "onerror" not in page.content()


def test_typed_numbers_become_the_picture(open_page: Opener) -> None:
    page = open_page("status")
    page.locator(".picture").click()
    page.locator(".numbers").fill("0 255\n255 0")
    page.get_by_role("button", name="Use these numbers").click()
    page.wait_for_function("decodeURIComponent(location.search).includes('pic=matrix')")
    page.wait_for_function("decodeURIComponent(location.search).includes('m=0,255;255,0')")
    page.locator(".picture").click()
    page.locator(".numbers").fill("1 2\n3")
    page.get_by_role("button", name="Use these numbers").click()
    expect(page.get_by_role("alert").filter(has_text="row").first).to_be_visible()


def test_language_switches_at_once_and_stays(open_page: Opener) -> None:
    page = open_page("status")
    expect(page.locator("h1.title")).to_have_text("Server and jobs")
    page.get_by_role("radio", name="한국어").click()
    expect(page.locator("h1.title")).to_have_text("서버와 작업")
    assert "lang=ko" in page.url
    page.reload()
    expect(page.locator("h1.title")).to_have_text("서버와 작업")


@pytest.mark.parametrize("dark", [False, True])
def test_theme_follows_the_system(open_page: Opener, dark: bool) -> None:
    page = open_page("status", dark=dark)
    expect(page.locator(".thumb")).to_be_visible()
    wanted = "rgb(18, 20, 23)" if dark else "rgb(255, 255, 255)"
    expect(page.locator(".stApp")).to_have_css("background-color", wanted)
    expect(page.locator(".stApp")).to_have_css("font-family", re.compile("Pretendard"))
    page.wait_for_function("document.fonts.check('16px Pretendard')")


def test_share_copies_the_link(open_page: Opener) -> None:
    page = open_page("status?pic=dahlia&lang=ko")
    expect(page.locator("h1.title")).to_have_text("서버와 작업")
    page.locator(".share").click()
    expect(page.locator(".said")).to_have_text("링크를 복사했습니다")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


@pytest.mark.parametrize("path", ["", "status", "convolution"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_nothing_is_wider_than_a_phone(open_page: Opener, path: str, language: str) -> None:
    page = open_page(f"{path}?lang={language}", width=390, height=844)
    expect(page.locator("h1.title")).to_be_visible()
    page.wait_for_timeout(800)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_home_finds_screens(open_page: Opener) -> None:
    page = open_page("")
    for slug in ("convolution", "transfer_learning"):  # made after the page is there, one by one
        picture = page.locator(f".card[data-slug={slug}] img")
        expect(picture).to_have_attribute("src", re.compile("^data:image/jpeg"))
        assert (
            picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") >= 180
        )
    page.locator(".search").fill("no such thing")
    expect(page.locator(".none")).to_contain_text("no such thing")
    page.locator(".search").fill("스트라이드")
    page.keyboard.press("Enter")
    page.wait_for_url("**/convolution**")
    expect(page.locator("h1.title")).to_have_text("Convolution")


def test_demo_job_runs_steers_pauses_and_stops(open_page: Opener) -> None:
    page = open_page("status?pic=dahlia")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=15_000)
    expect(page.get_by_text(re.compile(r"^Step \d+ of 200"))).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Stop").first.click()
    expect(
        page.get_by_text("Stopped", exact=True).or_(page.get_by_text("Finished", exact=True))
    ).to_be_visible()


def toolbar_picture(messages: list[ForwardMsg]) -> np.ndarray:
    """Return the mean colour of the thumbnail that a run of the script gave to its toolbar."""
    for message in messages:
        element = message.delta.new_element
        if element.WhichOneof("type") == "bidi_component" and element.bidi_component.component_name.endswith(
            "toolbar"
        ):
            header, _ = unpack(element.bidi_component.bytes)
            data = base64.b64decode(header["picture"]["thumb"].split(",")[1])
            return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float).reshape(-1, 3).mean(0)
    raise LookupError("no toolbar among the messages")


def test_fault_E1_a_killed_server_comes_back_with_picture_and_settings(
    open_page: Opener, tmp_path: Path
) -> None:
    first = start_server(tmp_path)
    page = open_page("status?lang=ko", base=first.url)
    upload(page, picture_bytes(RED))
    expect_colour(page, RED)
    address = page.url.split("?", 1)[1]
    with ExitStack() as crowd:
        for _ in range(29):
            crowd.enter_context(Visitor(first.url, "status", address)).rerun()
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(5)
    # while nobody answers, one more picture: it waits for the server
    upload(page, picture_bytes(BLUE), "blue.png")
    second: Server = start_server(tmp_path, port=int(first.url.rsplit(":", 1)[1]))
    try:
        expect(page.locator("h1.title")).to_have_text("서버와 작업")
        expect_colour(page, BLUE)
        for _ in range(29):
            with Visitor(second.url, "status", address) as visitor:
                messages = visitor.rerun()
                assert not exceptions_in(messages)
                assert np.abs(toolbar_picture(messages) - RED).max() < 12
        page.reload()
        expect_colour(page, BLUE)
        assert "lang=ko" in page.url
    finally:
        second.process.kill()


@pytest.mark.parametrize("path", ["", "status"])
def test_a_page_knows_where_its_server_is(open_page: Opener, path: str) -> None:
    page = open_page(path)
    expect(page.locator(".thumb")).to_be_visible()
    asked = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert any("/static/js/" in url for url in asked)
    assert not [url for url in asked if "status/_stcore" in url]  # not a wrong address first
