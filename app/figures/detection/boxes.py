"""The boxes screen's answers: picture, every candidate, what torchvision keeps of them; and its card on the home page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import batched_nms

from app.figures.detection.yolo_picture import (
    ShownPicture,
    asked_picture,
    candidates_of,
    known,
    note_header,
    picture_header,
    shown_picture,
    shown_pixels,
)
from app.pictures import CurrentPicture
from app.wire import pack
from cnn.detection.box_settings import BoxSettings, DrawnBox, drawn_boxes, example_drawing
from cnn.images.encode import to_hwc

CLASS_COLOURS = ((214, 40, 110), (33, 102, 172), (12, 123, 95), (178, 92, 6), (107, 63, 160))
"""RGB of the classes, the same as in the browser (app/components/shared/class_colours.js)."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The boxes that go into suppression: boxes (M, 4) in pixels of the picture, scores (M,), labels (M,); names."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    categories: tuple[str, ...]

    def above(self, threshold: float) -> Tensor:
        """Return (K,) int64, the indices of the boxes with a score above the threshold."""
        return (self.scores > threshold).nonzero()[:, 0]


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, and the ids of parts that it has (`known`)."""
    sent = parameters.get("settings")
    settings = BoxSettings.from_mapping(sent if isinstance(sent, Mapping) else {})
    current, language = asked_picture(parameters, picture)
    return boxes_block(
        shown_for(current, settings, language),
        settings,
        known=known(parameters),
        header={"id": parameters.get("id", 0)},
    )


def shown_for(current: CurrentPicture, settings: BoxSettings, language: str = "en") -> ShownPicture:
    """Return the picture and the network of these settings."""
    return shown_picture(current, settings.model, settings.photo, language)


def drawing(shown: ShownPicture, settings: BoxSettings) -> tuple[DrawnBox, ...]:
    """Return the boxes that the person drew, or those to begin with."""
    if settings.drawn:
        return drawn_boxes(settings.drawn, shown.size, len(shown.categories))
    return example_drawing(shown.size)


def scene_of(shown: ShownPicture, settings: BoxSettings) -> Scene:
    """Return the boxes that the settings are about: the detector's candidates, or the person's own."""
    if settings.source == "detector":
        return Scene(*candidates_of(shown.output), shown.categories)
    boxes = drawing(shown, settings)
    return Scene(
        torch.tensor([box.corners for box in boxes], dtype=torch.float32).reshape(-1, 4),
        torch.tensor([box.score for box in boxes], dtype=torch.float32),
        torch.tensor([box.label for box in boxes], dtype=torch.int64),
        shown.categories,
    )


def kept_by_torchvision(scene: Scene, settings: BoxSettings) -> Tensor:
    """Return (K,) int64, the boxes of `scene` that `torchvision.ops.batched_nms` keeps above the score threshold."""
    index = scene.above(settings.score)
    labels = scene.labels[index] if settings.per_class else torch.zeros_like(index)
    return index[batched_nms(scene.boxes[index], scene.scores[index], labels, settings.exact_threshold)]


def boxes_block(
    shown: ShownPicture,
    settings: BoxSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the picture, every candidate of the network, the drawn boxes, and what torchvision keeps of those shown."""
    output = shown.output
    candidates = f"candidates:{shown.picture.identity}:{shown.model}"
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "picture": picture_header(shown),
        "note": note_header(shown),
        "model": shown.model,
        "categories": list(shown.categories),
        "grid": [*output.grid, len(output.anchors)],
        "candidates": {"id": candidates},
        "drawn": [[*box.corners, box.score, box.label] for box in drawing(shown, settings)],
    }
    arrays: dict[str, np.ndarray] = {
        "kept": kept_by_torchvision(scene_of(shown, settings), settings).int().numpy()
    }
    if block["picture"]["id"] not in known:
        arrays["image"] = shown_pixels(shown.picture)
    if candidates not in known:
        boxes, scores, labels = candidates_of(output)
        arrays |= {"boxes": boxes.numpy(), "scores": scores.numpy(), "labels": labels.int().numpy()}
    return pack(block, arrays)


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): three boxes on one place, the best one kept."""
    pixels = np.atleast_3d(to_hwc(photo))
    pixels = np.ascontiguousarray(pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels)
    boxes = example_drawing((pixels.shape[0], pixels.shape[1]))
    faint = pixels.copy()
    for box in boxes[1:3]:
        _outline(faint, box, (235, 235, 235), 1)
    pixels = cv2.addWeighted(pixels, 0.25, faint, 0.75, 0)
    for box in (boxes[0], boxes[3]):
        _outline(pixels, box, CLASS_COLOURS[box.label], 3)
    return np.asarray(pixels, dtype=np.uint8)


def _outline(pixels: NDArray[np.uint8], box: DrawnBox, colour: tuple[int, int, int], weight: int) -> None:
    x1, y1, x2, y2 = (round(value) for value in box.corners)
    cv2.rectangle(pixels, (x1, y1), (x2 - 1, y2 - 1), colour, weight, cv2.LINE_AA)
