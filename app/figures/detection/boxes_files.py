"""What the boxes screen gives away: its picture and result as PNG, every candidate with its fate as CSV, tensors as NPZ."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from app.figures.detection.boxes import CLASS_COLOURS, Scene, kept_by_torchvision, scene_of
from app.figures.detection.yolo_picture import ShownPicture
from cnn.detection.box_settings import BoxSettings
from cnn.detection.nms import nms_steps
from cnn.images.encode import png_bytes, to_hwc

BoxFile = tuple[str, str, Callable[[], bytes], str]


def box_files(shown: ShownPicture, settings: BoxSettings) -> list[BoxFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    scene = scene_of(shown, settings)
    return [
        ("picture", "picture.png", lambda: png_bytes(to_hwc(shown.image)), "image/png"),
        ("view", "boxes.png", lambda: result_png(shown, scene, settings), "image/png"),
        ("csv", "boxes.csv", lambda: boxes_csv(scene, settings), "text/csv"),
        ("npz", "boxes.npz", lambda: boxes_npz(scene, settings), "application/octet-stream"),
    ]


def boxes_csv(scene: Scene, settings: BoxSettings) -> bytes:
    """Return a line a box that passes the score threshold: class, score, corners, the round that decided it, by which
    box it was suppressed and with which IoU."""
    index = scene.above(settings.score)
    steps = nms_steps(
        scene.boxes[index],
        scene.scores[index],
        settings.iou,
        scene.labels[index] if settings.per_class else None,
        inclusive=settings.inclusive,
    )
    fates: dict[int, tuple[int, str, str, str]] = {}
    for step in steps:
        fates[step.kept] = (step.number, "kept", "", "")
        for place, ratio in zip(step.suppressed.tolist(), step.iou.tolist(), strict=True):
            fates[place] = (step.number, "suppressed", str(int(index[step.kept])), f"{ratio:.9g}")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["box", "class", "score", "x1", "y1", "x2", "y2", "round", "fate", "by", "iou"])
    for place, box in enumerate(index.tolist()):
        corners = [f"{value:.9g}" for value in scene.boxes[box].tolist()]
        score = f"{float(scene.scores[box]):.9g}"
        writer.writerow([box, scene.categories[int(scene.labels[box])], score, *corners, *fates[place]])
    return file.getvalue().encode()


def boxes_npz(scene: Scene, settings: BoxSettings) -> bytes:
    """Return every box: `boxes` (M, 4), `scores` (M,), `labels` (M,), and the indices `kept` (K,), best first."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        boxes=scene.boxes.numpy(),
        scores=scene.scores.numpy(),
        labels=scene.labels.numpy(),
        kept=kept_by_torchvision(scene, settings).numpy(),
    )
    return file.getvalue()


def result_png(shown: ShownPicture, scene: Scene, settings: BoxSettings) -> bytes:
    """Return the picture, magnified where it is small, with the boxes that stay and their scores."""
    pixels = np.atleast_3d(to_hwc(shown.image))
    pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    factor = max(1, 960 // max(pixels.shape[:2]))
    drawn = np.ascontiguousarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))
    for box in reversed(kept_by_torchvision(scene, settings).tolist()):
        colour = CLASS_COLOURS[int(scene.labels[box]) % len(CLASS_COLOURS)]
        corners = [round(value * factor) for value in scene.boxes[box].tolist()]
        _labelled(
            drawn,
            corners,
            f"{scene.categories[int(scene.labels[box])]} {float(scene.scores[box]):.2f}",
            colour,
        )
    return png_bytes(np.asarray(drawn, dtype=np.uint8))


def _labelled(pixels: NDArray[np.uint8], corners: list[int], text: str, colour: tuple[int, int, int]) -> None:
    x1, y1, x2, y2 = corners
    cv2.rectangle(pixels, (x1, y1), (x2, y2), colour, 2, cv2.LINE_AA)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    top = max(y1 - height - 6, 0)
    cv2.rectangle(pixels, (x1, top), (x1 + width + 6, top + height + 6), colour, -1)
    cv2.putText(
        pixels,
        text,
        (x1 + 3, top + height + 2),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.45,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
