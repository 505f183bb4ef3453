"""What the transposed-convolution screen shows: a filter's numbers and pixels, or a photo made small and large again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.figures.colours import palette
from app.figures.exchange import live_answer
from app.pictures import MATRIX, CurrentPicture, as_photo
from app.wire import pack
from cnn.checks import ShapeError
from cnn.convolution.filters import FILTERS
from cnn.convolution.small_filters import SMALL_FILTERS, small_weight
from cnn.convolution.transposed_convolution import UPSAMPLINGS, convolution_matrix, upsampled
from cnn.convolution.transposed_settings import MOST_STEPS, TransposedSettings
from cnn.convolution.upsampling_problem import (
    UpsamplingTrace,
    cut_of,
    learned_upsampling_trace,
)
from cnn.images.encode import resize_to

LONGEST = 192
_TRACES: BoundedCache[UpsamplingTrace] = BoundedCache(
    48_000_000, lambda trace: tensor_bytes(trace.weights) + 2 * tensor_bytes(trace.goal)
)


def screen_words(language: str) -> dict[str, Any]:
    """Return the names of the filters that are offered."""
    names = {record.name: record.label[language] for record in FILTERS}
    return {"filters": [[name, names.get(name, "")] for name in SMALL_FILTERS], "most_steps": MOST_STEPS}


def weight_of(settings: TransposedSettings) -> Tensor:
    """Return the filter of the matrix and of the steps, int64 (k, k)."""
    return small_weight(settings.filter, settings.kernel, seed=settings.seed)


def pixels_of(picture: CurrentPicture, side: int) -> Tensor:
    """Return side × side whole numbers of the picture: a matrix's own first ones, else its gray middle made small."""
    own = picture.pixels[0]
    if picture.kind == MATRIX and min(own.shape) >= side and bool((own == own.round()).all()):
        return own[:side, :side].round().long()
    photo = as_photo(picture)
    height, width = photo.shape[-2:]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return resize_to(photo[:, top : top + edge, left : left + edge], side).float().mean(0).round().long()


def start_values(picture: CurrentPicture, settings: TransposedSettings) -> Tensor:
    """Return what goes into the transposed convolution step by step, int64 (small, small)."""
    side = settings.small
    return (
        torch.arange(1, side * side + 1).view(side, side)
        if settings.values == "numbers"
        else pixels_of(picture, side)
    )


def working_photo(picture: CurrentPicture) -> Tensor:
    """Return the photo that is made small and large again, uint8 (C, H, W)."""
    photo = as_photo(picture)
    return (
        resize_to(photo, LONGEST) if max(photo.shape[-2:]) > LONGEST or max(photo.shape[-2:]) < 48 else photo
    )


def trace_of(picture: CurrentPicture, settings: TransposedSettings) -> UpsamplingTrace:
    """Return the learned up-sampling, kept for a while.

    Raises:
        ShapeError: the picture is too narrow.
    """
    key = (picture.identity, settings.factor, settings.seed)
    return _TRACES.get_or_make(
        key,
        lambda: learned_upsampling_trace(
            working_photo(picture), factor=int(settings.factor), steps=MOST_STEPS, seed=settings.seed
        ),
    )


def transposed_block(
    picture: CurrentPicture, settings: TransposedSettings, *, known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """Return the numbers of the matrix and of the steps, and for the photo view what was learned on it."""
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "alt": picture.alt,
        "weight": weight_of(settings).tolist(),
        "pixels": pixels_of(picture, settings.size).tolist(),
        "start": start_values(picture, settings).tolist(),
    }
    arrays: dict[str, np.ndarray] = {}
    if settings.view == "photo":
        name = f"{picture.identity}:{settings.factor}:{settings.seed}"
        block["photo"] = {"id": name}
        try:
            trace = trace_of(picture, settings)
        except ShapeError as error:
            return pack({**block, "error": {"code": error.code}}, {})
        block["photo"] |= {
            "factor": int(settings.factor), "cut": cut_of(int(settings.factor)), "fixed": trace.fixed, "errors": trace.errors,
        }  # fmt: skip
        if name not in known:
            arrays = _photo_arrays(trace, int(settings.factor))
    return pack(block, arrays)


live_block = live_answer(TransposedSettings.from_mapping, transposed_block)


def _photo_arrays(trace: UpsamplingTrace, factor: int) -> dict[str, np.ndarray]:
    arrays = {
        "goal": levels(trace.goal),
        "small": trace.small.numpy(),
        "weights": trace.weights.float().numpy(),
    }
    return arrays | {way: levels(upsampled(trace.small, factor, way)) for way in UPSAMPLINGS}


def levels(image: Tensor) -> NDArray[np.uint8]:
    """Return 0..1 as uint8 (C, H, W)."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the matrix of a filter on 6 × 6 pixels of the photo, weighing them."""
    edge = min(photo.shape[-2:])
    pixels = resize_to(photo[:, :edge, :edge], 6).float().mean(0).round()
    found = convolution_matrix(small_weight("numbered", 3).double(), (6, 6))
    shown = found.matrix * pixels.flatten()
    entries = (shown * (255 / float(shown.max().clamp(min=1)))).round().to(torch.uint8).numpy()
    colours = palette("magnitude")[entries]
    colours[(found.sources < 0).numpy()] = (236, 238, 242)
    tall = np.repeat(np.repeat(colours, 12, axis=0), 9, axis=1)
    tall[::12], tall[:, ::9] = 250, 250
    return tall
