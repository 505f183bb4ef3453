"""The attribution screen as a visitor sees it: heat on the photo, another class, slow maps by a job, curves."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

Opener = Callable[..., Page]
CHOSEN = ".cell[aria-pressed=true]"
INK = """(selector) => { const c = document.querySelector('.stAppViewContainer') || document;
  const find = (root) => { for (const e of root.querySelectorAll('*')) { if (e.matches?.(selector)) return e;
    if (e.shadowRoot) { const found = find(e.shadowRoot); if (found) return found; } } return null; };
  const canvas = find(c); if (!canvas || canvas.width < 9) return '';
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0; for (let i = 0; i < data.length; i += 4) sum = (sum * 31 + data[i] * 7 + data[i + 1] * 3 + data[i + 3]) % 1000003;
  return String(sum); }"""
"""The fingerprint of a canvas's pixels; "" while nothing is painted."""


def painted(page: Page, selector: str, other_than: str = "") -> str:
    page.wait_for_function(
        f"(a) => {{ const now = ({INK})(a[0]); return now && now !== a[1]; }}",
        arg=[selector, other_than],
        timeout=60_000,
    )
    return str(page.evaluate(INK, selector))


def test_every_method_is_there_and_another_class_moves_the_heat(open_page: Opener) -> None:
    page = open_page("attribution")
    expect(page.locator(".cam-table .cell")).to_have_count(24, timeout=60_000)
    expect(page.locator(".class").first).to_contain_text("church")
    expect(page.locator(".column-head").first).to_contain_text("suggested")
    before = painted(page, ".cam-table .cell canvas")
    page.locator(".class", has_text="golf ball").click()
    expect(page.locator(".class[aria-checked=true]")).to_contain_text("golf ball")
    painted(page, ".cam-table .cell canvas", before)
    expect(page.locator("[data-map=saliency]")).to_have_attribute("data-state", "there", timeout=60_000)
    page.wait_for_url("**target=7**")
    page.locator(".frame .over").hover(position={"x": 120, "y": 150})
    expect(page.locator(".readout")).to_contain_text("of the largest")
    expect(page.locator("[data-map=saliency] .spot")).to_be_visible()


def test_opacity_is_drawn_in_the_browser_and_the_link_restores_the_view(open_page: Opener) -> None:
    page = open_page("attribution?method=layer_cam&layer=stage1.1.relu2&signed=1&opacity=40")
    expect(page.locator(CHOSEN)).to_have_attribute("data-map", "layer_cam@stage1.1.relu2", timeout=60_000)
    expect(page.get_by_label("Evidence against")).to_be_checked()
    before = painted(page, ".frame .base")
    page.get_by_role("slider", name="Opacity").fill("100")
    painted(page, ".frame .base", before)
    page.wait_for_url("**opacity=100**")


def test_occlusion_is_made_by_a_job_and_tested_by_curves(open_page: Opener) -> None:
    page = open_page("attribution?net=tiny-vgg&window=coarse")
    page.locator("[data-map=occlusion]").click(timeout=60_000)
    expect(page.locator("[data-map=occlusion]")).to_have_attribute("data-state", "there", timeout=120_000)
    expect(page.locator("[data-act=measure]")).to_be_visible(timeout=120_000)
    page.locator("[data-act=measure]").click()
    expect(page.locator(".area.deletion b")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("button", name="Test again")).to_be_visible(timeout=120_000)
    assert 0 <= float(page.locator(".area.deletion b").inner_text()) <= 1
    expect(page.get_by_role("button", name="Curves (CSV)")).to_be_visible()


def test_a_slow_network_shows_an_estimate_that_ends_when_one_moves_on(open_page: Opener) -> None:
    page = open_page("attribution?net=random.resnet50.0&window=fine")
    cell = page.locator("[data-map=occlusion]")
    expect(page.locator(".class").first).to_be_visible(timeout=120_000)
    cell.click(timeout=60_000)
    expect(cell).to_have_attribute("data-state", "estimate", timeout=180_000)
    painted(page, "[data-map=occlusion] canvas")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".why")).to_contain_text("An estimate from")
    page.locator("[data-map=saliency]").click()
    expect(cell.locator(".note")).to_contain_text("stopped at", timeout=60_000)
    cell.click()  # and once more, from the beginning
    expect(page.locator("[data-act=stop]")).to_be_visible(timeout=60_000)
    page.locator("[data-act=stop]").click()
    expect(page.locator("[data-act=make]")).to_be_visible(timeout=60_000)


def test_narrow_and_korean(open_page: Opener) -> None:
    page = open_page("attribution?lang=ko", width=390, height=844, dark=True)
    expect(page.locator(".cam-table .cell")).to_have_count(24, timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_placeholder("다른 클래스 찾기…").fill("없는 것")
    page.get_by_placeholder("다른 클래스 찾기…").press("Enter")
    expect(page.locator(".search-note")).to_contain_text("그런 클래스가 없습니다")
