"""FAULTS G3, C3: who may ask, from where, and how fast."""

from __future__ import annotations

import time

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.routes import guard
from app.routes.guard import Guard, Pace, host_name


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        try:
            await socket.send_text(await socket.receive_text())
        except WebSocketDisconnect:
            return


INNER = Starlette(
    routes=[
        Route("/", lambda request: PlainTextResponse("in")),
        Route("/_stcore/metrics", lambda request: PlainTextResponse("secret")),
        WebSocketRoute("/socket", echo),
    ]
)
CLIENT = TestClient(Guard(INNER, ["localhost", "127.0.0.1", "::1"]), base_url="http://localhost")


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "127.0.0.1:1", "[::1]:8501", "LOCALHOST."])
def test_fault_G3_own_names_come_in(host: str) -> None:
    answer = CLIENT.get("/", headers={"host": host})
    assert answer.text == "in"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "http:" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "169.254.169.254", "", "[::1", "a@localhost:1:2"]
)
def test_fault_G3_forged_hosts_are_refused(host: str) -> None:
    assert CLIENT.get("/", headers={"host": host}).status_code == 421
    with pytest.raises(WebSocketDisconnect), CLIENT.websocket_connect("/socket", headers={"host": host}):
        pass


def test_fault_G3_metrics_are_hidden() -> None:
    assert CLIENT.get("/_stcore/metrics").status_code == 404
    assert CLIENT.get("/base/_stcore/metrics/").status_code == 404


def test_fault_C3_a_flood_waits_and_a_conversation_does_not() -> None:
    with CLIENT.websocket_connect("/socket", headers={"host": "localhost"}) as socket:
        begun = time.monotonic()
        for _ in range(100):
            socket.send_text("x")
            assert socket.receive_text() == "x"
        flooded = time.monotonic() - begun
    assert flooded > 0.4, "100 messages, 80 of them at once, then 40 a second"
    with CLIENT.websocket_connect("/socket", headers={"host": "localhost"}) as socket:
        begun = time.monotonic()
        for _ in range(40):
            socket.send_text("x")
            socket.receive_text()
        assert time.monotonic() - begun < flooded


def test_the_pace_refills(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waited = [100.0], []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(guard.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(guard.asyncio, "sleep", sleep)
    pace = Pace(rate=10.0, burst=2.0)

    def ask() -> None:
        with pytest.raises(StopIteration):
            pace.wait().send(None)

    for _ in range(3):
        ask()
    assert waited == [pytest.approx(0.1)]  # two at once, the third a tenth of a second later
    now[0] += 1.0
    ask()
    ask()
    assert len(waited) == 1  # full again
    ask()
    assert len(waited) == 2


def test_host_name() -> None:
    assert host_name("Example.ORG:80") == "example.org"
    assert host_name("[::1]:80") == "::1"
