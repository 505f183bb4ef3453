"""A segmented video's frames as they are kept, and as they are drawn for the file: for `cnn.frame_file`."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnn.frame_file import FrameParts
from cnn.segmentation.colours import class_colours, overlaid
from cnn.segmentation.video import SegmentedFrame

__all__ = ["coded_labels", "decoded_labels", "drawn_frame", "segmented_parts"]

_RUN = np.dtype([("label", "u1"), ("low", "u1"), ("high", "u1")])  # a class and how many pixels of it follow
LONGEST_RUN = 65535


def segmented_parts(record: SegmentedFrame) -> FrameParts:
    """What is kept of a frame: its picture, and its classes with their colours as `coded_labels` writes them."""
    coded = coded_labels(record.labels, class_colours(record.categories))
    return FrameParts(picture=record.picture, result=coded, number=record.number, seconds=record.seconds)


def coded_labels(labels: Tensor, colours: Tensor) -> bytes:
    """Rows and columns (two little-endian uint16), the number of classes (uint8), their colours, then runs of equal
    labels, row after row: the label (uint8) and its length (little-endian uint16).

    Args:
        labels: (H, W) uint8. colours: (K, 3) uint8.
    """
    flat = labels.contiguous().numpy().reshape(-1)
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] ^ 1))
    lengths = np.diff(starts, append=flat.size)
    parts = np.maximum(-(-lengths // LONGEST_RUN), 1)
    owner = np.repeat(np.arange(len(starts)), parts)
    first = np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)
    pieces = np.minimum(lengths[owner] - first * LONGEST_RUN, LONGEST_RUN)
    runs = np.empty(len(owner), dtype=_RUN)
    runs["label"], runs["low"], runs["high"] = flat[starts][owner], pieces & 255, pieces >> 8
    head = struct.pack("<HHB", *labels.shape, len(colours))
    return head + colours.numpy().tobytes() + runs.tobytes()


def decoded_labels(result: bytes) -> tuple[Tensor, Tensor]:
    """(labels (H, W) uint8, colours (K, 3) uint8), the inverse. Raises: ValueError for other bytes."""
    try:
        rows, columns, count = struct.unpack_from("<HHB", result)
        colours = np.frombuffer(result, np.uint8, 3 * count, 5).reshape(count, 3)
        runs = np.frombuffer(result, _RUN, -1, 5 + 3 * count)
        lengths = runs["low"].astype(np.int64) + 256 * runs["high"].astype(np.int64)
        labels = np.repeat(runs["label"], lengths).reshape(rows, columns)
    except (struct.error, ValueError) as error:
        raise ValueError(f"wanted labels as they were coded, got {len(result)} other bytes") from error
    return torch.from_numpy(labels), torch.from_numpy(colours.copy())


def drawn_frame(picture: Tensor, result: bytes, parameters: Mapping[str, Any]) -> Tensor:
    """A frame with its classes, uint8 (3, H, W); `parameters` as the browser sends them: "opacity" in per cent, "view"."""
    labels, colours = decoded_labels(result)
    opacity = parameters.get("opacity")
    share = float(opacity) / 100 if isinstance(opacity, (int, float)) and 0 <= opacity <= 100 else 0.65
    return overlaid(picture, labels, colours, share, contours=parameters.get("view") == "contours")
