"""A video worked off frame by frame, kept on disk: every frame's picture beside what a network made of it.

While a job writes, others read: a frame is in the index only after it is whole in the data. The player scrubs through
the file, and an export draws the results into the pictures once the person has settled how.
"""

from __future__ import annotations

import shutil
import struct
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cnn.images.camera_frame import camera_frame
from cnn.images.encode import jpeg_bytes, to_hwc
from cnn.video import Mp4File, VideoError

__all__ = [
    "ExportedFrame",
    "FrameParts",
    "FramePlace",
    "FrameReader",
    "RecordedFrame",
    "exported",
    "recorded",
]

MOST_BYTES = 160_000_000
FREE_BYTES = 64_000_000
_ENTRY = struct.Struct("<QIIId")  # offset, bytes of the picture, bytes of the result, number, seconds
_DATA, _INDEX = "frames.bin", "frames.index"


@dataclass(frozen=True, slots=True, eq=False)
class FrameParts:
    """What is kept of one frame: `picture` uint8 (3, H, W), up to 1,280 px; `result` in a form of the caller's;
    `number` of the frame in its file, from 0; `seconds` since its start."""

    picture: Tensor
    result: bytes
    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """A frame was worked off and is in the file: `frame` 1… of `frames`; `speed` in frames a second of work so far;
    `full`: no further frame fits into the file, the run ends here."""

    frame: int
    frames: int
    speed: float
    full: bool = False


@dataclass(frozen=True, slots=True)
class ExportedFrame:
    """A frame was drawn and written: `frame` 1… of `frames`."""

    frame: int
    frames: int


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where a frame lies in the data, its number in the video and its time."""

    offset: int
    picture_bytes: int
    result_bytes: int
    number: int
    seconds: float


def recorded(
    *,
    folder: str,
    video: Callable[..., Generator[Any, Any, None]],
    encode: Callable[[Any], FrameParts],
    parameters: Mapping[str, Any],
) -> Generator[RecordedFrame, Any, None]:
    """Run `video(**parameters)` and keep what `encode` makes of its records in `folder`; for `cnn.jobs`.

    Args:
        folder: exists; what a run before it left there is replaced. video: a generator function at module level
            whose records have `.frame` and `.frames`; messages are handed on to it.
        encode: at module level.

    Raises:
        VideoError: the disk is full. Whatever `video` raises.
    """
    spent, since, steps = 0.0, time.perf_counter(), video(**parameters)
    with ExitStack() as opened:
        opened.callback(steps.close)
        data = opened.enter_context((Path(folder) / _DATA).open("wb"))
        index = opened.enter_context((Path(folder) / _INDEX).open("wb"))
        message = None
        while True:
            try:
                record = steps.send(message)
            except StopIteration:
                return
            parts = encode(record)
            picture = jpeg_bytes(to_hwc(parts.picture), quality=86)
            offset = data.tell()
            if shutil.disk_usage(folder).free < len(picture) + len(parts.result) + FREE_BYTES:
                raise VideoError("wanted room for the frames, got a full disk", "disk_full")
            data.write(picture)
            data.write(parts.result)
            data.flush()
            index.write(_ENTRY.pack(offset, len(picture), len(parts.result), parts.number, parts.seconds))
            index.flush()
            full = data.tell() > MOST_BYTES
            spent += time.perf_counter() - since
            speed = record.frame / max(spent, 1e-9)
            message = yield RecordedFrame(record.frame, max(record.frames, record.frame), speed, full)
            since = time.perf_counter()  # a job may have been at rest meanwhile
            if full:
                return


class FrameReader:
    """The frames of a folder that `recorded` wrote, or still writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def places(self) -> tuple[FramePlace, ...]:
        """Every frame so far; () before the first."""
        try:
            found = (self._folder / _INDEX).read_bytes()
        except OSError:
            return ()
        whole = len(found) // _ENTRY.size * _ENTRY.size
        return tuple(FramePlace(*entry) for entry in _ENTRY.iter_unpack(found[:whole]))

    def read(self, place: FramePlace) -> tuple[bytes, bytes]:
        """The JPEG and the result of one frame. Raises: OSError: the file is gone."""
        with (self._folder / _DATA).open("rb") as data:
            data.seek(place.offset)
            picture = data.read(place.picture_bytes)
            return picture, data.read(place.result_bytes)

    def frames(self) -> Iterator[tuple[FramePlace, Tensor, bytes]]:
        """Every frame: its place, its picture uint8 (3, H, W), its result. Raises: OSError: the file is gone."""
        for place in self.places():
            picture, result = self.read(place)
            yield place, camera_frame(picture), result


def exported(
    *,
    folder: str,
    target: str,
    draw: Callable[[Tensor, bytes, Mapping[str, Any]], Tensor],
    parameters: Mapping[str, Any],
) -> Generator[ExportedFrame, Any, None]:
    """Draw every frame of `folder` and write an MP4 at the pace of the video; for `cnn.jobs`.

    Args:
        target: path of the MP4. draw: `draw(picture, result, parameters)` → uint8 (3, H, W), all of one size; at
            module level.

    Raises:
        VideoError: no frames, a full disk. Whatever `draw` raises.
    """
    reader = FrameReader(Path(folder))
    places = reader.places()
    span = places[-1].seconds - places[0].seconds if places else 0.0
    fps = (len(places) - 1) / span if span > 0 else 10.0
    yield ExportedFrame(0, len(places))
    drawn = (draw(picture, result, parameters) for _, picture, result in reader.frames())
    with Mp4File(Path(target), fps) as file:
        for done, picture in enumerate(drawn, start=1):
            file.append(picture)
            yield ExportedFrame(done, len(places))
