"""What the classes of pixels are called on screen."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache

from app.language import LESSONS


def names(categories: Sequence[str], language: str) -> list[str]:
    """Return what the classes are called; one that has no translation keeps its own name."""
    return [_texts().get(name, {}).get(language, name.replace("_", " ")) for name in categories]


@cache
def _texts() -> dict[str, dict[str, str]]:
    with (LESSONS / "segmentation" / "classes.toml").open("rb") as file:
        return tomllib.load(file)
