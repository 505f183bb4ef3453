"""A network computes on the device that its person has chosen; the CPU's own stays where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from app import open_models
from app.figures.detection.detect import live_block
from app.open_models import OpenNetwork, open_network
from app.pictures import picture_of
from app.session_devices import choose_device


def test_a_copy_goes_to_the_device_once_and_back_is_the_network_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved: list[str] = []

    def to(self: nn.Module, device: torch.device) -> nn.Module:
        moved.append(str(device))
        return self

    monkeypatch.setattr(nn.Module, "to", to)
    home = open_network("yolo-cells", "somebody")
    there = home.on("cuda:0")
    assert there.model is not home.model
    assert there.on("cuda:0") is there
    assert home.on("cuda:0").model is there.model
    assert moved == ["cuda:0"]
    assert there.on("cpu").model is home.model
    assert {there.identity, there.on("cpu").identity} == {home.identity, f"{home.identity}:cuda:0"}


def test_what_a_device_has_no_room_for_is_done_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_models, "_copied", lambda home, device: nn.Identity())
    places: list[str] = []

    def work(network: OpenNetwork) -> str:
        places.append(network.device)
        if network.device != "cpu":
            raise torch.OutOfMemoryError
        return "done"

    assert open_network("yolo-cells", "somebody").on("cuda:0").ran(work) == "done"
    assert places == ["cuda:0", "cpu"]
    with pytest.raises(torch.OutOfMemoryError):
        open_network("yolo-cells", "somebody").ran(lambda network: _full())


def _full() -> None:
    raise torch.OutOfMemoryError


def test_detection_runs_where_the_session_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    on: Callable[[OpenNetwork, str], OpenNetwork] = OpenNetwork.on
    monkeypatch.setattr(OpenNetwork, "on", lambda self, device: asked.append(device) or on(self, device))
    choose_device("a person", "cpu")
    live_block(
        {"id": 1, "session": "a person", "net": "yolo-cells", "part": "picture"},
        lambda: picture_of("cells_0"),
    )
    assert asked == ["cpu"]
