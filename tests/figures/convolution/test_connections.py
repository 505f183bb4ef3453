"""Rows C11, C12, C14 and C15 on screen: blocks, code in a fresh interpreter, downloads, and the browser's arithmetic."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from app.figures.convolution.connections import card, connection_block, live_block, study_of
from app.figures.convolution.connections_files import connection_files, pytorch_code
from app.pictures import picture_of
from app.wire import unpack
from cnn.convolution.axis_filters import bundled_sound, bundled_video, sound_bank, video_bank
from cnn.convolution.connection_settings import COMPARISONS, ConnectionSettings
from cnn.convolution.connections import (
    CONNECTIONS,
    StackLayer,
    connection_counts,
    connections,
    convolve_sequence,
    convolve_volume,
    stacked_filters,
)

Run = Callable[..., Any]


def settings_of(**values: Any) -> ConnectionSettings:
    return ConnectionSettings.from_mapping(values)


def run_code(settings: ConnectionSettings, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    names: dict[str, Any] = {}
    exec(pytorch_code(settings), names)
    return names, capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "fully"),
    [
        ({}, 10**10),
        ({"height": 100, "width": 100, "hidden": 1000}, 10**7),
        ({"channels": 3, "f": 5, "filters": 8}, 3 * 10**10),
    ],
    ids=str,
)
def test_C11_counts_in_the_browser_and_in_the_code(
    javascript: Run, capsys: pytest.CaptureFixture[str], values: dict[str, Any], fully: int
) -> None:
    s = settings_of(**values)
    got = javascript("connections/counts.js", "connectionCounts(argument)", s.to_mapping())
    wanted = connection_counts(
        s.height, s.width, s.hidden, channels=s.channels, kernel_size=s.f, filters=s.filters
    )
    assert got == {
        "inputs": wanted.inputs, "fully": wanted.fully_connected, "locally": wanted.locally_connected,
        "convolution": wanted.convolution, "all": wanted.convolution_all,
    }  # fmt: skip
    assert wanted.fully_connected == fully
    assert wanted.convolution == s.f**2 * s.channels + 1
    _, printed = run_code(s, capsys)
    assert [int(n) for n in re.findall(r": (\d+)", printed)] == [
        fully,
        wanted.locally_connected,
        wanted.convolution_all,
    ]


@pytest.mark.parametrize("kind", CONNECTIONS)
@pytest.mark.parametrize(("size", "kernel"), [(8, 3), (20, 7), (3, 3), (5, 1)])
def test_C11_the_drawing_joins_what_python_joins(javascript: Run, kind: str, size: int, kernel: int) -> None:
    got = javascript("connections/counts.js", "connectionsOf(...argument)", [kind, size, kernel])
    assert got == connections(kind, size, kernel).tolist()


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize("c", [4, 64, 257])
def test_C14_stacks_cost_what_python_says(
    javascript: Run, capsys: pytest.CaptureFixture[str], compare: str, c: int
) -> None:
    sides = javascript("connections/counts.js", "stackOf(...argument)", [compare, c])
    _, printed = run_code(settings_of(view="stacks", compare=compare, c=c), capsys)
    for layers, line in zip(sides, printed.splitlines(), strict=True):
        wanted = stacked_filters([StackLayer((h, w), before, after) for h, w, before, after in layers])
        got = javascript("connections/counts.js", "stackCost(argument)", layers)
        assert got["total"] == wanted.weights
        assert got["field"] == list(wanted.receptive_field)
        assert (got["pair"], got["bends"]) == (wanted.weights_per_pair, wanted.nonlinearities)
        assert f" {wanted.weights} weights, receptive field {wanted.receptive_field}" in line
    if compare == "seven":
        assert javascript("connections/counts.js", "argument.map((one) => stackCost(one).total)", sides) == [
            27 * c * c,
            49 * c * c,
        ]


@pytest.mark.parametrize("values", [{}, {"right": -3, "down": 5, "pool": 4, "relu": False}], ids=str)
def test_C12_code_measures_the_same_shares(
    values: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture, settings = picture_of("cat"), settings_of(view="shift", **values)
    files = {name: make() for name, _, make, _ in connection_files(picture, settings)}
    (tmp_path / "picture.png").write_bytes(files["picture"])
    monkeypatch.chdir(tmp_path)
    _, printed = run_code(settings, capsys)
    study = study_of(picture, settings)
    shares = [float(line.rsplit(" ", 1)[1]) for line in printed.splitlines()]
    assert shares == pytest.approx([study.map_equal, study.pooled_equal, study.dense_equal], abs=1e-6)
    assert study.map_equal == 1
    assert 0 < study.pooled_equal < 1
    assert study.dense_equal < 0.1
    arrays = np.load(io.BytesIO(files["study"]))
    np.testing.assert_array_equal(arrays["pooled_after"], study.pooled[1].numpy())


@pytest.mark.parametrize("taps", [3, 9, 63])
def test_C15_the_browser_filters_a_sound_as_pytorch_does(javascript: Run, taps: int) -> None:
    sound, bank = bundled_sound()[:, 3000:3600], sound_bank(taps)
    wanted = convolve_sequence(sound, bank, padding=taps // 2)
    for place in range(4):
        got = javascript(
            "connections/axes.js",
            "[...convolveSequence(...argument)]",
            [sound[0].tolist(), bank[place, 0].tolist()],
        )
        np.testing.assert_allclose(got, wanted[place].numpy(), rtol=1e-4, atol=1e-6)


def test_C15_the_browser_filters_frames_as_pytorch_does(javascript: Run) -> None:
    frames, bank = bundled_video()[:, 10:13, 40:60, 60:90], video_bank()
    wanted = convolve_volume(frames, bank)[:, 0]
    for place in range(4):
        got = javascript(
            "connections/axes.js", "[...convolveFrames(argument[0], [3, 20, 30], 1, argument[1])]",
            [frames.flatten().tolist(), bank[place].flatten().tolist()],
        )  # fmt: skip
        np.testing.assert_allclose(got, wanted[place].flatten().numpy(), rtol=1e-4, atol=1e-3)


def test_C15_the_browsers_wav_can_be_read(javascript: Run) -> None:
    content = javascript(
        "connections/axes.js", "[...new Uint8Array(wavOf(argument, 22050))]", [0, 0.5, -1, 2]
    )
    with wave.open(io.BytesIO(bytes(content))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [0, 16384, -32768, 32767]


def test_C15_code_of_sound_and_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    picture = picture_of("")
    sound = settings_of(view="sound", sound_filter=3, taps=31)
    video = settings_of(view="video", video_filter=1, frame=20)
    made = {name: make() for s in (sound, video) for name, _, make, _ in connection_files(picture, s)}
    (tmp_path / "sound.wav").write_bytes(made["sound"])
    (tmp_path / "video.npz").write_bytes(made["video"])
    names, _ = run_code(sound, capsys)
    wanted = convolve_sequence(bundled_sound(), sound_bank(31), padding=15)
    torch.testing.assert_close(names["output"][0], wanted, rtol=1e-4, atol=1e-6)
    names, _ = run_code(video, capsys)
    assert names["output"].shape == (4, 58, 106, 190)
    right = convolve_volume(bundled_video()[:, 19:22], video_bank())[1, 0]
    torch.testing.assert_close(names["frame"], right, rtol=1e-4, atol=1e-3)
    assert cv2.imdecode(np.frombuffer(made["frame"], np.uint8), cv2.IMREAD_COLOR).shape == (106, 190, 3)
    with wave.open(io.BytesIO(made["filtered"])) as file:
        assert file.getnframes() == bundled_sound().shape[1]


def test_recordings_are_sent_once() -> None:
    for view, name in (("sound", "samples"), ("video", "frames")):
        _, arrays = unpack(connection_block(picture_of(""), settings_of(view=view)))
        assert name in arrays
        _, again = unpack(live_block({"settings": {"view": view}, "known": [view]}, lambda: picture_of("")))
        assert set(again) == {"bank"}


def test_fault_A6_a_picture_too_narrow_is_named() -> None:
    picture, settings = picture_of("matrix", ",".join(map(str, range(64)))), settings_of(view="shift", pool=8)
    block, _ = unpack(connection_block(picture, settings))
    assert block["error"]["code"] == "image_too_small"
    assert [name for name, *_ in connection_files(picture, settings)] == ["picture"]


def test_card() -> None:
    shown = card(picture_of("").pixels)
    assert shown.dtype == np.uint8
    assert shown.std() > 5


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 64, 320), (3, 320, 64)])
def test_fault_A6_the_card_of_a_flat_picture(shape: tuple[int, int, int]) -> None:
    shown = card(torch.full(shape, 128, dtype=torch.uint8))
    assert shown.dtype == np.uint8
    assert shown.shape[2] == 3
