"""Row C15: filters along a sound and through a video, and the recordings that come with the app."""

from __future__ import annotations

import pytest
import torch

from cnn.convolution.axis_filters import (
    SOUND_FILTERS,
    SOUND_RATE,
    TONE,
    VIDEO_FILTERS,
    bundled_sound,
    bundled_video,
    sound_bank,
    video_bank,
)
from cnn.convolution.connection_settings import FIELDS, ConnectionSettings
from cnn.convolution.connections import convolve_sequence, convolve_volume, translation_study
from cnn.convolution.filters import filter_weight


def test_C15_a_sound_gives_two_dimensions_and_a_video_four() -> None:
    bank = sound_bank(9)
    assert convolve_sequence(bundled_sound(), bank, padding=4).shape == (4, bundled_sound().shape[1])
    clip = bundled_video()[:, :5]
    assert convolve_volume(clip, video_bank()).shape == (4, 3, 106, 190)
    assert len(SOUND_FILTERS) == len(VIDEO_FILTERS) == 4


def test_C15_what_the_sound_filters_do() -> None:
    smooth, difference, bend, tone = sound_bank(31)[:, 0]
    constant, ramp = torch.ones(31), torch.arange(31.0)
    assert float(smooth @ constant) == pytest.approx(1)
    assert float(difference @ constant) == pytest.approx(0, abs=1e-6)
    assert float(difference @ ramp) > 0
    assert float(bend @ constant) == pytest.approx(0, abs=1e-6)
    assert float(bend @ ramp) == pytest.approx(0, abs=1e-4)

    def answer(hertz: float) -> float:
        place = torch.arange(31) - 15
        return abs(float(tone @ torch.cos(2 * torch.pi * hertz / SOUND_RATE * place)))

    assert answer(TONE) > 4 * max(answer(200.0), answer(6000.0))


@pytest.mark.parametrize("taps", [2, 4, 65])
def test_other_lengths_are_refused(taps: int) -> None:
    with pytest.raises(ValueError, match=r"taps|3"):
        sound_bank(taps)


def test_C15_motion_sees_what_moves_only() -> None:
    motion, edges, trail, flicker = video_bank()
    still = torch.rand(1, 1, 9, 9).expand(1, 3, 9, 9)
    assert convolve_volume(still, motion[None]).abs().max() < 1e-6
    assert convolve_volume(still, flicker[None]).abs().max() < 1e-6
    torch.testing.assert_close(convolve_volume(still, trail[None])[0, 0], still[0, 0, 1:-1, 1:-1])
    moving = torch.zeros(1, 3, 9, 9)
    for t in range(3):
        moving[0, t, :, 3 + t] = 1
    assert convolve_volume(moving, motion[None]).abs().max() > 0.2
    wall = torch.zeros(1, 3, 9, 9)
    wall[..., :4] = 8
    assert float(convolve_volume(wall, edges[None]).max()) == pytest.approx(4)


def test_the_recordings_are_what_they_say() -> None:
    sound, video = bundled_sound(), bundled_video()
    assert sound.shape[0] == 1
    assert 0.2 * SOUND_RATE < sound.shape[1] < 2 * SOUND_RATE
    assert 0.5 < float(sound.abs().max()) <= 1
    assert video.shape == (1, 60, 108, 192)
    assert video.dtype == torch.uint8
    assert float((video[0, 1:].float() - video[0, :-1].float()).abs().mean()) > 0.5


@pytest.mark.parametrize("relu", [False, True])
def test_C12_changes_are_measured(relu: bool) -> None:
    image = torch.rand(1, 40, 50) * 255
    still = translation_study(image, filter_weight("sobel_x"), (0, 0), relu=relu)
    moved = translation_study(image, filter_weight("sobel_x"), (2, 1), relu=relu)
    assert still.map_change == still.pooled_change == still.dense_change == 0
    assert moved.map_equal == 1
    wanted = (moved.maps[0] - moved.maps[1]).abs().mean() / moved.maps[0].std()
    assert moved.map_change == pytest.approx(float(wanted))
    assert moved.dense_change > 0.01
    assert (float(moved.maps[0].min()) >= 0) == relu


@pytest.mark.parametrize(
    "values",
    [{}, {"n": 3, "k": 7}, {"f": 31, "height": 2}, {"taps": 8}, {f.name: object() for f in FIELDS}],
    ids=str,
)
def test_fault_C1_settings_always_fit_together(values: dict[str, object]) -> None:
    settings = ConnectionSettings.from_mapping(values)
    assert settings.k <= settings.n
    assert settings.f <= min(settings.height, settings.width)
    assert sound_bank(settings.taps).shape[2] == settings.taps
    assert ConnectionSettings.from_mapping(settings.to_mapping()) == settings
