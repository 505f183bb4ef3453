"""The sliding-window screen's answers: the one pass over the picture, rows of crops as the browser asks for them; its card."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.cache import BoundedCache, tensor_bytes
from app.figures.colours import palette
from app.figures.detection.yolo_picture import asked_picture, known, shown_pixels
from app.pictures import CurrentPicture, as_photo
from app.wire import pack
from cnn.detection.convolutional import as_convolutional, conversions
from cnn.detection.sliding_window import OnePass, crop_rows, fitted_picture, one_pass
from cnn.detection.window_settings import WindowSettings
from cnn.images.encode import to_hwc
from cnn.models.cache import MODEL_CACHE
from cnn.weights.builtin import Builtin, builtin_record, load_builtin, normalised

MOST_SCALED = 260_000
"""Pixels of the scaled picture: a smaller window asks for a larger picture, and one pass should take a second at most."""
MOST_WINDOWS = 1500
MOST_CROP_WORK = 40e9
"""Multiply-adds of all crops together; beyond it the stride is raised."""

MOST_SIDES = 12
"""How many times as long as wide a picture may be: the window is at most its shorter side."""

_INPUTS: BoundedCache[Tensor] = BoundedCache(32_000_000, tensor_bytes)
_PASSES: BoundedCache[OnePass] = BoundedCache(24_000_000, lambda found: tensor_bytes(found.scores) + 4096)
_ROWS: BoundedCache[tuple[Tensor, float]] = BoundedCache(16_000_000, lambda row: tensor_bytes(row[0]))


class PictureTooLong(ValueError):
    """A picture so long that its windows would be too many."""

    def sentence(self, language: str) -> str:
        """Return what the person is told."""
        return {
            "en": f"This picture is more than {MOST_SIDES} times as long as it is wide. Choose another one to slide over.",
            "ko": f"이 사진은 한 변이 다른 변의 {MOST_SIDES}배를 넘습니다. 다른 사진을 골라 주세요.",
        }[language]


@dataclass(frozen=True, slots=True, eq=False)
class Slide:
    """A classifier over a picture.

    Attributes:
        picture: the current one. record: of the built-in classifier. window: side in percent of the picture's shorter
            side, as used; least: the smallest that is offered. stride: in jumps, as used.
        once: the one pass, with its windows in pixels of the scaled picture. scale: (down, across) of that picture.
    """

    picture: CurrentPicture
    record: Builtin
    window: int
    least: int
    stride: int
    once: OnePass
    scale: tuple[float, float]

    @property
    def id(self) -> str:
        """What names the pass."""
        return f"pass:{self.picture.identity}:{self.record.name}:{self.window}:{self.stride}"

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of windows."""
        return int(self.once.boxes.shape[0]), int(self.once.boxes.shape[1])

    @property
    def boxes(self) -> Tensor:
        """(R, S, 4) the windows in pixels of the picture."""
        return self.once.boxes / torch.tensor([self.scale[1], self.scale[0]] * 2)


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: the one pass for `settings`, or with `row` one row of crops of it."""
    sent = parameters.get("settings")
    settings = WindowSettings.from_mapping(sent if isinstance(sent, Mapping) else {})
    current, _ = asked_picture(parameters, picture)
    slide = slide_of(current, settings)
    header = {"id": parameters.get("id", 0)}
    row = parameters.get("row")
    if isinstance(row, int) and 0 <= row < slide.grid[0]:
        scores, seconds = crops_of(slide, row)
        crops = {"pass": slide.id, "row": row, "seconds": seconds}
        return pack({**header, "crops": crops}, {"crop_scores": scores[:, 0].contiguous().numpy()})
    return window_block(slide, settings, known=known(parameters), header=header)


def slide_of(picture: CurrentPicture, settings: WindowSettings) -> Slide:
    """Return the classifier's one pass over the picture; window and stride are raised where they would ask too much.

    Raises:
        PictureTooLong: there is no bounded number of windows.
    """
    sides = sorted(int(side) for side in picture.pixels.shape[1:])
    if sides[1] > MOST_SIDES * sides[0]:
        raise PictureTooLong(f"wanted sides of at most 1:{MOST_SIDES}, got {sides[0]}:{sides[1]}")
    record = builtin_record(settings.model)
    least = least_window(picture, record)
    window = max(settings.window, least)
    scaled, scale = _input(picture, record, window)
    key = (picture.identity, record.name, window)
    every = _PASSES.get_or_make(key, lambda: one_pass(model_of(record), scaled, window=record.input_size))
    rows, columns = every.boxes.shape[:2]
    stride = settings.stride
    while stride < max(rows, columns) and _too_much(every, rows, columns, stride):
        stride += 1
    coarse = OnePass(
        scores=every.scores[:, ::stride, ::stride].contiguous(),
        boxes=every.boxes[::stride, ::stride].contiguous(),
        seconds=every.seconds,
        multiply_adds=every.multiply_adds,
        crop_multiply_adds=every.crop_multiply_adds,
        padded=every.padded,
        window=every.window,
        stride=(every.jump[0] * stride, every.jump[1] * stride),
        jump=every.jump,
    )
    return Slide(picture, record, window, least, stride, coarse, scale)


def _too_much(every: OnePass, rows: int, columns: int, stride: int) -> bool:
    count = math.ceil(rows / stride) * math.ceil(columns / stride)
    return count > MOST_WINDOWS or count * every.crop_multiply_adds > MOST_CROP_WORK


def least_window(picture: CurrentPicture, record: Builtin) -> int:
    """Return the smallest window in percent, so that the scaled picture stays within `MOST_SCALED` pixels."""
    height, width = picture.pixels.shape[1:]
    side = max(record.input_size) * math.sqrt(height * width / MOST_SCALED)
    return min(max(math.ceil(100 * side / min(height, width)), 10), 100)


def model_of(record: Builtin) -> nn.Module:
    """Return the classifier, shared by everybody."""
    return MODEL_CACHE.get(("builtin", record.name), lambda: load_builtin(record.name))


def window_pixels(picture: CurrentPicture, window: int) -> int:
    """Return the window's side in pixels of the picture."""
    return max(1, round(min(picture.pixels.shape[1:]) * window / 100))


