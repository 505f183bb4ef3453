"""Weights: a person's own, those that ship, torchvision's. Names are loaded when they are first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnn.weights.builtin import BUILTIN, load_builtin
    from cnn.weights.errors import WeightsError
    from cnn.weights.load import load_weights
    from cnn.weights.pretrained import PRETRAINED

__all__ = ["BUILTIN", "PRETRAINED", "WeightsError", "load_builtin", "load_weights"]

_HOMES = {
    "BUILTIN": "builtin",
    "PRETRAINED": "pretrained",
    "WeightsError": "errors",
    "load_builtin": "builtin",
    "load_weights": "load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
