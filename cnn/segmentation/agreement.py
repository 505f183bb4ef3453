"""How far two runtimes are apart in the classes of a picture's pixels."""

from __future__ import annotations

from torch import Tensor

__all__ = ["CLASS_TOLERANCE", "class_distance"]

CLASS_TOLERANCE = 0.01
"""Another runtime may be farther from torch's float32 by this than torch's own 16 bits are."""


def class_distance(first: Tensor, second: Tensor) -> float:
    """The share of pixels, 0..1, with another class in the second map of logits (1, K, h, w); for a network of one class
    the mean distance of its probabilities. 1 where numbers are not finite or the shapes differ."""
    if first.shape != second.shape or not bool(second.isfinite().all()):
        return 1.0
    if first.shape[1] == 1:
        return float((first.sigmoid() - second.sigmoid()).abs().mean())
    return float((first.argmax(1) != second.argmax(1)).float().mean())
