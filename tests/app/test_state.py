"""FAULTS C1: whatever the address bar holds, a page gets typed values in range."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.state import GLOBAL, SCREENS, Choice, Flag, Integer, Note, Number, Text, parsed, query_text

TABLE = (
    Choice("mode", ("valid", "same"), "valid"),
    Integer("stride", 1, 8, 2),
    Number("angle", -180.0, 180.0, 23.0),
    Flag("flip", False),
    Text("name", r"[a-z]{1,5}", "abc"),
)
JUNK = (
    "", " ", "nan", "inf", "-inf", "1e999", "-1", "0", "99999999999999999999", "2.6", "True", "0x10", "１２", "٣", "null",
    "<script>alert(1)</script>", "![](http://example.com/a.png)", "../../etc/passwd", "file:///etc/passwd", "__import__('os')",
    "http://169.254.169.254/", "a" * 100_000, "\x00", "😀", "%00", "[1,2", "{}", "';DROP TABLE x;--", "−3",
)  # fmt: skip


def in_range(values: dict[str, object]) -> bool:
    angle = values["angle"]
    return (
        values["mode"] in ("valid", "same")
        and isinstance(values["stride"], int)
        and 1 <= values["stride"] <= 8
        and isinstance(angle, float)
        and math.isfinite(angle)
        and -180 <= angle <= 180
        and isinstance(values["flip"], bool)
        and re.fullmatch("[a-z]{1,5}", str(values["name"])) is not None
    )


@pytest.mark.parametrize("junk", JUNK)
def test_fault_C1_junk_becomes_the_nearest_valid_value(junk: str) -> None:
    values, notes = parsed(TABLE, {p.name: junk for p in TABLE} | {junk: junk})
    assert in_range(values)
    assert all(isinstance(note, Note) and len(note.got) <= 60 for note in notes)


@given(st.dictionaries(st.sampled_from([p.name for p in TABLE]), st.text(max_size=40)))
def test_fault_C1_any_text(query: dict[str, str]) -> None:
    assert in_range(parsed(TABLE, query)[0])


def test_out_of_range_is_clamped_and_told() -> None:
    values, notes = parsed(TABLE, {"stride": "99", "angle": "23.0", "mode": "same"})
    assert values["stride"] == 8
    assert values["mode"] == "same"
    assert [(n.name, n.got, n.used) for n in notes] == [("stride", "99", "8")]


@pytest.mark.parametrize("slug", sorted({"", *SCREENS}))
def test_every_screen_round_trips_its_defaults_and_needs_no_address(slug: str) -> None:
    table = GLOBAL + SCREENS.get(slug, ())
    assert len({p.name for p in table}) == len(table)
    values, notes = parsed(table, {})
    assert not notes
    assert query_text(table, values) == {}
    again, notes = parsed(table, {p.name: p.format(values[p.name]) for p in table})
    assert again == values
    assert not notes


@pytest.mark.parametrize("slug", sorted(SCREENS))
@pytest.mark.parametrize("junk", JUNK)
def test_fault_C1_every_screen(slug: str, junk: str) -> None:
    values, _ = parsed(SCREENS[slug], {p.name: junk for p in SCREENS[slug]})
    again, notes = parsed(SCREENS[slug], {p.name: p.format(values[p.name]) for p in SCREENS[slug]})
    assert again == values
    assert not notes
