"""What the learned-filters screen shows: the problem for the browser to learn on, its card, code and downloads."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from app.cache import BoundedCache, tensor_bytes
from app.figures.colours import palette
from app.figures.exchange import live_answer
from app.pictures import CurrentPicture, as_photo
from app.wire import pack
from cnn.checks import ShapeError
from cnn.convolution.filters import FILTERS, filter_weight
from cnn.convolution.learning_problem import LearningProblem, LearningTrace, learning_problem, learning_trace
from cnn.convolution.learning_settings import (
    LEAST_RATE,
    MOST_PHASES,
    MOST_STEPS,
    TARGETS,
    LearningSettings,
    plan_of,
)
from cnn.images.encode import palette_png, png_bytes, resize_to, to_hwc

LONGEST = 240
CARD_LONGEST = 200
_PROBLEMS: BoundedCache[LearningProblem] = BoundedCache(
    32_000_000, lambda problem: 3 * tensor_bytes(problem.pixels)
)


def screen_words(language: str) -> dict[str, Any]:
    """Return what the controls list: the targets' names, and the bounds of what can be steered."""
    names = {record.name: record.label[language] for record in FILTERS}
    return {
        "targets": [[name, names[name]] for name in TARGETS],
        "most_steps": MOST_STEPS,
        "most_phases": MOST_PHASES,
        "least_rate": LEAST_RATE,
    }


def working_gray(picture: CurrentPicture) -> Tensor:
    """Return the picture that is learned on, uint8 (C, H, W): 240 pixels a side at most, 32 at least where it is tiny."""
    photo = as_photo(picture)
    longest = max(photo.shape[-2:])
    if longest > LONGEST:
        return resize_to(photo, LONGEST)
    return resize_to(photo, 32) if longest < 32 else photo


def problem_of(picture: CurrentPicture, settings: LearningSettings) -> LearningProblem:
    """Return the problem, kept for a while.

    Raises:
        ShapeError: the picture has a single gray, or too few pixels.
    """
    key = (picture.identity, settings.target, settings.kernel, settings.seed)
    weight = filter_weight(settings.target, kernel_size=int(settings.kernel))
    return _PROBLEMS.get_or_make(
        key, lambda: learning_problem(working_gray(picture), weight, seed=settings.seed)
    )


def learning_block(
    picture: CurrentPicture, settings: LearningSettings, *, known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """Return the problem (left out where `known` has it), or the `error` that keeps it from being one."""
    name = f"{picture.identity}:{settings.target}:{settings.kernel}:{settings.seed}"
    block: dict[str, Any] = {**(header or {}), "settings": settings.to_mapping(), "alt": picture.alt}
    try:
        problem = problem_of(picture, settings)
    except ShapeError as error:
        return pack({**block, "problem": {"id": name}, "error": {"code": error.code}}, {})
    block["problem"] = {
        "id": name,
        "constant": problem.constant,
        "noise_constant": problem.noise_constant,
        "noise_power": problem.noise_power,
        "safe_rate": problem.safe_rate,
        "steepness": problem.steepness,
    }
    arrays: dict[str, np.ndarray] = {}
    if name not in known:
        names = ("matrix", "right", "noise_right", "target", "start", "pixels", "goal", "noise")
        arrays = {name: getattr(problem, name).numpy() for name in names}
    return pack(block, arrays)


live_block = live_answer(LearningSettings.from_mapping, learning_block)


def trace_of(picture: CurrentPicture, settings: LearningSettings) -> LearningTrace:
    """Return what the browser computes too: the weights and losses up to the step that is shown."""
    return learning_trace(problem_of(picture, settings), plan_of(settings.plan), settings.step)


def trace_csv(picture: CurrentPicture, settings: LearningSettings) -> bytes:
    """Return a line a step: loss, largest difference from the target, the weights in reading order."""
    trace = trace_of(picture, settings)
    size = int(settings.kernel)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    places = [f"w{row}{column}" for row in range(size) for column in range(size)]
    writer.writerow(["step", "loss", "largest_difference", *places])
    for step, weight in enumerate(trace.weights):
        writer.writerow([step, trace.losses[step], trace.errors[step], *weight.flatten().tolist()])
    return file.getvalue().encode()


def map_png(picture: CurrentPicture, settings: LearningSettings) -> bytes:
    """Return the map of the weights at the step that is shown, in the screen's colours."""
    problem = problem_of(picture, settings)
    weight = trace_of(picture, settings).weights[-1].float()
    shown = functional.conv2d(problem.pixels[None, None], weight[None, None])[0, 0]
    return palette_png(_levels(shown, problem.goal), palette("signed"))


def learning_files(
    picture: CurrentPicture, settings: LearningSettings
) -> list[tuple[str, str, Callable[[], bytes], str]]:
    """Return (label id, file name, maker, MIME type) of each download."""
    own = ("picture", "picture.png", lambda: png_bytes(to_hwc(working_gray(picture))), "image/png")
    try:
        problem_of(picture, settings)
    except ShapeError:
        return [own]
    return [
        own,
        ("map", "learned_map.png", lambda: map_png(picture, settings), "image/png"),
        ("csv", "learning.csv", lambda: trace_csv(picture, settings), "text/csv"),
    ]


def _levels(shown: Tensor, goal: Tensor) -> NDArray[np.uint8]:
    values = goal.abs().flatten()
    limit = float(values.kthvalue(max(1, int(len(values) * 0.995))).values) or 1.0
    levels = (shown * (127.0 / limit)).round().add(128).clamp(1, 255)
    return levels.numpy().astype(np.uint8)


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the map of weights that are learned, from random to Sobel."""
    small = resize_to(photo, CARD_LONGEST)
    try:
        problem = learning_problem(small, filter_weight("sobel_x"))
    except ShapeError:  # a single gray: its map is zero everywhere
        return palette("signed")[np.full(small.shape[1:], 128)]
    trace = learning_trace(problem, plan_of("0m1n0"), 120)
    height, width = problem.goal.shape
    parts = [0, 8, 24, 120]
    edges = [width * place // len(parts) for place in range(len(parts) + 1)]
    shown = np.zeros((height, width), np.uint8)
    for place, step in enumerate(parts):
        weight = trace.weights[min(step, len(trace.weights) - 1)].float()
        levels = _levels(
            functional.conv2d(problem.pixels[None, None], weight[None, None])[0, 0], problem.goal
        )
        shown[:, edges[place] : edges[place + 1]] = levels[:, edges[place] : edges[place + 1]]
    return palette("signed")[shown]
