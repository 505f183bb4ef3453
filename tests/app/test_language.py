"""Every text is there in both languages, with the same places to fill."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.language import LESSONS, Words

FILES = sorted(LESSONS.glob("**/*.toml"))
HANGUL = re.compile(r"[가-힣]")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(LESSONS)))
def test_both_languages_with_the_same_places(path: Path) -> None:
    for key, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        assert set(entry) == {"en", "ko"}, key
        places = [sorted(re.findall(r"\{(\w+)", entry[language])) for language in ("en", "ko")]
        assert places[0] == places[1], key
        assert entry["en"].strip(), key
        assert not HANGUL.search(entry["en"]), key


def test_a_screen_falls_back_on_the_shell() -> None:
    words = Words("ko", "server", "status")
    assert words("share") == "공유"
    assert words("start") == "시작"
    with pytest.raises(KeyError):
        words("no such text")


@pytest.mark.parametrize("path", sorted(LESSONS.glob("**/ko.md")), ids=lambda p: str(p.relative_to(LESSONS)))
def test_lessons_share_their_formulas(path: Path) -> None:
    texts = [path.with_name(f"{language}.md").read_text(encoding="utf-8") for language in ("en", "ko")]
    formulas = [sorted(re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL)) for text in texts]
    assert formulas[0] == formulas[1]
    assert HANGUL.search(texts[1])
