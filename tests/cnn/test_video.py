"""Files written and read again; what is no video is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnn.video import VideoError, opened_video, video_kind, write_mp4


def frames(count: int, height: int = 48, width: int = 64) -> list[torch.Tensor]:
    """Gray levels that rise frame by frame, with a red corner."""
    out = []
    for index in range(count):
        picture = torch.full((3, height, width), 20 + 8 * index, dtype=torch.uint8)
        picture[:, :16, :16] = torch.tensor([250, 10, 10], dtype=torch.uint8)[:, None, None]
        out.append(picture)
    return out


def test_a_video_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "run.mp4"
    assert write_mp4(path, frames(12), 10) in ("avc1", "vp09", "mp4v")
    assert [p.name for p in tmp_path.iterdir()] == ["run.mp4"]
    for source in (path, str(path), path.read_bytes()):
        with opened_video(source) as video:
            assert (video.facts.width, video.facts.height, video.facts.frames) == (64, 48, 12)
            assert video.facts.fps == pytest.approx(10)
            read = list(video.pictures())
    assert [number for number, _ in read] == list(range(12))
    for (_, got), wanted in zip(read, frames(12), strict=True):
        assert got.shape == (3, 48, 64)
        assert (got[:, 24:, 24:].float() - wanted[:, 24:, 24:].float()).abs().mean() < 8
    red = read[0][1][:, 4:10, 4:10].float().mean((1, 2))
    assert red[0] > 150 > 90 > red[2]


def test_bounds_of_frames_and_sides(tmp_path: Path) -> None:
    path = tmp_path / "run.mp4"
    write_mp4(path, frames(9, 41, 65), 25)  # odd sides
    with opened_video(path) as video:
        picked = list(video.pictures(max_side=32, every=3, max_frames=2))
    assert [number for number, _ in picked] == [0, 3]
    assert picked[0][1].shape == (3, 20, 32)
    with opened_video(path) as video, pytest.raises(ValueError, match="every"):
        next(video.pictures(every=0))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x00\x00\x00\x20ftypisom" + bytes(400),
        b"\x1a\x45\xdf\xa3" + bytes(100),
        b"GIF89a" + bytes(50),
    ],
)
def test_B3_what_is_no_video_is_refused(content: bytes) -> None:
    with pytest.raises(VideoError, match="wanted"), opened_video(content) as video:
        next(video.pictures())


def test_a_truncated_file_gives_its_frames_or_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "run.mp4"
    write_mp4(path, frames(12), 10)
    content = path.read_bytes()
    outcomes = [_frames_or_reason(content[: int(len(content) * share)]) for share in (0.3, 0.6, 0.95)]
    assert all(outcome in ("damaged", "no_frames", *range(1, 13)) for outcome in outcomes)


def _frames_or_reason(content: bytes) -> int | str:
    try:
        with opened_video(content) as video:
            return len(list(video.pictures()))
    except VideoError as error:
        return error.code


def test_kinds_by_content() -> None:
    assert video_kind(b"\x00\x00\x00\x20ftypisom....") == "mp4"
    assert video_kind(b"RIFF\x00\x00\x00\x00AVI LIST") == "avi"
    assert video_kind(b"RIFF\x00\x00\x00\x00WEBPVP8 ") == ""


def test_pictures_that_make_no_video_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.mp4"
    for pictures in ([], [*frames(1), *frames(1, 20, 20)], [torch.zeros(3, 8, 8)]):
        with pytest.raises(VideoError, match="wanted"):
            write_mp4(path, pictures, 10)
    assert list(tmp_path.iterdir()) == []
