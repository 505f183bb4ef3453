"""The non-linearity after z = W*a + b (curriculum C9)."""

from __future__ import annotations

import torch
from torch import Tensor

from cnn.checks import expect_choice

__all__ = ["ACTIVATIONS", "activate"]

ACTIVATIONS = ("none", "relu", "sigmoid", "tanh")


def activate(z: Tensor, name: str) -> Tensor:
    """The activation `name` of `z`, any shape; whole numbers stay whole under "none" and "relu", else
    float32.

    Raises: ValueError for another name.
    """
    expect_choice(name, ACTIVATIONS, "activation")
    if name == "none":
        return z
    if name == "relu":
        return torch.relu(z)
    real = z if z.is_floating_point() else z.to(torch.float32)
    return torch.sigmoid(real) if name == "sigmoid" else torch.tanh(real)