def _input(picture: CurrentPicture, record: Builtin, window: int) -> tuple[Tensor, tuple[float, float]]:
    """Return the picture scaled and normalised, float (C, H, W), and the scale."""
    image = as_photo(picture)
    scale: list[tuple[float, float]] = []

    def make() -> Tensor:
        scaled, used = fitted_picture(
            _channels(image, record), window_pixels(picture, window), record.input_size
        )
        scale.append(used)
        return normalised(scaled, record)

    scaled = _INPUTS.get_or_make((picture.identity, record.name, window), make)
    if not scale:
        scale.append((scaled.shape[1] / image.shape[1], scaled.shape[2] / image.shape[2]))
    return scaled, scale[0]


def _channels(image: Tensor, record: Builtin) -> Tensor:
    """Return the picture as float in 0..1 with as many channels as the classifier reads."""
    pixels = image.float() / 255
    if record.channels == 1 and pixels.shape[0] == 3:
        return (pixels * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)
    return pixels.expand(record.channels, -1, -1)


def crops_of(slide: Slide, row: int) -> tuple[Tensor, float]:
    """Return the classifier's scores (K, 1, S) on the crops of one row of windows, and the seconds they took."""
    scaled, _ = _input(slide.picture, slide.record, slide.window)

    def run() -> tuple[Tensor, float]:
        once = slide.once
        return crop_rows(
            model_of(slide.record), scaled, window=once.window, stride=once.stride, rows=(row, row + 1)
        )

    return _ROWS.get_or_make((slide.id, row), run)


def all_crops(slide: Slide) -> Tensor:
    """Return (K, R, S), the scores of every crop."""
    return torch.cat([crops_of(slide, row)[0] for row in range(slide.grid[0])], 1)


def window_block(
    slide: Slide,
    settings: WindowSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the picture, the one pass with its costs, and the layers that were replaced; where the browser cannot ask for
    rows of crops (`live` in the header is None), all of them."""
    once, size = slide.once, [int(side) for side in slide.picture.pixels.shape[1:]]
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "picture": {
            "id": f"picture:{slide.picture.identity}",
            "name": slide.picture.name,
            "alt": slide.picture.alt,
            "size": size,
        },
        "pass": {
            "id": slide.id,
            "grid": list(slide.grid),
            "categories": list(slide.record.categories),
            "model": slide.record.name,
            "seconds": once.seconds,
            "multiply_adds": once.multiply_adds,
            "crop_multiply_adds": once.crop_multiply_adds,
            "padded": once.padded,
            "window": window_pixels(slide.picture, slide.window),
            "percent": slide.window,
            "least": slide.least,
            "stride": slide.stride,
            "input": list(once.window),
            "jump": list(once.jump),
            "step": [once.stride[0] / slide.scale[0], once.stride[1] / slide.scale[1]],
        },
        "layers": _layers(slide.record),
    }
    arrays: dict[str, np.ndarray] = {}
    if block["picture"]["id"] not in known:
        arrays["image"] = shown_pixels(slide.picture)
    if slide.id not in known:
        arrays |= {"scores": once.scores.numpy(), "boxes": slide.boxes.numpy()}
        if "live" in block and block["live"] is None:
            arrays["crop_scores"] = all_crops(slide).numpy()
            block["pass"]["crop_seconds"] = sum(crops_of(slide, row)[1] for row in range(slide.grid[0]))
    return pack(block, arrays)


def _layers(record: Builtin) -> list[dict[str, str]]:
    if record.name not in _CONVERSIONS:
        model = model_of(record)
        converted = as_convolutional(model, (record.channels, *record.input_size))
        _CONVERSIONS[record.name] = [
            {"name": layer.name, "was": layer.was, "became": layer.became}
            for layer in conversions(model, converted)
        ]
    return _CONVERSIONS[record.name]


_CONVERSIONS: dict[str, list[dict[str, str]]] = {}
"""By built-in name: at most one entry each."""


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): where the small VGG sees the class it is surest of, from one pass."""
    record = builtin_record("tiny-vgg")
    scaled, _ = fitted_picture(_channels(photo, record), max(min(photo.shape[1:]) // 2, 1), record.input_size)
    heat = one_pass(model_of(record), normalised(scaled, record), window=record.input_size).scores.softmax(0)
    best = heat[int(heat.flatten(1).amax(1).argmax())].numpy()
    pixels = np.atleast_3d(to_hwc(photo))
    pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    height, width = pixels.shape[:2]
    grown = cv2.resize(best, (width, height), interpolation=cv2.INTER_NEAREST)[..., None]
    colours = palette("magnitude")[np.rint(grown[..., 0] * 255).astype(int)]
    mixed = np.asarray(pixels * (1 - 0.7 * grown) + colours * (0.7 * grown), dtype=np.float64)
    return mixed.round().astype(np.uint8)
