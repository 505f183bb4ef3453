"""A run on disk: frames and results come back as they were written, while it is written and after; its export plays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

import cnn.frame_file
from cnn.frame_file import FrameParts, FrameReader, exported, recorded
from cnn.images.pan import pan_clip, panned
from cnn.video import VideoError, opened_video, video_facts


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    frame: int
    frames: int
    picture: Tensor


def brighter(*, count: int) -> Iterator[Step]:
    for frame in range(1, count + 1):
        yield Step(frame, count, torch.full((3, 40, 60), 10 * frame, dtype=torch.uint8))


def parts(step: Step) -> FrameParts:
    return FrameParts(step.picture, b"result %d" % step.frame, 2 * step.frame - 2, (step.frame - 1) / 4)


def inverted(picture: Tensor, result: bytes, parameters: Mapping[str, Any]) -> Tensor:
    assert result.startswith(b"result")
    return parameters["most"] - picture


def test_speed_is_that_of_the_work_not_of_the_rest_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(cnn.frame_file, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def slow(*, count: int) -> Iterator[Step]:
        for step in brighter(count=count):
            clock[0] += 0.5
            yield step

    speeds = []
    for step in recorded(folder=str(tmp_path), video=slow, encode=parts, parameters={"count": 4}):
        speeds.append(step.speed)
        clock[0] += 60  # nobody was there: the job rested
    assert speeds == pytest.approx([2.0] * 4)


def test_frames_are_readable_while_the_run_goes_on_and_its_export_is_a_video(tmp_path: Path) -> None:
    reader = FrameReader(tmp_path)
    assert reader.places() == ()
    steps = recorded(folder=str(tmp_path), video=brighter, encode=parts, parameters={"count": 9})
    first = next(steps)
    assert (first.frame, first.frames, first.full) == (1, 9, False)
    assert len(reader.places()) == 1
    assert [step.frame for step in steps] == list(range(2, 10))
    places = reader.places()
    assert [place.number for place in places] == list(range(0, 18, 2))
    assert [place.seconds for place in places] == [k / 4 for k in range(9)]
    for frame, (place, picture, result) in enumerate(reader.frames(), start=1):
        assert result == b"result %d" % frame
        assert reader.read(place)[1] == result
        assert picture.shape == (3, 40, 60)
        assert (picture.int() - 10 * frame).abs().max() <= 1
    target = tmp_path / "out.mp4"
    made = list(exported(folder=str(tmp_path), target=str(target), draw=inverted, parameters={"most": 255}))
    assert [(m.frame, m.frames) for m in made] == [(k, 9) for k in range(10)]
    with opened_video(target) as video:
        assert video.facts.fps == pytest.approx(4)
        shown = [picture.float().mean() for _, picture in video.pictures()]
    for frame, mean in enumerate(shown, start=1):
        assert abs(mean - (255 - 10 * frame)) < 6
    assert not list(tmp_path.glob("*.part*"))


def test_fault_E3_a_full_disk_and_a_full_file_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"folder": str(tmp_path), "video": brighter, "encode": parts, "parameters": {"count": 9}}
    monkeypatch.setattr(cnn.frame_file, "MOST_BYTES", 1000)
    steps = list(recorded(**run))
    assert steps[-1].full
    assert 0 < len(steps) == len(FrameReader(tmp_path).places()) < 9
    monkeypatch.setattr(cnn.frame_file, "FREE_BYTES", 1 << 60)
    with pytest.raises(VideoError) as caught:
        list(recorded(**run))
    assert caught.value.code == "disk_full"
    for place in (cnn.frame_file._DATA, cnn.frame_file._INDEX):
        (tmp_path / place).unlink()
    with pytest.raises(VideoError):
        list(exported(folder=str(tmp_path), target=str(tmp_path / "x.mp4"), draw=inverted, parameters={}))


def test_a_pan_stays_inside_the_picture_and_comes_back() -> None:
    image = torch.arange(120 * 200, dtype=torch.int64).remainder(200).view(1, 120, 200).to(torch.uint8)
    frames = list(panned(image, frames=12, side=96))
    assert len(frames) == 12
    assert {tuple(frame.shape) for frame in frames} == {(3, 58, 96)}
    lefts = [int(frame[0, 20, 0]) for frame in frames]  # the picture brightens by one a column
    assert lefts[0] == 0
    assert 20 < lefts[6] < 80
    assert max(int(frame[0].max()) for frame in frames) <= 199


def test_a_pan_is_a_video_that_the_reader_takes(tmp_path: Path) -> None:
    image = torch.zeros(3, 90, 160, dtype=torch.uint8)
    image[0, :, 80:] = 240
    pan_clip(tmp_path / "pan.avi", image)
    width, height, fps, count = video_facts(str(tmp_path / "pan.avi"))
    assert (width, height, round(fps), count) == (480, 270, 12, 48)
