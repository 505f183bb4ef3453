"""Fails when a test was skipped or a kind of test did not run at all; CI's last step."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

KINDS = ("tests.cnn.", "tests.app.", "tests.pages.", "tests.figures.", "tests.browser.")
"""Every folder of tests must have run."""
ALLOWED_SKIPS = ("needs a GPU",)


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
            found.append(f"skipped: {case.get('classname')}.{case.get('name')}: {skipped.get('message')}")
    return found


if __name__ == "__main__":
    wrong = complaints(Path(sys.argv[1]))
    print("\n".join(wrong) or "every kind of test ran, none was skipped")
    sys.exit(bool(wrong))
