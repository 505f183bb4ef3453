"""A screen outlives the cleanup of an overtaken call, and ends when its place leaves the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PLACE = """
const made = [];
class Thing { constructor(root) { this.updates = 0; this.closed = 0; made.push(this); }
  update() { this.updates += 1; } close() { this.closed += 1; } }
const place = document.createElement("div");
place.attachShadow({ mode: "open" }).innerHTML = '<p class="thing"></p>';
document.body.append(place);
const show = mounted(Thing, ".thing"), component = { parentElement: place.shadowRoot };
const seen = () => made.map((thing) => [thing.updates, thing.closed]);
"""


def test_an_overtaken_calls_cleanup_leaves_the_screen_alone(javascript: Callable[..., Any]) -> None:
    script = (
        f"(() => {{ {PLACE} const first = show(component); show(component); first(); show(component); "
        "const stays = seen(); place.remove(); return stays; })()"
    )
    assert javascript("shared/mounted.js", script) == [[3, 0]]


def test_a_place_that_leaves_the_page_closes_its_screen_once(javascript: Callable[..., Any]) -> None:
    script = f"(() => {{ {PLACE} const first = show(component), last = show(component); place.remove(); last(); first(); return seen(); }})()"
    assert javascript("shared/mounted.js", script) == [[2, 1]]


def test_a_place_filled_anew_gets_a_new_screen(javascript: Callable[..., Any]) -> None:
    script = (
        f"(() => {{ {PLACE} show(component); place.shadowRoot.innerHTML = '<p class=\"thing\"></p>'; show(component); "
        "const found = seen(); place.remove(); return found; })()"
    )
    assert javascript("shared/mounted.js", script) == [[1, 1], [1, 0]]
