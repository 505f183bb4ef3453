"""What the classes of pixels are called on screen, and which pictures the shipped networks know."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache

from app.language import LESSONS
from cnn.images.tissue import TISSUE_ID

FITTING = {"unet-street": ("temple", "camera"), "unet-membrane": (TISSUE_ID,)}
"""Built-in pictures that a network can make sense of: the street one knows sky, trees, buildings and ground."""


def names(categories: Sequence[str], language: str) -> list[str]:
    """Return what the classes are called; one that has no translation keeps its own name."""
    return [_texts().get(name, {}).get(language, name.replace("_", " ")) for name in categories]


@cache
def _texts() -> dict[str, dict[str, str]]:
    with (LESSONS / "segmentation" / "classes.toml").open("rb") as file:
        return tomllib.load(file)
