"""Each session computes where its person has said."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from app import session_devices
from cnn.device import best_device


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = tuple(SimpleNamespace(device=torch.device(name)) for name in ("cuda:0", "cpu"))
    monkeypatch.setattr(session_devices, "devices", lambda: found)
    monkeypatch.setattr(session_devices, "best_device", lambda: torch.device("cuda:0"))
    session_devices._first.cache_clear()
    yield
    session_devices._first.cache_clear()


def test_the_best_device_until_another_is_taken(two_devices: None) -> None:
    assert session_devices.device_of("somebody new") == "cuda:0"
    assert session_devices.choose_device("somebody new", "cpu")
    assert session_devices.device_of("somebody new") == "cpu"
    assert session_devices.device_of("somebody else") == "cuda:0"


def test_a_device_that_is_not_there_is_not_taken() -> None:
    assert not session_devices.choose_device("one", "cuda:9")
    assert session_devices.device_of("one") == str(best_device())


def test_the_choices_kept_are_bounded(two_devices: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_devices, "MOST_SESSIONS", 3)
    for place in range(9):
        session_devices.choose_device(f"visitor {place}", "cpu")
    assert session_devices.device_of("visitor 8") == "cpu"
    assert session_devices.device_of("visitor 1") == "cuda:0"
