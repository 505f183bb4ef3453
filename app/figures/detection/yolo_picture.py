"""Which picture and which small YOLO a detection screen shows, and the YOLO's output for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.pictures import CurrentPicture, as_photo, picture_of
from cnn.detection.yolo_cells import YoloOutput, yolo_output
from cnn.images.encode import resize_to
from cnn.images.gallery import DEFAULT_PICTURE, PICTURE_IDS
from cnn.models.cache import MODEL_CACHE
from cnn.weights.builtin import load_builtin

LECTURE_SCORE = 0.6
EXAMPLES = {"yolo-cells": "cells_neutrophil", "yolo-everyday": "shapes"}
"""For each network a built-in picture on which it finds something."""
MOST_KNOWN = 24
SHOWN_SIDE = 800
"""Pixels of the longer side that reach the browser."""

_OUTPUTS: BoundedCache[YoloOutput] = BoundedCache(
    48_000_000, lambda found: tensor_bytes(found.raw) + tensor_bytes(found.boxes) + tensor_bytes(found.scores)
)


@dataclass(frozen=True, slots=True, eq=False)
class ShownPicture:
    """What is looked at.

    Attributes:
        picture: the current one, or the built-in example. model: name of the built-in YOLO. output: what it gives.
        note: "" where it finds something in the person's own picture; "nothing" where it does not; "example" where the
            built-in example is shown instead; "face" where a screen shows a picture with a face instead.
        own_best: its highest score in the person's own picture. own: that picture.
    """

    picture: CurrentPicture
    model: str
    output: YoloOutput
    note: str
    own: CurrentPicture
    own_best: float

    @property
    def image(self) -> Tensor:
        """uint8 (C, H, W)."""
        return as_photo(self.picture)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return int(self.picture.pixels.shape[1]), int(self.picture.pixels.shape[2])

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.output.reading.categories


def shown_picture(current: CurrentPicture, model: str, photo: str, language: str = "en") -> ShownPicture:
    """Choose the picture and the network.

    Args:
        model: a built-in YOLO, or "auto": the one for cells on pictures of cells, else the one for everyday things.
        photo: "own", "example", or "auto": the example only where nobody has chosen a picture and nothing is found.
    """
    name = model
    if model == "auto":
        name = "yolo-cells" if current.key.startswith("cells_") else "yolo-everyday"
    output = output_of(current, name)
    best = float(output.scores.max())
    wanted = photo == "example" or (
        photo == "auto" and current.key == DEFAULT_PICTURE and best <= LECTURE_SCORE
    )
    if wanted:
        name = "yolo-cells" if model == "auto" else model
        example = picture_of(EXAMPLES[name], language=language)
        if example.key != current.key:
            return ShownPicture(example, name, output_of(example, name), "example", current, best)
        output = output_of(current, name)
        best = float(output.scores.max())
    return ShownPicture(current, name, output, "" if best > LECTURE_SCORE else "nothing", current, best)


def output_of(picture: CurrentPicture, model: str) -> YoloOutput:
    """Return the network's output for the picture, kept for a while."""

    def run() -> YoloOutput:
        network = MODEL_CACHE.get(("builtin", model), lambda: load_builtin(model))
        return yolo_output(network, as_photo(picture))

    return _OUTPUTS.get_or_make((picture.identity, model), run)


def shown_pixels(picture: CurrentPicture) -> NDArray[np.uint8]:
    """Return what the browser paints, uint8 (C, H, W), at most `SHOWN_SIDE` pixels a side."""
    image = as_photo(picture)
    small = image if max(image.shape[1:]) <= SHOWN_SIDE else resize_to(image, SHOWN_SIDE)
    return np.ascontiguousarray(small.numpy())


def picture_header(shown: ShownPicture) -> dict[str, Any]:
    """Return what the browser is told of picture and network."""
    return {
        "id": f"picture:{shown.picture.identity}",
        "name": shown.picture.name,
        "alt": shown.picture.alt,
        "size": list(shown.size),
    }


def note_header(shown: ShownPicture) -> dict[str, Any] | None:
    """Return why another picture is shown, or that nothing is found; None where neither is so."""
    if not shown.note:
        return None
    return {
        "kind": shown.note,
        "own": shown.own.name,
        "best": round(shown.own_best, 4),
        "model": shown.model,
        "shown": shown.picture.name,
    }


def asked_picture(
    parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]
) -> tuple[CurrentPicture, str]:
    """Return the current picture, named in the language that a live request asks for, and that language."""
    language = "ko" if parameters.get("language") == "ko" else "en"
    current = picture()
    return (picture_of(current.key, language=language) if current.key in PICTURE_IDS else current), language


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:200] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def candidates_of(output: YoloOutput) -> tuple[Tensor, Tensor, Tensor]:
    """Return every candidate of an output: boxes (M, 4) in pixels of the picture, scores (M,), labels (M,), ordered by
    anchor, row, column and class."""
    classes = output.scores.shape[-1]
    boxes = output.boxes.reshape(-1, 4).repeat_interleave(classes, 0)
    scores = output.scores.reshape(-1)
    return boxes, scores, torch.arange(classes).repeat(len(scores) // classes)
