"""Networks by their names, as a job or a worker is told them: one that ships, or a downloaded one."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from cnn.weights.builtin import load_builtin
from cnn.weights.pretrained import load_pretrained, pretrained_record

__all__ = ["as_network", "load_named"]


def load_named(name: str) -> nn.Module:
    """The network that ships under `name` ("yolo-cells"), or the downloaded one ("resnet50/IMAGENET1K_V2").

    Raises:
        KeyError: no such record. BuiltinError, WeightsError: its file is not there, or damaged.
    """
    return load_pretrained(pretrained_record(name)) if "/" in name else load_builtin(name)


def as_network(model: nn.Module | str | Callable[[], nn.Module]) -> nn.Module:
    """The network itself, the one of that name (:func:`load_named`), or the one that the function makes.

    Raises:
        As :func:`load_named`.
    """
    if isinstance(model, nn.Module):
        return model
    return load_named(model) if isinstance(model, str) else model()
