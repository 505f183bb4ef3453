"""Fails when a test was skipped, a kind of test did not run at all or many had to run twice; CI's last step."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

KINDS = ("tests.cnn.", "tests.app.", "tests.pages.", "tests.figures.", "tests.browser.")
"""Every folder of tests must have run."""
ALLOWED_SKIPS = ("needs a GPU",)
MOST_RERUNS = 3
"""Browser tests that may pass at their second try only; they are named."""


def complaints(report: Path) -> list[str]:
    """Return what is wrong with the JUnit report, one sentence each."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    found = []
    for kind in KINDS:
        if not any(case.get("classname", "").startswith(kind) for case in cases):
            found.append(f"no test ran under {kind}")
    for case in cases:
        skipped = case.find("skipped")
        if skipped is not None and not any(
            reason in (skipped.get("message") or "") for reason in ALLOWED_SKIPS
        ):
            found.append(f"skipped: {_name(case)}: {skipped.get('message')}")
    again = reruns(report)
    if len(again) > MOST_RERUNS:
        found.append(f"{len(again)} tests passed at their second try only: {', '.join(again)}")
    return found


def reruns(report: Path) -> list[str]:
    """Return the tests that passed at their second try only (`pytest_runtest_makereport` in conftest notes them)."""
    return [
        _name(case)
        for case in ElementTree.parse(report).iter("testcase")
        if any(p.get("name") == "second_try" for p in case.iter("property"))
    ]


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname')}.{case.get('name')}"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    wrong = complaints(file)
    for test in reruns(file):
        print(f"passed at the second try: {test}")
    print("\n".join(wrong) or "every kind of test ran, none was skipped")
    sys.exit(bool(wrong))
