"""The live functions of the screens, by slug, in one list; a screen's module is loaded at its first request."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from app.pictures import CurrentPicture
from app.routes.live import KINDS, LIGHT, LiveKind

MODULES = {
    "convolution": "app.figures.convolution.convolution",
    "receptive_field": "app.figures.convolution.receptive_field",
}
"""Modules with `live_block(parameters, picture) -> bytes`."""

QUICK = ("convolution",)
"""Those that answer within milliseconds; all others run networks and must not make these wait."""


def register() -> None:
    """Fill `KINDS`; called once by the server before it answers."""
    LIGHT.update(QUICK)
    for slug, module in MODULES.items():
        KINDS[slug] = _kind(module)


def _kind(module: str) -> LiveKind:
    def answer(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
        block: bytes = importlib.import_module(module).live_block(parameters, picture)
        return block

    return answer
