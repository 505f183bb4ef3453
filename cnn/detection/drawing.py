"""Boxes, masks and key points drawn into a picture, with OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnn.detection.detect import Detections

__all__ = ["COLOURS", "SKELETON", "colour_of", "drawn"]

COLOURS: tuple[tuple[int, int, int], ...] = (
    (255, 99, 71), (64, 156, 255), (60, 179, 85), (255, 176, 0), (190, 110, 255), (0, 196, 196), (255, 105, 180),
    (166, 206, 57), (255, 140, 60), (120, 130, 255), (220, 60, 90), (0, 160, 130), (200, 150, 90), (90, 200, 250),
    (230, 120, 220), (150, 190, 120),
)  # fmt: skip
"""A class's colour is the one of its label, modulo their number; the browser is sent the same ones."""

SKELETON: tuple[tuple[str, str], ...] = (
    ("left_ankle", "left_knee"), ("left_knee", "left_hip"), ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"), ("left_hip", "right_hip"), ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"), ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"), ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"),
    ("left_eye", "right_eye"), ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"),
    ("right_eye", "right_ear"), ("left_ear", "left_shoulder"), ("right_ear", "right_shoulder"),
)  # fmt: skip
"""COCO's, by the names of its key points."""

_MASK_SHARE = 0.45
_POINT_FLOOR = 2.0  # of a key point's score, a logit; below it the point is a guess


def colour_of(label: int) -> tuple[int, int, int]:
    """RGB of a class."""
    return COLOURS[label % len(COLOURS)]


def drawn(picture: Tensor, found: Detections, *, labels: bool = True) -> Tensor:
    """A copy of the picture with everything that was found drawn in, the best on top.

    Args:
        picture: uint8 (C, H, W), C 1 or 3, of the size of `found`. labels: category and score above each box.

    Returns:
        uint8 (3, H, W).

    Raises:
        ValueError: a picture of another size.
    """
    if tuple(picture.shape[-2:]) != found.picture_size:
        raise ValueError(f"wanted a picture of {found.picture_size}, got {tuple(picture.shape[-2:])}")
    rows = np.ascontiguousarray(picture.expand(3, -1, -1).permute(1, 2, 0).numpy())
    line = max(1, round(max(rows.shape[:2]) / 400))
    for number in reversed(range(len(found))):
        colour = colour_of(int(found.labels[number]))
        if found.mask_patches is not None:
            _tint(rows, found, number, colour)
        x1, y1, x2, y2 = (round(value) for value in found.boxes[number].tolist())
        cv2.rectangle(rows, (x1, y1), (x2, y2), (255, 255, 255), line + 2, cv2.LINE_AA)
        cv2.rectangle(rows, (x1, y1), (x2, y2), colour, line, cv2.LINE_AA)
        if found.keypoints is not None and found.keypoint_scores is not None:
            _figure(
                rows,
                found.keypoints[number],
                found.keypoint_scores[number],
                found.keypoint_names,
                colour,
                line,
            )
    if labels:
        for number in reversed(range(len(found))):
            _tag(rows, f"{found.names[number]} {float(found.scores[number]):.2f}", found.boxes[number].tolist(),
                 colour_of(int(found.labels[number])), line)  # fmt: skip
    return torch.from_numpy(rows).permute(2, 0, 1).contiguous()


def _tint(rows: NDArray[np.uint8], found: Detections, number: int, colour: tuple[int, int, int]) -> None:
    inside = found.mask(number).numpy()
    if inside.any():
        mixed = rows[inside] * (1 - _MASK_SHARE) + np.array(colour) * _MASK_SHARE
        rows[inside] = mixed.round().astype(np.uint8)


def _figure(
    rows: NDArray[np.uint8], points: Tensor, scores: Tensor, names: tuple[str, ...],
    colour: tuple[int, int, int], line: int,
) -> None:  # fmt: skip
    places = {
        name: (round(x), round(y))
        for name, (x, y, _), score in zip(names, points.tolist(), scores.tolist(), strict=True)
        if score > _POINT_FLOOR
    }
    for first, second in SKELETON:
        if first in places and second in places:
            cv2.line(rows, places[first], places[second], colour, line + 1, cv2.LINE_AA)
    for place in places.values():
        cv2.circle(rows, place, line + 2, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(rows, place, line + 1, colour, -1, cv2.LINE_AA)


def _tag(
    rows: NDArray[np.uint8], text: str, box: list[float], colour: tuple[int, int, int], line: int
) -> None:
    plain = text.encode("ascii", "replace").decode()
    scale = 0.36 * max(1.0, line * 0.8)
    (width, height), below = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, line)
    x, y = round(box[0]), round(box[1])
    top = max(0, y - height - below - 4)
    cv2.rectangle(rows, (x, top), (x + width + 6, top + height + below + 4), colour, -1)
    ink = (0, 0, 0) if 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 128 else (255, 255, 255)
    cv2.putText(
        rows, plain, (x + 3, top + height + 2), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, line, cv2.LINE_AA
    )
