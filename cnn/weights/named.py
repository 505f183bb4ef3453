"""Downloaded networks by their names, for workers."""

from __future__ import annotations

from torch import nn

from cnn.weights.pretrained import load_pretrained, pretrained_record

__all__ = ["load_named"]


def load_named(name: str) -> nn.Module:
    """The pretrained network under `name` ("resnet50/IMAGENET1K_V2"), whose file is there.

    Raises:
        KeyError: no such record. WeightsError: its file is not there, or damaged.
    """
    return load_pretrained(pretrained_record(name))
