"""Video files read frame by frame, within bounds, and written so that a browser plays them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
import torch
from torch import Tensor

__all__ = [
    "Mp4File",
    "VideoError",
    "VideoFacts",
    "VideoFile",
    "opened_video",
    "video_facts",
    "video_kind",
    "write_mp4",
]

MOST_BYTES = 200 << 20
MOST_FRAMES = 3000
LARGEST_SIDE = 4096
DAMAGED_FRAMES = 30  # so many in a row that cannot be decoded end the video
CODECS = ("avc1", "vp09", "mp4v")  # the first two play in browsers
FILES_ONLY = "protocol_whitelist;file"


class VideoError(ValueError):
    """A video that cannot be read or written. `code` names why, `values` holds the sentence's numbers."""

    def __init__(self, message: str, code: str = "", **values: int | float | str) -> None:
        super().__init__(message)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a file's header says: pixels, frames a second, and frames, 0 where it does not tell."""

    width: int
    height: int
    fps: float
    frames: int


class VideoFile:
    """An open video: `facts`, and `pictures`, which gives the frames in order."""

    def __init__(self, capture: cv2.VideoCapture, facts: VideoFacts) -> None:
        self._capture = capture
        self.facts = facts

    def pictures(
        self, *, max_side: int = 1280, max_frames: int = MOST_FRAMES, every: int = 1
    ) -> Iterator[tuple[int, Tensor]]:
        """The number of each frame, from 0, and the frame as uint8 (3, H, W).

        Args:
            max_side: longer frames are scaled down. max_frames: the rest is left out.
            every: 1 for all frames, 2 for every second one.

        Raises:
            ValueError: a number below 1. VideoError: not a single frame can be decoded.
        """
        for name, value in (("max_side", max_side), ("max_frames", max_frames), ("every", every)):
            if value < 1:
                raise ValueError(f"wanted {name} of at least 1, got {value}")
        given, number, damaged = 0, -1, 0
        while given < min(max_frames, MOST_FRAMES) and damaged < DAMAGED_FRAMES:
            number += 1
            if not self._capture.grab():
                # a damaged frame is passed over; behind the last one there is nothing but failures
                if self.facts.frames and number >= self.facts.frames:
                    break
                damaged += 1
                continue
            if number % every:
                continue
            there, rows = self._capture.retrieve()
            if not there:
                damaged += 1
                continue
            damaged = 0
            given += 1
            yield number, _picture(rows, max_side)
        if not given:
            raise VideoError("wanted a video with frames, got none that can be decoded", "no_frames")


@contextmanager
def opened_video(source: bytes | str | Path) -> Iterator[VideoFile]:
    """A video file for the `with` block. Run it in a worker of `cnn.jobs`: a decoder may crash on a bad file.

    Args:
        source: the file's bytes, or where it lies; 200 MB at most. MP4, MOV, WebM, Matroska or AVI by content.

    Raises:
        VideoError: too large, another kind of file, damaged, larger than 4,096 pixels a side.
    """
    if isinstance(source, bytes):
        handle, name = tempfile.mkstemp(prefix="convscope-", suffix=".video")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(source)
            with opened_video(Path(name)) as video:
                yield video
        finally:
            with suppress(OSError):
                Path(name).unlink()
        return
    capture = _capture(Path(source))
    try:
        facts = VideoFacts(
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=_rate(capture.get(cv2.CAP_PROP_FPS)),
            frames=max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))),
        )
        if not (0 < facts.width <= LARGEST_SIDE and 0 < facts.height <= LARGEST_SIDE):
            raise VideoError(
                f"wanted frames of at most {LARGEST_SIDE} pixels a side, got {facts.width}×{facts.height}",
                "too_large",
                width=facts.width,
                height=facts.height,
            )
        yield VideoFile(capture, facts)
    finally:
        capture.release()


def video_facts(path: str) -> tuple[int, int, float, int]:
    """(width, height, frames a second, frames) of a video file whose first frame can be decoded; for
    `cnn.jobs.run_in_worker`. Raises: VideoError, its message is its code."""
    try:
        with opened_video(path) as video:
            next(video.pictures(max_side=64, max_frames=1))
            facts = video.facts
            return facts.width, facts.height, facts.fps, facts.frames
    except VideoError as error:
        raise VideoError(error.code, error.code) from error


def video_kind(head: bytes) -> str:
    """ "mp4", "webm" or "avi" by a file's first 16 bytes, "" for anything else.

    Playlists and other texts, which make a decoder open further files and addresses, are no video.
    """
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm"
    return "avi" if head[:4] == b"RIFF" and head[8:12] == b"AVI " else ""


