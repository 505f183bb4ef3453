"""`/convscope/camera`: who may send frames, what junk gets, that sliders do not wait for cameras."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app import session
from app.camera_worker import CameraWorker, WorkerLostError, serve
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
    return client.websocket_connect(
        path, subprotocols=["convscope", session.token_of(name)], headers=dict(ORIGIN)
    )


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


def test_O9_a_process_of_its_own_gives_the_same_answer_and_is_replaced_when_it_dies() -> None:
    kinds.load_cameras()

    async def story() -> None:
        worker = CameraWorker()
        worker.wake()
        worker.wake()
        with pytest.raises(WorkerLostError):
            await worker.answer(b"", "here", 0.0)
        while not worker.ready:
            await asyncio.sleep(0.1)
        asked_for = message(asked(), cells())
        both = await asyncio.gather(
            *(worker.answer(asked_for, "here", time.perf_counter()) for _ in range(2))
        )
        for answer in both:
            assert isinstance(answer, bytes)
            ours, theirs = unpack(answer)[1], unpack(camera.answer_to(asked_for, "here", 0.0))[1]
            assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
        assert "unreadable" in await worker.answer(b"junk", "here", 0.0)
        first = worker._process
        first.kill()
        with pytest.raises(WorkerLostError):
            await worker.answer(asked_for, "here", 0.0)
        assert not worker.ready
        worker.wake()
        while worker._process is None:
            await asyncio.sleep(0.05)
        second = worker._process
        worker.end()  # while it is starting
        assert not worker.ready
        await asyncio.gather(first.wait(), second.wait())
        await asyncio.sleep(0.2)  # their pipes are closed by the loop, before it ends

    with ThreadPoolExecutor(1) as thread:  # a browser of an earlier test may have left its loop in this one
        thread.submit(asyncio.run, asyncio.wait_for(story(), 200)).result()


def test_a_workers_input_may_end_anywhere() -> None:
    out = io.BytesIO()
    serve(io.BytesIO(b"\x01\0"), out, lambda *_: b"never")
    serve(
        io.BytesIO(struct.pack("<IId", 4, 3, 1.5) + b"hereabc"),
        out,
        lambda data, name, at: f"{data} {name} {at}",
    )
    kind, size = struct.unpack_from("<BI", out.getvalue())
    assert (kind, out.getvalue()[5:].decode()) == (1, "b'abc' here 1.5")
    assert size == len(out.getvalue()) - 5
