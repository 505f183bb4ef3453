"""The download job: progress passed on, and an end that says why there is no file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cnn.weights import fetch
from cnn.weights.errors import WeightsError
from cnn.weights.pretrained import DownloadProgress


def test_progress_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def download(record: object, folder: Path) -> Iterator[DownloadProgress]:
        yield DownloadProgress(10, 40)
        yield DownloadProgress(40, 40, folder / "weights.pth")

    monkeypatch.setattr(fetch, "download", download)
    steps = list(fetch.fetch_steps(name="resnet18/IMAGENET1K_V1", folder=tmp_path))
    assert [(step.done, step.total, step.complete) for step in steps] == [(10, 40, False), (40, 40, True)]


def test_fault_E4_without_a_connection_file_and_folder_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def download(record: object, folder: Path) -> Iterator[DownloadProgress]:
        yield DownloadProgress(10, 40)
        raise WeightsError("offline", file="r.pth", reason="no route", digest="abc", folder=str(folder))

    monkeypatch.setattr(fetch, "download", download)
    last = list(fetch.fetch_steps(name="resnet18/IMAGENET1K_V1", folder=tmp_path))[-1]
    assert not last.complete
    assert last.done == 10
    assert str(tmp_path) in last.en
    assert "r.pth" in last.ko


def test_unknown_weights_are_an_error() -> None:
    with pytest.raises(KeyError):
        next(fetch.fetch_steps(name="nothing/V1"))
