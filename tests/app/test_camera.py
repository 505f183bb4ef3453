"""`/convscope/camera`: who may send frames, what junk gets, that sliders do not wait for cameras."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app import session
from app.routes import camera, kinds, live
from app.wire import pack, unpack
from cnn.detection.detect import detections, raw_detections
from cnn.detection.record import stored_raw
from cnn.images.camera_frame import FRAME_BYTES, camera_frame
from cnn.images.encode import jpeg_bytes, to_hwc
from cnn.images.gallery import picture
from cnn.weights import load_builtin

ORIGIN = {"origin": "http://testserver", "host": "testserver"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(session, "is_connected", lambda name: name in ("here", "there"))
    kinds.register()
    app = Starlette(routes=[WebSocketRoute(camera.PATH, camera.camera), WebSocketRoute(live.PATH, live.live)])
    with TestClient(app, base_url="http://localhost") as running:
        yield running


def opened(client: TestClient, path: str = camera.PATH, name: str = "here") -> Any:
    return client.websocket_connect(path, subprotocols=["convscope", session.token_of(name)], headers=dict(ORIGIN))


def message(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + data


def cells() -> bytes:
    return jpeg_bytes(to_hwc(picture("cells_neutrophil")), quality=95)


def asked(**parameters: Any) -> dict[str, Any]:
    return {"id": 4, "kind": "detect", "parameters": {"net": "yolo-cells", **parameters}}


def test_O9_a_frame_is_answered_with_its_candidates(client: TestClient) -> None:
    with opened(client) as socket:
        socket.send_bytes(message(asked(), cells()))
        block = socket.receive_bytes()
    header, arrays = unpack(block)
    assert header["id"] == 4
    assert header["server"]["work"] > 0
    found = detections(stored_raw(pack(header["candidates"], arrays)), 0.4)
    frame = camera_frame(cells())
    wanted = detections(raw_detections(load_builtin("yolo-cells"), frame, precision="fast"), 0.4)
    assert len(found) == len(wanted) > 10
    np.testing.assert_allclose(found.boxes.numpy(), wanted.boxes.numpy(), atol=0.01)


@pytest.mark.parametrize("name", ["gone", ""])
def test_fault_G3_strangers_are_turned_away(client: TestClient, name: str) -> None:
    with pytest.raises(WebSocketDisconnect) as closed, opened(client, name=name):
        pass
    assert closed.value.code == 1008


def test_fault_A3_a_bad_frame_gets_a_sentence_and_the_stream_goes_on(client: TestClient) -> None:
    with opened(client) as socket:
        for data in (b"", b"no picture", cells()[:500]):
            socket.send_bytes(message(asked(), data))
            error = json.loads(socket.receive_text())["error"]
            assert error["en"] != error["ko"]
        for junk in (
            b"",
            b"\xff\xff\xff\xff{}",
            b"\x02\0\0\0{}",
            message([], b""),
            message({**asked(), "kind": "x"}, b""),
        ):
            socket.send_bytes(junk)
            assert "unreadable" in json.loads(socket.receive_text())["error"]["en"]
        socket.send_bytes(message(asked(net="no-such"), cells()))
        assert "no such network" in json.loads(socket.receive_text())["error"]["en"]
        socket.send_bytes(message(asked(score="x", hide=9), cells()))
        assert unpack(socket.receive_bytes())[0]["candidates"]["total"] == 4800


def test_fault_A1_too_large_a_frame_ends_the_stream(client: TestClient) -> None:
    with opened(client) as socket:
        socket.send_bytes(bytes(FRAME_BYTES + camera.MAX_HEADER + 1))
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
        assert closed.value.code == camera.TOO_LARGE


def test_a_third_camera_of_a_tab_is_told_to_try_later(client: TestClient) -> None:
    with opened(client), opened(client), opened(client) as third:
        with pytest.raises(WebSocketDisconnect) as closed:
            third.receive_bytes()
        assert closed.value.code == camera.TRY_LATER
        with opened(client, name="there") as other:
            other.send_bytes(message(asked(), cells()))
            assert unpack(other.receive_bytes())[0]["id"] == 4


def test_fault_D2_sliders_do_not_wait_for_cameras(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, busy = threading.Event(), threading.Event()

    def slow(parameters: Mapping[str, Any], frame: camera.CameraFrame) -> camera.Answer:
        busy.set()
        assert free.wait(60)
        return {}, {}

    def quick(parameters: Mapping[str, Any], shown: object) -> bytes:
        return pack({"id": parameters["id"]}, {})

    monkeypatch.setitem(camera.CAMERA_KINDS, "slow", slow)
    monkeypatch.setitem(live.KINDS, "quick", quick)
    with opened(client) as one, opened(client, name="there") as two, opened(client, live.PATH) as slider:
        for socket in (one, two):
            socket.send_bytes(message({"id": 1, "kind": "slow", "parameters": {}}, cells()))
        assert busy.wait(20)
        for number in range(1, 6):
            slider.send_text(json.dumps({"id": number, "kind": "quick", "parameters": {}}))
            assert unpack(slider.receive_bytes())[0]["id"] == number
        assert not free.is_set()
        free.set()
        for socket in (one, two):
            assert unpack(socket.receive_bytes())[0]["id"] == 1
