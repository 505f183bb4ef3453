"""A detector over a video with its candidates kept: what a run on disk needs (`cnn.frame_file`), and what is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from cnn.detection.detect import Detections, detections
from cnn.detection.drawing import drawn
from cnn.detection.record import SENT_ABOVE, packed_raw, stored_raw
from cnn.detection.video import RawFrame
from cnn.frame_file import FrameParts, FramePlace

__all__ = ["MOST_OF_A_FRAME", "drawn_frame", "frame_parts", "frames_found", "plain_thresholds"]

MOST_OF_A_FRAME = 400
MASKS_ABOVE = 0.3


def frame_parts(step: RawFrame) -> FrameParts:
    """What is kept of a frame: its candidates, and the masks or key points of those that score above 0.3."""
    block = packed_raw(step.raw, score_threshold=MASKS_ABOVE, most=MOST_OF_A_FRAME)
    return FrameParts(step.picture, block, step.number, step.seconds)


def drawn_frame(picture: Tensor, result: bytes, parameters: Mapping[str, Any]) -> Tensor:
    """The frame with what is found at the thresholds of `parameters` (see `plain_thresholds`), uint8 (3, H, W)."""
    found = detections(
        stored_raw(result), **plain_thresholds(parameters, stored_raw(result).reading.categories)
    )
    return drawn(picture, found, labels=parameters.get("tags") is not False)


def frames_found(
    frames: Iterable[tuple[FramePlace, Tensor, bytes]], parameters: Mapping[str, Any]
) -> Iterator[tuple[int, Detections]]:
    """(number of the frame in the video, what is found in it) of every frame, for tables."""
    for place, _, result in frames:
        raw = stored_raw(result)
        yield place.number, detections(raw, **plain_thresholds(parameters, raw.reading.categories))


def plain_thresholds(parameters: Mapping[str, Any], categories: tuple[str, ...]) -> dict[str, Any]:
    """The keywords of `detections` that a page's settings mean; what cannot be read is left at the detector's own.

    Args:
        parameters: "score" and "iou" in 0..1 (iou 0: the detector's own), "hide": labels that are not shown.
    """
    score, iou = (_share(parameters.get(name)) for name in ("score", "iou"))
    hidden = parameters.get("hide")
    labels = (
        {label for label in hidden if isinstance(label, int)} if isinstance(hidden, list | tuple) else set()
    )
    return {
        "score_threshold": max(SENT_ABOVE, 0.4 if score is None else score),
        "iou_threshold": iou or None,
        "classes": [label for label in range(len(categories)) if label not in labels] if labels else None,
    }


def _share(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(1.0, max(0.0, float(value)))
