"""The YOLO grid screen's answers: the network's whole output tensor for a picture, objects and points to place; its card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.figures.detection.yolo_picture import (
    ShownPicture,
    asked_picture,
    known,
    note_header,
    picture_header,
    shown_picture,
    shown_pixels,
)
from app.pictures import CurrentPicture, picture_of
from app.wire import pack
from cnn.detection.box_settings import DrawnBox, drawn_boxes
from cnn.detection.grid import GridTarget, grid_target
from cnn.detection.grid_settings import (
    CATEGORIES,
    GridSettings,
    anchor_shapes,
    answer_numbers,
    example_objects,
    guessed,
)
from cnn.detection.landmarks import PARTS, face_points, points_of
from cnn.images.encode import to_hwc
from cnn.images.gallery import DEFAULT_PICTURE

FACE_PICTURE, FACE_BOX = "astronaut", (178.0, 76.0, 272.0, 165.0)
"""A built-in picture with a face, and where it is, x1 y1 x2 y2 in pixels."""
_ACCENT = (214, 40, 110)


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser: `settings`, and the ids of parts that it has (`known`)."""
    sent = parameters.get("settings")
    settings = GridSettings.from_mapping(sent if isinstance(sent, Mapping) else {})
    current, language = asked_picture(parameters, picture)
    shown = shown_for(current, settings, language)
    return grid_block(shown, settings, known=known(parameters), header={"id": parameters.get("id", 0)})


def shown_for(current: CurrentPicture, settings: GridSettings, language: str = "en") -> ShownPicture:
    """Return the picture and the network: only the network's output asks for a picture on which it finds something."""
    if settings.view == "landmarks" and settings.photo != "own" and current.key == DEFAULT_PICTURE:
        face = shown_picture(picture_of(FACE_PICTURE, language=language), settings.model, "own", language)
        return replace(face, note="face", own=current)
    photo = settings.photo if settings.view == "output" or settings.photo == "example" else "own"
    return shown_picture(current, settings.model, photo, language)


def points_for(shown: ShownPicture, settings: GridSettings) -> tuple[tuple[float, float], ...]:
    """Return the 64 points (x, y) in pixels that the person placed, or those to begin with."""
    if not settings.points and shown.picture.key == FACE_PICTURE:
        return face_points(FACE_BOX)
    return points_of(settings.points, shown.size)


def objects_of(settings: GridSettings, size: tuple[int, int]) -> tuple[DrawnBox, ...]:
    """Return the objects that the person placed in a picture of (height, width), or those to begin with."""
    if settings.objects:
        return drawn_boxes(settings.objects, size, len(CATEGORIES))
    return example_objects(size)


def target_of(settings: GridSettings, size: tuple[int, int]) -> GridTarget:
    """Return the target tensor of the objects."""
    objects = objects_of(settings, size)
    shapes = anchor_shapes(settings.anchors, size)
    return grid_target(
        torch.tensor([box.corners for box in objects], dtype=torch.float32).reshape(-1, 4),
        torch.tensor([box.label for box in objects], dtype=torch.int64),
        (settings.rows, settings.columns),
        size,
        len(CATEGORIES),
        torch.tensor(shapes, dtype=torch.float32) if shapes else None,
    )


def pinned_cell(settings: GridSettings, target: GridTarget) -> tuple[int, int, int]:
    """Return (row, column, anchor) that is compared; the first object's place where no cell was chosen."""
    rows, columns, anchors = target.values.shape[:3]
    if settings.row < 0 or settings.column < 0:
        if target.assignments:
            first = target.assignments[0]
            return first.row, first.column, first.anchor
        return 0, 0, 0
    return min(settings.row, rows - 1), min(settings.column, columns - 1), min(settings.anchor, anchors - 1)


def answer_of(settings: GridSettings, target: GridTarget) -> Tensor:
    """Return what the imagined network answers, of the target's shape: the guess everywhere, the set numbers in the pinned
    place."""
    everywhere = torch.tensor(guessed(settings.guess, len(CATEGORIES)))
    answer = everywhere.expand(target.values.shape).clone()
    numbers = answer_numbers(settings.answer, len(everywhere))
    if numbers:
        answer[pinned_cell(settings, target)] = torch.tensor(numbers)
    return answer


def grid_block(
    shown: ShownPicture,
    settings: GridSettings,
    *,
    known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the picture, the network's output with its decoding, and the objects and points that the person placed."""
    output = shown.output
    name = f"output:{shown.picture.identity}:{shown.model}"
    block: dict[str, Any] = {
        **(header or {}),
        "settings": settings.to_mapping(),
        "picture": picture_header(shown),
        "note": note_header(shown) if settings.view == "output" or shown.note == "face" else None,
        "model": shown.model,
        "output": {
            "id": name,
            "grid": list(output.grid),
            "depth": output.depth,
            "anchors": output.anchors.tolist(),
            "stride": output.stride,
            "scale": output.scale,
            "categories": list(shown.categories),
            "extent": list(output.extent),
        },
        "objects": [[*box.corners, box.label] for box in objects_of(settings, shown.size)],
        "shapes": [list(shape) for shape in anchor_shapes(5, shown.size)],
        "categories": list(CATEGORIES),
        "points": [list(point) for point in points_for(shown, settings)],
        "parts": [list(part) for part in PARTS],
    }
    arrays: dict[str, np.ndarray] = {}
    if block["picture"]["id"] not in known:
        arrays["image"] = shown_pixels(shown.picture)
    if name not in known:
        arrays |= {
            "raw": output.raw.numpy(),
            "boxes": output.boxes.numpy(),
            "scores": output.scores.numpy(),
        }
    return pack(block, arrays)


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the picture under a grid, an object, and the cell of its centre."""
    pixels = np.atleast_3d(to_hwc(photo))
    pixels = np.ascontiguousarray(pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels)
    height, width = pixels.shape[:2]
    target = target_of(GridSettings(rows=3, columns=4), (height, width))
    place = target.assignments[0]
    edges = [round(height * row / 3) for row in range(4)], [round(width * column / 4) for column in range(5)]
    rows, columns = (slice(e[at], e[at + 1]) for e, at in zip(edges, (place.row, place.column), strict=True))
    tinted = 0.55 * pixels[rows, columns] + 0.45 * np.array(_ACCENT)
    pixels[rows, columns] = tinted.round().astype(np.uint8)
    for edge in edges[0][1:-1]:
        cv2.line(pixels, (0, edge), (width, edge), (255, 255, 255), 1)
    for edge in edges[1][1:-1]:
        cv2.line(pixels, (edge, 0), (edge, height), (255, 255, 255), 1)
    x1, y1, x2, y2 = (round(value) for value in example_objects((height, width))[0].corners)
    cv2.rectangle(pixels, (x1, y1), (x2, y2), _ACCENT, 3, cv2.LINE_AA)
    cv2.circle(pixels, ((x1 + x2) // 2, (y1 + y2) // 2), 4, (255, 255, 255), -1, cv2.LINE_AA)
    return np.asarray(pixels, dtype=np.uint8)
