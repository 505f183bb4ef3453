"""Runs as GIF, bounded."""

import io

import pytest
import torch
from PIL import Image

from cnn.style.errors import StyleError
from cnn.style.export import chosen_frames, gif_bytes, mp4_bytes


def frames(count, size=(20, 30)):
    return [torch.full((3, *size), min(255, 3 * i), dtype=torch.uint8) for i in range(count)]


def test_gif_has_the_frames_their_size_and_time():
    small, large = frames(2, (10, 15)), frames(4)[2:]
    picture = Image.open(io.BytesIO(gif_bytes([*small, *large], seconds=1.2)))
    assert (picture.n_frames, picture.size, picture.info["loop"]) == (4, (30, 20), 0)
    times = []
    for index in range(4):
        picture.seek(index)
        times.append(picture.info["duration"])
        assert picture.convert("RGB").getpixel((5, 5))[0] == pytest.approx(3 * index, abs=2)
    assert times == [300, 300, 300, 1000]


def test_gif_is_bounded_in_frames_and_size():
    picture = Image.open(io.BytesIO(gif_bytes(frames(50, (40, 80)), max_frames=10, max_side=40)))
    assert (picture.n_frames, picture.size) == (10, (40, 20))


def test_frames_are_thinned_evenly_with_both_ends():
    assert chosen_frames(5, 10) == [0, 1, 2, 3, 4]
    assert chosen_frames(100, 4) == [0, 33, 66, 99]
    assert chosen_frames(9, 1) == [8]


@pytest.mark.parametrize("write", [gif_bytes, mp4_bytes])
def test_what_cannot_be_written_is_refused(write):
    with pytest.raises(StyleError) as refused:
        write([])
    assert refused.value.code == "no_frames"
    for wrong in ({"seconds": 0}, {"max_frames": 0}, {"max_side": 10**6}, {"seconds": float("nan")}):
        with pytest.raises(StyleError) as refused:
            write(frames(2), **wrong)
        assert refused.value.code == "setting"


def test_one_pixel_frames_can_be_written():
    assert gif_bytes(frames(1, (1, 1))).startswith(b"GIF89a")
    assert b"ftyp" in mp4_bytes(frames(2, (1, 1)))[:16]
