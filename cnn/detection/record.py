"""A detector's candidates as a block of bytes: what a browser thresholds and suppresses by itself, and a video keeps.

Candidates are sent best score first, those below `SENT_ABOVE` and beyond the best `most` left out: suppression is greedy
from the best down, so what is left out could not have changed what stays.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnn.detection.candidates import Candidates, Suppression
from cnn.detection.detect import RawDetections, Timings, detections
from cnn.detection.reading import Reading
from cnn.models.converted import TORCH
from cnn.wire import pack, unpack

__all__ = [
    "MOST_SENT",
    "SENT_ABOVE",
    "StoredInstances",
    "packed_raw",
    "raw_block",
    "sent_order",
    "stored_raw",
]

SENT_ABOVE = 0.05
MOST_SENT = 2000


def sent_order(raw: RawDetections, most: int = MOST_SENT) -> Tensor:
    """(M,) int64: which candidates are sent, best first, of equal scores the first."""
    scores = raw.candidates.scores
    order = scores.sort(descending=True, stable=True)[1]
    return order[scores[order] > SENT_ABOVE][:most]


def raw_block(
    raw: RawDetections,
    *,
    score_threshold: float = 0.3,
    iou_threshold: float | None = None,
    most: int = MOST_SENT,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a picture's candidates, for `cnn.wire.pack`.

    Args:
        score_threshold, iou_threshold: masks and key points come for the boxes that stay with these.

    Returns:
        arrays `boxes` (M, 4) in pixels of the network's input, `scores` (M,), `labels` (M,); with masks or key points
        also `index` (K,), the places of theirs in these, and `patches` (K, 28, 28), 255 for probability 1, or `points`
        (K, P, 3) in pixels of the picture and `point_scores` (K, P). In the header: `ratio`, from those pixels to the
        picture's across and down; `size` (height, width) of the picture; the detector's `floor`, `iou`, `limit`; `runtime`.
    """
    order, found = sent_order(raw, most), raw.candidates
    height, width = raw.picture_size
    ratio = [
        torch.tensor(float(b)) / torch.tensor(float(a))
        for a, b in zip(raw.extent, (height, width), strict=True)
    ]
    timings = raw.timings
    header: dict[str, Any] = {
        "size": [height, width],
        "extent": [float(side) for side in raw.extent],
        "ratio": [float(ratio[1]), float(ratio[0])],
        "categories": list(raw.reading.categories),
        "total": found.total,
        "above_floor": len(found.scores),
        "floor": raw.score_floor,
        "own_floor": raw.suppression.score_floor,
        "iou": raw.suppression.iou_threshold,
        "limit": raw.suppression.limit,
        "masks": raw.reading.has_masks,
        "keypoints": list(raw.reading.keypoints),
        "timings": {
            "decode": timings.decode, "preprocess": timings.preprocess, "network": timings.network,
            "postprocess": timings.postprocess,
        },
        "runtime": raw.runtime,
    }  # fmt: skip
    arrays = {
        "boxes": found.boxes[order].numpy().astype(np.float32, copy=False),
        "scores": found.scores[order].numpy().astype(np.float32, copy=False),
        "labels": found.labels[order].numpy().astype(np.int32),
    }
    if raw.instances is not None:
        kept = detections(raw, max(score_threshold, SENT_ABOVE), iou_threshold)
        arrays |= instance_arrays(raw, kept.index, order)
    return header, arrays


def instance_arrays(raw: RawDetections, index: Tensor, order: Tensor) -> dict[str, np.ndarray]:
    """Masks or key points of the candidates `index`, of which `order` are sent. Raises: ValueError without any."""
    if raw.instances is None:
        raise ValueError("wanted a detector with masks or key points, got boxes only")
    places = torch.full((len(raw.candidates.scores),), -1, dtype=torch.int64)
    places[order] = torch.arange(len(order))
    index = index[places[index] >= 0]
    arrays = {"index": places[index].numpy().astype(np.int32)}
    if raw.reading.has_masks:
        arrays["patches"] = (raw.instances.masks(index) * 255).round().byte().numpy()
        return arrays
    points, scores = raw.instances.keypoints(index, len(raw.reading.keypoints))
    height, width = raw.picture_size
    scale = points.new_tensor([width / raw.extent[1], height / raw.extent[0], 1.0])
    arrays["points"] = (points * scale).numpy().astype(np.float32)
    arrays["point_scores"] = scores.numpy().astype(np.float32)
    return arrays


def packed_raw(raw: RawDetections, **settings: Any) -> bytes:
    """`raw_block` as bytes; settings as there."""
    return pack(*raw_block(raw, **settings))


class StoredInstances:
    """Masks or key points that came with a block; a box without one of them has an empty mask, points of zeros."""

    def __init__(
        self, arrays: Mapping[str, np.ndarray], extent: tuple[float, float], size: tuple[int, int]
    ) -> None:
        self._rows = {int(place): row for row, place in enumerate(arrays["index"])}
        self._arrays = arrays
        self._scale = torch.tensor([extent[1] / size[1], extent[0] / size[0], 1.0])

    def masks(self, index: Tensor) -> Tensor:
        """Probabilities (K, 28, 28)."""
        return self._picked("patches", index).float() / 255

    def keypoints(self, index: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Points (K, count, 3) in pixels of the network's input, scores (K, count)."""
        return self._picked("points", index) * self._scale, self._picked("point_scores", index)

    def _picked(self, name: str, index: Tensor) -> Tensor:
        known = self._arrays[name]
        out = np.zeros((len(index), *known.shape[1:]), known.dtype)
        for place, candidate in enumerate(index.tolist()):
            if candidate in self._rows:
                out[place] = known[self._rows[candidate]]
        return torch.from_numpy(out)


def stored_raw(block: bytes) -> RawDetections:
    """The candidates of a block, for `cnn.detection.detect.detections`. Raises: ValueError: no block of `packed_raw`."""
    try:
        header, arrays = unpack(block)
        size = (int(header["size"][0]), int(header["size"][1]))
        extent = (float(header["extent"][0]), float(header["extent"][1]))
        found = Candidates(
            torch.from_numpy(arrays["boxes"].copy()),
            torch.from_numpy(arrays["scores"].copy()),
            torch.from_numpy(arrays["labels"].astype(np.int64)),
            int(header["total"]),
        )
        reading = Reading(
            tuple(header["categories"]), keypoints=tuple(header["keypoints"]), has_masks=bool(header["masks"])
        )
        return RawDetections(
            candidates=found,
            extent=extent,
            picture_size=size,
            reading=reading,
            suppression=Suppression(float(header["own_floor"]), float(header["iou"]), int(header["limit"])),
            score_floor=float(header["floor"]),
            timings=Timings(**header["timings"]),
            instances=StoredInstances(arrays, extent, size) if "index" in arrays else None,
            runtime=str(header.get("runtime", TORCH)),
        )
    except (KeyError, TypeError, IndexError, ValueError, struct.error) as error:
        raise ValueError(f"wanted a block of candidates, got another: {type(error).__name__}") from error
