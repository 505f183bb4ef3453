"""The classes of pixels in a video, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from cnn.segmentation.segment import segment
from cnn.video import opened_video
from cnn.weights.named import as_network

__all__ = ["SegmentedFrame", "segment_video"]


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedFrame:
    """One frame: `picture` uint8 (3, H, W) and `labels` (H, W) uint8.

    `frame` counts from 1 of `frames`; `number` is the frame's in the file, from 0, at `seconds`. `spent`
    seconds went
    into the network and its pre- and post-processing; `fps` is the video's.
    """

    frame: int
    frames: int
    number: int
    seconds: float
    picture: Tensor
    labels: Tensor
    categories: tuple[str, ...]
    spent: float
    fps: float


def segment_video(
    *,
    source: bytes | str | Path,
    model: nn.Module | str | Callable[[], nn.Module],
    precision: str = "fast",
    device: str = "cpu",
    every: int = 1,
    max_side: int = 1280,
    max_frames: int = 1500,
) -> Generator[SegmentedFrame, None, None]:
    """Every frame's classes, for `cnn.jobs`.

    Args:
        source: the file or its bytes. model: a segmenter; the name of a shipped one, or of a record of
        `PRETRAINED`;
            or a function that makes one.
        every: every how manieth frame. max_side: frames are scaled down to it.

    Raises (at the first frame):
        VideoError: no readable video. SegmenterError, BuiltinError, WeightsError: no such segmenter.
    """
    segmenter = as_network(model).to(device)
    with opened_video(source) as video:
        facts = video.facts
        total = min(max_frames, -(-facts.frames // max(1, every))) if facts.frames else 0
        pictures = video.pictures(max_side=max_side, max_frames=max_frames, every=every)
        for done, (number, picture) in enumerate(pictures, start=1):
            start = time.perf_counter()
            found = segment(segmenter, picture, precision=precision, probabilities=False)
            yield SegmentedFrame(
                frame=done,
                frames=max(total, done),
                number=number,
                seconds=number / facts.fps,
                picture=picture,
                labels=found.labels,
                categories=found.categories,
                spent=time.perf_counter() - start,
                fps=facts.fps,
            )
