"""A classifier slid over a picture crop by crop, and the same in one pass (curriculum O3)."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnn.checks import expect_image, pair
from cnn.detection.convolutional import as_convolutional
from cnn.hooks import evaluating, locked

__all__ = [
    "OnePass",
    "SlidingWindows",
    "crop_rows",
    "fitted_picture",
    "one_pass",
    "same_scores",
    "sliding_windows",
]

MOST_WINDOWS = 20_000
MOST_PIXELS = 4_000_000
BATCH_BYTES = 32 << 20
QUICK = 0.15  # seconds within which a pass is timed again


@dataclass(frozen=True, slots=True, eq=False)
class SlidingWindows:
    """Both ways on the same picture.

    Attributes:
        crop_scores: (K, R, S) logits, a window at a time. convolutional_scores: (K, R, S), all windows at
        once.
        boxes: (R, S, 4) the windows, x1 y1 x2 y2 in pixels of the picture given.
        largest_difference: between the two scores. same: whether it is no more than float32 rounding.
        padded: whether a convolution pads; then crops see zeros at their border, and the scores differ.
        crop_seconds, convolutional_seconds: of each way, without the conversion.
        crop_multiply_adds, convolutional_multiply_adds: of each way.
        window, stride: (height, width) in pixels. jump: the smallest stride the network allows.
    """

    crop_scores: Tensor
    convolutional_scores: Tensor
    boxes: Tensor
    largest_difference: float
    same: bool
    padded: bool
    crop_seconds: float
    convolutional_seconds: float
    crop_multiply_adds: int
    convolutional_multiply_adds: int
    window: tuple[int, int]
    stride: tuple[int, int]
    jump: tuple[int, int]

    @property
    def heat(self) -> Tensor:
        """(K, R, S) class probabilities of each window, 0..1."""
        return self.convolutional_scores.softmax(0)


@dataclass(frozen=True, slots=True, eq=False)
class OnePass:
    """All windows at once, by the converted network.

    Attributes:
        scores: (K, R, S) logits. boxes: (R, S, 4) the windows, x1 y1 x2 y2 in pixels of the picture given.
        seconds: of the pass, without the conversion. multiply_adds: of the pass. crop_multiply_adds: of the classifier
            on one window.
        padded, window, stride, jump: as in `SlidingWindows`.
    """

    scores: Tensor
    boxes: Tensor
    seconds: float
    multiply_adds: int
    crop_multiply_adds: int
    padded: bool
    window: tuple[int, int]
    stride: tuple[int, int]
    jump: tuple[int, int]


def one_pass(
    model: nn.Module,
    image: Tensor,
    *,
    window: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
) -> OnePass:
    """Every window's class scores by one pass of the converted network. Args, Raises: as `sliding_windows`."""
    picture, size = _picture(image, window)
    with locked(model), evaluating(model), torch.inference_mode():
        converted = as_convolutional(model, (picture.shape[0], *size))
        jump = converted.stride
        step = pair(stride, "stride") if stride is not None else jump
        if step[0] % jump[0] or step[1] % jump[1]:
            raise ValueError(f"wanted a stride of whole multiples of {jump}, got {step}")
        boxes = _boxes((picture.shape[1], picture.shape[2]), size, step)
        scores, seconds = _timed(converted, picture[None])
        scores = scores[0, :, :: step[0] // jump[0], :: step[1] // jump[1]].contiguous()
        crop_cost = _multiply_adds(model, picture[None, :, : size[0], : size[1]])
        cost = _multiply_adds(converted, picture[None])
    rows, columns = boxes.shape[:2]
    return OnePass(
        scores=scores[:, :rows, :columns].clone(),
        boxes=boxes,
        seconds=seconds,
        multiply_adds=cost,
        crop_multiply_adds=crop_cost,
        padded=converted.padded,
        window=size,
        stride=step,
        jump=jump,
    )


def crop_rows(
    model: nn.Module,
    image: Tensor,
    *,
    window: int | tuple[int, int],
    stride: int | tuple[int, int],
    rows: tuple[int, int] | None = None,
) -> tuple[Tensor, float]:
    """The classifier on every window of some rows of windows, one crop after another.

    Args:
        model, image, window, stride: as `sliding_windows`. rows: first and end; all of them if None.

    Returns:
        (K, end − first, S) logits, and the seconds it took.

    Raises:
        ValueError: a picture too small or too large, rows that are not there, more than 20,000 windows.
    """
    picture, size = _picture(image, window)
    step = pair(stride, "stride")
    count = _boxes((picture.shape[1], picture.shape[2]), size, step).shape[0]
    first, end = rows if rows is not None else (0, count)
    if not 0 <= first < end <= count:
        raise ValueError(f"wanted rows inside 0..{count}, got {first}..{end}")
    strip = picture[:, first * step[0] : (end - 1) * step[0] + size[0]]
    with locked(model), evaluating(model), torch.inference_mode():
        model(strip[None, :, : size[0], : size[1]])  # warm-up
        start = time.perf_counter()
        scores = _crop_by_crop(model, strip, size, step)
        return scores, time.perf_counter() - start


def _timed(model: nn.Module, x: Tensor) -> tuple[Tensor, float]:
    """The output, and the seconds of the fastest of a few runs: a first one also warms up."""
    best, spent, runs = float("inf"), 0.0, 0
    while runs < 1 or (spent < QUICK and runs < 4):
        start = time.perf_counter()
        output = model(x)
        seconds = time.perf_counter() - start
        best, spent, runs = min(best, seconds), spent + seconds, runs + 1
    return output, best


def same_scores(difference: float, scores: Tensor) -> bool:
    """Whether a largest difference to `scores` is no more than float32 rounding."""
    return difference <= 1e-4 * max(1.0, float(scores.abs().max()))


def sliding_windows(
    model: nn.Module,
    image: Tensor,
    *,
    window: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
) -> SlidingWindows:
    """Every window's class scores, crop by crop and by one pass of the converted network.

    Args:
        model: a classifier that `as_convolutional` takes, for inputs of the window's size. Used under its
        lock.
        image: float (C, H, W), normalised as the classifier wants it; at least as large as the window.
        window: size of the classifier's input. For windows of another size scale the picture,
        `fitted_picture`.
        stride: a multiple of the network's own jump; the jump itself if None.

    Raises:
        ConversionError: another kind of network. ValueError: a picture too small or too large, a stride that
        is no
            multiple of the jump, more than 20,000 windows.
    """
    once = one_pass(model, image, window=window, stride=stride)
    crops, crop_seconds = crop_rows(model, image, window=once.window, stride=once.stride)
    rows, columns = once.boxes.shape[:2]
    difference = float((once.scores - crops).abs().max())
    return SlidingWindows(
        crop_scores=crops,
        convolutional_scores=once.scores,
        boxes=once.boxes,
        largest_difference=difference,
        same=same_scores(difference, crops),
        padded=once.padded,
        crop_seconds=crop_seconds,
        convolutional_seconds=once.seconds,
        crop_multiply_adds=once.crop_multiply_adds * rows * columns,
        convolutional_multiply_adds=once.multiply_adds,
        window=once.window,
        stride=once.stride,
        jump=once.jump,
    )


def _picture(image: Tensor, window: int | tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
    picture, size = expect_image(image).float(), pair(window, "window")
    height, width = picture.shape[1:]
    if height < size[0] or width < size[1] or height * width > MOST_PIXELS:
        raise ValueError(f"wanted a picture from {size} to {MOST_PIXELS} pixels, got {height}×{width}")
    return picture, size


def fitted_picture(
    image: Tensor, window: int | tuple[int, int], input_size: int | tuple[int, int]
) -> tuple[Tensor, tuple[float, float]]:
    """The picture (C, H, W) scaled so that a window of it becomes the network's input, and the scale (down,
    across).

    Boxes divided by the scale are boxes of the picture given. Raises: TypeError, ValueError.
    """
    picture = expect_image(image).float()
    wanted, shown = pair(input_size, "input_size"), pair(window, "window")
    sides = tuple(
        max(w, round(side * w / own)) for side, own, w in zip(picture.shape[1:], shown, wanted, strict=True)
    )
    scaled = F.interpolate(picture[None], sides, mode="bilinear", antialias=True)[0]
    return scaled, (sides[0] / picture.shape[1], sides[1] / picture.shape[2])


def _boxes(size: tuple[int, int], window: tuple[int, int], step: tuple[int, int]) -> Tensor:
    tops = torch.arange(0, size[0] - window[0] + 1, step[0])
    lefts = torch.arange(0, size[1] - window[1] + 1, step[1])
    if len(tops) * len(lefts) > MOST_WINDOWS:
        raise ValueError(f"wanted at most {MOST_WINDOWS} windows, got {len(tops)}×{len(lefts)}")
    y, x = torch.meshgrid(tops, lefts, indexing="ij")
    return torch.stack([x, y, x + window[1], y + window[0]], -1).float()


def _crop_by_crop(
    model: nn.Module, picture: Tensor, window: tuple[int, int], step: tuple[int, int]
) -> Tensor:
    """(K, R, S): the classifier on every crop, several crops a batch."""
    views = picture.unfold(1, window[0], step[0]).unfold(2, window[1], step[1]).permute(1, 2, 0, 3, 4)
    rows, columns = views.shape[:2]
    per_batch = max(1, BATCH_BYTES // (4 * views[0, 0].numel()))
    scores = []
    for first in range(0, rows * columns, per_batch):
        places = range(first, min(first + per_batch, rows * columns))
        batch = torch.stack([views[place // columns, place % columns] for place in places])
        scores.append(model(batch))
    return torch.cat(scores).view(rows, columns, -1).permute(2, 0, 1).contiguous()


def _multiply_adds(model: nn.Module, x: Tensor) -> int:
    """Multiplications of convolutions and matrix products; a multiply-add counts once. Nothing is computed for it."""
    shapes = copy.deepcopy(model).to("meta")
    with FlopCounterMode(display=False) as counter:
        shapes(x.to("meta"))
    return counter.get_total_flops() // 2
