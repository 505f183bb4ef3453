"""Kept colours, frames of a video for the player, and the arrays that a run's code reads."""

import colorsys

import pytest
import torch
from torch import nn

from cnn.frame_file import exported, recorded
from cnn.style import fast
from cnn.style.colour import colours_kept
from cnn.style.export import mp4_bytes
from cnn.style.exported import exported_arrays
from cnn.style.fast import StyledFrame, drawn_frame, styled_parts, stylize_video
from cnn.video import opened_video


class Bright(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.one - x


def test_kept_colours_have_the_styles_luminance_and_the_photos_hue():
    generator = torch.Generator().manual_seed(0)
    content = torch.randint(60, 190, (3, 8, 8), generator=generator, dtype=torch.uint8)
    styled = torch.randint(90, 160, (3, 8, 8), generator=generator, dtype=torch.uint8)
    made = colours_kept(styled, content).float() / 255
    for row in range(8):
        for column in range(8):
            y, i, q = colorsys.rgb_to_yiq(*made[:, row, column].tolist())
            own_y, _, _ = colorsys.rgb_to_yiq(*(styled[:, row, column].float() / 255).tolist())
            _, own_i, own_q = colorsys.rgb_to_yiq(*(content[:, row, column].float() / 255).tolist())
            if made[:, row, column].min() > 0 and made[:, row, column].max() < 1:  # nothing was cut
                assert y == pytest.approx(own_y, abs=0.02)
                assert (i, q) == pytest.approx((own_i, own_q), abs=0.02)


def test_a_video_keeps_its_colours_and_is_read_from_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(fast, "load_fast", lambda name, device: Bright())
    red = torch.zeros(3, 32, 48, dtype=torch.uint8)
    red[0], red[1], red[2] = 180, 60, 60
    data = mp4_bytes([red] * 3, seconds=1)
    plain = next(stylize_video(path=data, networks={"any": 1.0}, size=None, steadiness=0.0))
    kept = next(stylize_video(path=data, networks={"any": 1.0}, size=None, steadiness=0.0, keep_colours=True))
    assert plain.image[0].float().mean() < plain.image[1].float().mean()
    assert kept.image[0].float().mean() > kept.image[1].float().mean() + 80


def test_frames_are_kept_as_they_were_styled():
    image = torch.randint(0, 256, (3, 4, 6), dtype=torch.uint8)
    parts = styled_parts(StyledFrame(frame=13, frames=40, image=image, seconds=0.1, rate=24.0))
    assert (parts.number, parts.seconds, parts.result) == (12, 0.5, b"")
    assert drawn_frame(parts.picture, parts.result, {"junk": 1}) is image


def test_a_styled_video_is_kept_and_written_as_mp4(tmp_path, monkeypatch):
    monkeypatch.setattr(fast, "load_fast", lambda name, device: Bright())
    dark = torch.full((3, 32, 48), 40, dtype=torch.uint8)
    parameters = {"path": mp4_bytes([dark] * 4, seconds=1), "networks": {"any": 1.0}, "size": None}
    records = list(
        recorded(folder=str(tmp_path), video=stylize_video, encode=styled_parts, parameters=parameters)
    )
    assert [record.frame for record in records] == [1, 2, 3, 4]
    target = tmp_path / "made.mp4"
    list(exported(folder=str(tmp_path), target=str(target), draw=drawn_frame, parameters={}))
    with opened_video(target) as video:
        frames = [frame for _, frame in video.pictures()]
    assert len(frames) == 4
    assert abs(frames[-1].float().mean() - 215) < 8


def test_exported_weights_are_those_of_the_run():
    generator = torch.Generator().manual_seed(0)
    content = torch.randint(0, 256, (3, 32, 48), generator=generator, dtype=torch.uint8)
    styles = [torch.randint(0, 256, (3, 40, 40), generator=generator, dtype=torch.uint8) for _ in range(2)]
    arrays = exported_arrays(
        content, content, styles, network="random-vgg19", style_layers={"relu1_1": 1.0, "relu2_1": 3.0},
        style_shares=[1.0, 3.0], alpha=2.0, beta=7.0, gamma=0.5,
    )  # fmt: skip
    assert [arrays[name].item() for name in ("alpha", "beta", "gamma")] == [2.0, 7.0, 0.5]
    assert arrays["style_weights"].tolist() == [1.0, 3.0]
    assert arrays["shares"].tolist() == [0.25, 0.75]
    assert arrays["content"].shape == (1, 3, 32, 48)
    assert arrays["style1"].shape[-2:] == (39, 39)  # as many pixels as the content
    assert arrays["net.conv2_1.weight"].shape == (128, 64, 3, 3)
    assert "net.conv4_1.weight" not in arrays
