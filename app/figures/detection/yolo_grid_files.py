"""What the YOLO grid screen gives away: the picture as PNG; the view's numbers as CSV and NPZ."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from app.figures.detection.yolo_grid import answer_of, points_for, target_of
from app.figures.detection.yolo_picture import ShownPicture
from cnn.detection.grid import grid_loss
from cnn.detection.grid_settings import CATEGORIES, GridSettings
from cnn.detection.targets import landmark_target
from cnn.images.encode import png_bytes, to_hwc

GridFile = tuple[str, str, Callable[[], bytes], str]


def grid_files(shown: ShownPicture, settings: GridSettings) -> list[GridFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    tables = {"output": output_csv, "target": target_csv, "landmarks": landmarks_csv}
    tensors = {"output": _output_arrays, "target": _target_arrays, "landmarks": _landmark_arrays}
    view = settings.view
    return [
        ("picture", "picture.png", lambda: png_bytes(to_hwc(shown.image)), "image/png"),
        ("csv", f"{view}.csv", lambda: tables[view](shown, settings), "text/csv"),
        (
            "npz",
            f"{view}.npz",
            lambda: _npz(tensors[view](shown, settings)),
            "application/octet-stream",
        ),
    ]


def output_csv(shown: ShownPicture, settings: GridSettings) -> bytes:
    """Return a line for every anchor of every cell: its raw numbers, p_object, the class scores and the box."""
    output, names = shown.output, shown.categories
    head = ["row", "column", "anchor", "t_x", "t_y", "t_w", "t_h", "t_obj", *(f"t_{n}" for n in names)]
    head += ["p_object", *(f"score_{n}" for n in names), "x1", "y1", "x2", "y2"]
    rows, columns = output.grid
    lines = []
    for row in range(rows):
        for column in range(columns):
            for reading in output.cell(row, column):
                numbers = [*reading.raw.tolist(), reading.p_object, *reading.scores.tolist(), *reading.box]
                lines.append([row, column, reading.anchor, *(f"{value:.9g}" for value in numbers)])
    return _csv(head, lines)


def target_csv(shown: ShownPicture, settings: GridSettings) -> bytes:
    """Return a line for every entry of the target that is not a don't-care: target, answer and squared error."""
    target, answer = target_of(settings, shown.size), answer_of(settings, target_of(settings, shown.size))
    terms = grid_loss(answer, target).terms
    lines = []
    for row, column, anchor, entry in target.cares.nonzero().tolist():
        place = (row, column, anchor, entry)
        numbers = [f"{float(part[place]):.9g}" for part in (target.values, answer, terms)]
        lines.append([row, column, anchor, target.names[entry], *numbers])
    return _csv(["row", "column", "anchor", "entry", "target", "answer", "squared_error"], lines)


def landmarks_csv(shown: ShownPicture, settings: GridSettings) -> bytes:
    """Return a line for each of the 129 entries: its name, its value, whether it counts."""
    target = landmark_target(_points(shown, settings), shown.size)
    cares = target.cares.int().tolist()
    rows = zip(target.names, (f"{value:.9g}" for value in target.values.tolist()), cares, strict=True)
    return _csv(["entry", "value", "counts"], [list(row) for row in rows])


def _points(shown: ShownPicture, settings: GridSettings) -> torch.Tensor | None:
    return torch.tensor(points_for(shown, settings)) if settings.face else None


def _output_arrays(shown: ShownPicture, settings: GridSettings) -> dict[str, np.ndarray]:
    output = shown.output
    parts = {"raw": output.raw, "anchors": output.anchors, "boxes": output.boxes, "scores": output.scores}
    return {name: part.numpy() for name, part in parts.items()}


def _target_arrays(shown: ShownPicture, settings: GridSettings) -> dict[str, np.ndarray]:
    target = target_of(settings, shown.size)
    answer = answer_of(settings, target)
    return {
        "values": target.values.numpy(),
        "cares": target.cares.numpy(),
        "answer": answer.numpy(),
        "categories": np.array(CATEGORIES),
    }


def _landmark_arrays(shown: ShownPicture, settings: GridSettings) -> dict[str, np.ndarray]:
    target = landmark_target(_points(shown, settings), shown.size)
    return {"y": target.values.numpy(), "cares": target.cares.numpy()}


def _csv(head: list[str], lines: list[list[Any]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return file.getvalue().encode()


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
