"""The learned-filters screen as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.figures.convolution.learned_filters import trace_of
from app.pictures import picture_of
from cnn.convolution.learning_settings import LearningSettings

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
PATIENCE = 40_000


def opened(open_page: Opener, query: str, **options: Any) -> Page:
    page = open_page(f"learned_filters?{query}", **options)
    expect(page.locator(".verdict")).to_contain_text(
        "tep" if "lang=ko" not in query else "단계", timeout=PATIENCE
    )
    return page


def weights(page: Page) -> list[float]:
    texts = page.locator('[data-grid="now"] .weight-cells span').all_inner_texts()
    return [float(text.replace("−", "-")) for text in texts]


def test_C10_a_link_restores_the_step_and_its_weights(open_page: Opener) -> None:
    page = opened(open_page, "pic=coffee&step=250")
    expect(page.locator(".verdict")).to_contain_text("Step 250.", timeout=PATIENCE)
    expect(page.locator(".verdict")).to_contain_text("All weights are within 0.01 since step")
    wanted = trace_of(picture_of("coffee"), LearningSettings(step=250)).weights[-1].flatten().tolist()
    assert weights(page) == pytest.approx(wanted, abs=0.0006)
    assert max(abs(a - b) for a, b in zip(weights(page), (1, 0, -1, 2, 0, -2, 1, 0, -1), strict=True)) < 0.011


def test_C10_learning_runs_pauses_steps_and_resets(open_page: Opener) -> None:
    page = opened(open_page, "")
    first = weights(page)
    page.get_by_role("slider", name="Speed").fill("7")
    page.locator('[data-do="play"]').click()
    expect(page.locator(".verdict")).to_contain_text("within 0.01 since", timeout=PATIENCE)
    page.locator('[data-do="play"]').click()
    page.wait_for_url(re.compile(r"step=\d+"), timeout=PATIENCE)
    page.locator('[data-do="reset"]').click()
    expect(page.locator(".verdict")).to_contain_text("Step 0.", timeout=PATIENCE)
    assert weights(page) == first
    page.locator('[data-do="step_on"]').click()
    expect(page.locator(".verdict")).to_contain_text("Step 1.", timeout=PATIENCE)
    assert weights(page) != first


def test_C10_steering_changes_what_comes_and_the_code(open_page: Opener) -> None:
    page = opened(open_page, "step=40")
    expect(page.locator(".verdict")).to_contain_text("Step 40.", timeout=PATIENCE)
    page.get_by_label("Learner", exact=True).select_option("adam")
    page.wait_for_url(re.compile(r"plan=0m1n0_40a1n0"), timeout=PATIENCE)
    page.get_by_label("Map of", exact=True).select_option("laplacian")
    expect(page.locator(".verdict")).to_contain_text("Step 0.", timeout=PATIENCE)
    expect(page.locator('[data-grid="wanted"] .weight-cells span').nth(4)).to_have_text(
        "−4.000", timeout=PATIENCE
    )


def test_C10_on_a_phone_nothing_sticks_out(open_page: Opener) -> None:
    page = opened(open_page, "lang=ko&kernel=7", width=390, height=844, dark=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_fault_A6_a_flat_picture_is_explained(open_page: Opener) -> None:
    page = open_page("learned_filters?pic=matrix&m=5,5;5,5")
    expect(page.locator(".notice")).to_contain_text("single gray", timeout=PATIENCE)
