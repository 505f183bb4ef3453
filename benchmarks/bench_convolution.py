"""Budget B5: convolution of small filters on 12 megapixels beside OpenCV, in one process, in turn."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch

from benchmarks.measure import Line, best_of, table
from cnn.convolution.convolution import convolve, warm_up
from cnn.convolution.filters import bank_weight, filter_weight
from cnn.convolution.gradient import gradient

BUDGETS = ("B5",)
HEIGHT, WIDTH, ROUNDS = 3000, 4000, 9


def _line(what: str, budget: float, ours: Callable[[], object], reference: Callable[[], object]) -> Line:
    figure, beside = (seconds * 1e3 for seconds in best_of([ours, reference], ROUNDS))
    return Line("B5", what, figure, "ms", budget, beside)


def _filter_line(size: int, channels: int, kind: type[np.generic], budget: float) -> Line:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, channels), dtype=np.uint8)
    theirs = noise.astype(kind)
    ours = torch.from_numpy(np.ascontiguousarray(theirs.transpose(2, 0, 1)))
    weight = filter_weight("random", kernel_size=size)
    bank = bank_weight([weight], channels, "each")
    return _line(
        f"{size}×{size} on {channels} × 12 MP {np.dtype(kind).name} / cv2.filter2D",
        budget,
        lambda: convolve(ours, bank.weight, padding="same", padding_mode="reflect", groups=bank.groups),
        lambda: cv2.filter2D(theirs, cv2.CV_32F, weight.numpy()),
    )


def _magnitude_line(kind: type[np.generic]) -> Line:
    theirs = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8).astype(kind)
    ours = torch.from_numpy(theirs)
    return _line(
        f"Sobel magnitude of 12 MP {np.dtype(kind).name} / cv2.Sobel twice, cv2.magnitude",
        0.3,
        lambda: gradient(ours, "sobel", direction=False),
        lambda: cv2.magnitude(cv2.Sobel(theirs, cv2.CV_32F, 1, 0), cv2.Sobel(theirs, cv2.CV_32F, 0, 1)),
    )


def measure() -> list[Line]:
    """All lines of budget B5."""
    warm_up()
    lines = []
    for size, budget in ((3, 0.8), (7, 0.9)):
        for channels in (1, 3):
            lines += [_filter_line(size, channels, kind, budget) for kind in (np.uint8, np.float32)]
    return [*lines, *(_magnitude_line(kind) for kind in (np.uint8, np.float32))]


if __name__ == "__main__":
    print(table(measure()))
