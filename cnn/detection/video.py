"""Objects in a video, frame by frame, and what is kept of it: tables for people and for programs."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnn.detection.detect import Detections, RawDetections, detections, raw_batch
from cnn.video import opened_video
from cnn.weights.named import as_network

__all__ = ["RawFrame", "VideoFrame", "coco_json", "detect_video", "detections_csv", "raw_video"]

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """One frame and what was found in it.

    Attributes:
        frame, frames: 1… of how many, as far as the file tells. number: of the frame in the file, from 0.
        seconds: since the video's start. picture: uint8 (3, H, W). found: boxes in its pixels.
        fps: of the video. speed: frames a second that were worked off so far.
    """

    frame: int
    frames: int
    number: int
    seconds: float
    picture: Tensor
    found: Detections
    fps: float
    speed: float


@dataclass(frozen=True, slots=True, eq=False)
class RawFrame:
    """The same with the candidates of the frame in place of results: `raw`. It stays in the process it was made in."""

    frame: int
    frames: int
    number: int
    seconds: float
    picture: Tensor
    raw: RawDetections
    fps: float
    speed: float


def detect_video(
    *,
    source: bytes | str | Path,
    model: nn.Module | str | Callable[[], nn.Module],
    score_threshold: float = 0.5,
    iou_threshold: float | None = None,
    classes: Sequence[int] | None = None,
    precision: str = "fast",
    device: str = "cpu",
    batch: int = 1,
    every: int = 1,
    max_side: int = 1280,
    max_frames: int = 1500,
) -> Generator[VideoFrame, Settings | None, None]:
    """The objects of every frame, for `cnn.jobs`: `submit(detect_video, options=JobOptions(kind="video"),
    …)`.

    Sending {"score_threshold", "iou_threshold", "classes"} changes them on the way.

    Args:
        source: the file or its bytes. model: a detector, the name of a shipped one, or a function that makes
        one.
        batch: frames in one pass of the network, 1 to 32; more than 1 pays on an accelerator.
        every: every how manieth frame. max_side: frames are scaled down to it.

    Raises (at the first frame):
        VideoError: no readable video. DetectorError, BuiltinError, WeightsError: no such detector.
        ValueError: a bad
        setting.
    """
    settings: Settings = {
        "score_threshold": score_threshold,
        "iou_threshold": iou_threshold,
        "classes": classes,
    }
    steps = raw_video(
        source=source, model=model, precision=precision, device=device, batch=batch, every=every,
        max_side=max_side, max_frames=max_frames,
    )  # fmt: skip
    for step in steps:
        message = yield VideoFrame(
            step.frame, step.frames, step.number, step.seconds, step.picture, detections(step.raw, **settings),
            step.fps, step.speed,
        )  # fmt: skip
        if message:
            settings = {**settings, **{k: v for k, v in message.items() if k in settings}}


def raw_video(
    *,
    source: bytes | str | Path,
    model: nn.Module | str | Callable[[], nn.Module],
    precision: str = "fast",
    device: str = "cpu",
    batch: int = 1,
    every: int = 1,
    max_side: int = 1280,
    max_frames: int = 1500,
) -> Generator[RawFrame, None, None]:
    """The candidates of every frame, for thresholds later on. Args, Raises: as `detect_video`."""
    detector = as_network(model).to(device)
    with opened_video(source) as video:
        total = min(max_frames, -(-video.facts.frames // max(1, every))) if video.facts.frames else 0
        start, done = time.perf_counter(), 0
        pictures = video.pictures(max_side=max_side, max_frames=max_frames, every=every)
        for chunk, decoding in _chunks(pictures, batch):
            raws = raw_batch(detector, [picture for _, picture in chunk], precision=precision)
            for (number, picture), raw in zip(chunk, raws, strict=True):
                done += 1
                yield RawFrame(
                    frame=done,
                    frames=max(total, done),
                    number=number,
                    seconds=number / video.facts.fps,
                    picture=picture,
                    raw=replace(raw, timings=replace(raw.timings, decode=decoding)),
                    fps=video.facts.fps,
                    speed=done / max(time.perf_counter() - start, 1e-9),
                )


def _chunks(
    pictures: Iterator[tuple[int, Tensor]], batch: int
) -> Iterator[tuple[list[tuple[int, Tensor]], float]]:
    """`batch` frames at a time, and the seconds that decoding each took."""
    while True:
        start = time.perf_counter()
        chunk = list(islice(pictures, max(1, batch)))
        if not chunk:
            return
        yield chunk, (time.perf_counter() - start) / len(chunk)


def detections_csv(records: Iterable[tuple[str | int, Detections]]) -> str:
    """A table with a row for each box: picture (file name or frame), category, score, corners in pixels.

    Args:
        records: a name or frame number with its detections.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("picture", "category", "label", "score", "x1", "y1", "x2", "y2"))
    for name, found in records:
        rows = zip(
            found.names, found.labels.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True
        )
        for category, label, score, box in rows:
            corners = (f"{value:.2f}" for value in box)
            table.writerow((_plain(name), _plain(category), label, f"{score:.6f}", *corners))
    return out.getvalue()


def _plain(text: str | int) -> str | int:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if isinstance(text, str) and text[:1] in "=+-@\t\r" else text


def coco_json(records: Iterable[tuple[str | int, Detections]]) -> dict[str, Any]:
    """The detections in COCO's format, ready for `json.dumps`: images, annotations with scores, categories.

    Boxes are x, y, width, height; masks are run lengths down the columns; key points x, y, 2.

    Source: cocodataset.org, "Data format" and "Results format".
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    names: dict[int, str] = {}
    for image_id, (name, found) in enumerate(records, start=1):
        height, width = found.picture_size
        images.append({"id": image_id, "file_name": str(name), "height": height, "width": width})
        names.update(zip(found.labels.tolist(), found.names, strict=True))
        for index in range(len(found)):
            annotations.append(_annotation(found, index, image_id, len(annotations) + 1))
    categories = [{"id": label, "name": names[label]} for label in sorted(names)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _annotation(found: Detections, index: int, image_id: int, number: int) -> dict[str, Any]:
    x1, y1, x2, y2 = found.boxes[index].tolist()
    entry: dict[str, Any] = {
        "id": number,
        "image_id": image_id,
        "category_id": int(found.labels[index]),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
        "score": float(found.scores[index]),
        "iscrowd": 0,
    }
    if found.mask_patches is not None:
        mask = found.mask(index)
        entry["segmentation"] = {"size": list(found.picture_size), "counts": _run_lengths(mask)}
        entry["area"] = int(mask.sum())
    if found.keypoints is not None:
        points = found.keypoints[index].clone()
        points[:, 2] = 2  # COCO's "labelled and visible"
        entry["keypoints"] = [round(value, 2) for value in points.flatten().tolist()]
        entry["num_keypoints"] = len(points)
    return entry


def _run_lengths(mask: Tensor) -> list[int]:
    """Lengths of runs of 0 and 1 in turn, down the columns, beginning with 0."""
    flat = mask.T.flatten().to(torch.int8)
    edges = (flat.diff() != 0).nonzero()[:, 0] + 1
    bounds = torch.cat([torch.tensor([0]), edges, torch.tensor([len(flat)])])
    lengths: list[int] = bounds.diff().tolist()
    return [0, *lengths] if len(flat) and bool(flat[0]) else lengths
