"""Words on screen, in English and Korean.

Every text lives in a TOML file: `app/lessons/shell.toml` for what several screens share, and
`app/lessons/<section>/<slug>/labels.toml` for one screen. An entry is a table with one line a language:

    [share]
    en = "Share"
    ko = "공유"

Options and keys in code are ids; only their labels are translated.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "ko": "한국어"}
LESSONS = Path(__file__).parent / "lessons"


@cache
def _entries(path: Path) -> dict[str, dict[str, str]]:
    with path.open("rb") as file:
        return tomllib.load(file)


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one screen in one language; a key that the screen lacks is looked up in the shell's."""

    language: str
    section: str = ""
    slug: str = ""

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text under `key` with `{name}` places filled.

        Raises:
            KeyError: neither the screen's file nor the shell's has the key.
        """
        return self._entry(key)[self.language].format(**values) if values else self._entry(key)[self.language]

    def has(self, key: str) -> bool:
        """Say whether `key` can be looked up."""
        return key in self.every()

    def every(self) -> dict[str, str]:
        """Return all texts, the shell's and the screen's, for a browser-side component."""
        entries = dict(_entries(LESSONS / "shell.toml"))
        if self.slug:
            entries |= _entries(self._folder / "labels.toml")
        return {key: entry[self.language] for key, entry in entries.items()}

    def own(self) -> dict[str, str]:
        """Return the screen's own texts only."""
        return {key: entry[self.language] for key, entry in _entries(self._folder / "labels.toml").items()}

    def lesson(self) -> str:
        """Return the screen's lesson (Markdown with formulas)."""
        return (self._folder / f"{self.language}.md").read_text(encoding="utf-8")

    @property
    def _folder(self) -> Path:
        return LESSONS / self.section / self.slug

    def _entry(self, key: str) -> dict[str, str]:
        if self.slug:
            own = _entries(self._folder / "labels.toml")
            if key in own:
                return own[key]
        return _entries(LESSONS / "shell.toml")[key]