class Mp4File:
    """An MP4 that is written picture by picture, beside its place; it is put there on leaving without an error.

    Use as a context manager. `codec` after the first picture: "avc1" (H.264) where this OpenCV has it, else "vp09"
    (VP9), which browsers play as well, else "mp4v".
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, _rate(fps)
        self._part = path.with_name(f".{path.name}.part.mp4")
        self._writer: cv2.VideoWriter | None = None
        self._shape: torch.Size | None = None
        self._size = (0, 0)
        self._count = 0
        self.codec = ""

    def __enter__(self) -> Mp4File:
        return self

    def append(self, picture: Tensor) -> None:
        """Write a picture, uint8 (3, H, W), of the size of the first; sides lose a pixel where they are odd.

        Raises:
            VideoError: a picture of another size, more than 3,000, no encoder.
        """
        if self._writer is None:
            height, width = (max(2, side // 2 * 2) for side in picture.shape[1:])
            self._size, self._shape = (width, height), picture.shape
            self._writer, self.codec = _writer(self._part, self._fps, self._size)
        assert self._shape is not None
        self._count += 1
        _append(self._writer, picture, self._shape, self._count, self._size)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises: VideoError: no picture came, or the disk is full."""
        try:
            if self._writer is not None:
                self._writer.release()
            if kind is not None:
                return
            if self._writer is None:
                raise VideoError("wanted at least one picture, got none", "no_frames")
            if not self._part.is_file() or not self._part.stat().st_size:
                raise VideoError("wanted a video file, got an empty one: is the disk full?", "not_written")
            self._part.replace(self._path)
        finally:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)


def write_mp4(path: Path, pictures: Iterable[Tensor], fps: float) -> str:
    """Write pictures, uint8 (3, H, W) of one size, as an MP4; the same as `Mp4File`, all at once.

    Returns:
        the codec.

    Raises:
        VideoError: no picture, pictures of several sizes, more than 3,000, no encoder, a full disk.
    """
    with Mp4File(path, fps) as file:
        for picture in pictures:
            file.append(picture)
    return file.codec


def _capture(path: Path) -> cv2.VideoCapture:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise VideoError(f"wanted a video file, got none: {error.strerror}", "not_a_video") from error
    if size > MOST_BYTES:
        raise VideoError(
            f"wanted at most {MOST_BYTES >> 20} MB, got {size >> 20}", "too_many_bytes", megabytes=size >> 20
        )
    if not video_kind(head):
        raise VideoError("wanted an MP4, MOV, WebM, Matroska or AVI file, got another kind", "not_a_video")
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", FILES_ONLY)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise VideoError("wanted a video that can be decoded, got a damaged one", "damaged")
    return capture


def _rate(fps: float) -> float:
    return float(fps) if 0 < fps <= 1000 else 25.0


def _picture(rows: np.ndarray, max_side: int) -> Tensor:
    longest = max(rows.shape[:2])
    if longest > max_side:
        size = tuple(max(1, round(side * max_side / longest)) for side in rows.shape[:2])
        rows = cv2.resize(rows, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(cv2.cvtColor(rows, cv2.COLOR_BGR2RGB)).permute(2, 0, 1).contiguous()


def _writer(path: Path, fps: float, size: tuple[int, int]) -> tuple[cv2.VideoWriter, str]:
    for codec in CODECS:
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, size)
        if writer.isOpened():
            return writer, codec
        writer.release()
        path.unlink(missing_ok=True)
    raise VideoError("wanted an encoder for MP4, got none in this OpenCV", "no_encoder")


def _append(
    writer: cv2.VideoWriter, picture: Tensor, shape: torch.Size, number: int, size: tuple[int, int]
) -> None:
    if picture.shape != shape or picture.ndim != 3 or picture.shape[0] != 3 or picture.dtype != torch.uint8:
        raise VideoError(
            f"wanted pictures as uint8 {tuple(shape)}, got {picture.dtype} {tuple(picture.shape)}", "sizes"
        )
    if number > MOST_FRAMES:
        raise VideoError(f"wanted at most {MOST_FRAMES} frames, got more", "too_many_frames")
    rows = picture.permute(1, 2, 0).contiguous().numpy()
    rows = cv2.cvtColor(rows, cv2.COLOR_RGB2BGR)
    if min(rows.shape[:2]) < 2:
        rows = cv2.resize(rows, size)
    writer.write(np.ascontiguousarray(rows[: size[1], : size[0]]))
