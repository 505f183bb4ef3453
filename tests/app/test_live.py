"""`/convscope/live` and `/convscope/upload`: who may ask, what junk gets, and that answers are the Python path's."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app import session
from app.figures.convolution.convolution import live_block
from app.pictures import picture_of
from app.routes import files, kinds, live
from app.uploads import UploadStore
from app.wire import unpack

ORIGIN = {"origin": "http://testserver", "host": "testserver"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    monkeypatch.setattr(session, "is_connected", lambda name: name == "here")
    store = UploadStore(tmp_path)
    monkeypatch.setattr(files, "STORE", store)
    monkeypatch.setattr("app.pictures.STORE", store)
    kinds.register()
    app = Starlette(
        routes=[
            WebSocketRoute(live.PATH, live.live),
            Route(files.UPLOAD_PATH, files.upload, methods=["POST"]),
        ]
    )
    with TestClient(app, base_url="http://localhost") as running:
        yield running


def token(name: str = "here") -> list[str]:
    return ["convscope", session.token_of(name)]


@pytest.mark.parametrize(
    ("offered", "headers"),
    [
        (["convscope", "forged.token.here"], ORIGIN),
        (["convscope"], ORIGIN),
        ([], ORIGIN),
        (None, {"origin": "http://evil.example", "host": "testserver"}),
        (None, {"host": "testserver"}),
        ("gone", ORIGIN),
    ],
)
def test_fault_G3_strangers_are_refused(
    client: TestClient, offered: list[str] | str | None, headers: dict[str, str]
) -> None:
    protocols = token() if offered is None else token("gone") if offered == "gone" else list(offered)
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(live.PATH, subprotocols=protocols, headers=dict(headers)),
    ):
        pass


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '{"id": 1}', '{"id": "x", "kind": "convolution", "parameters": {}}',
     '{"id": 1, "kind": "nothing", "parameters": {}}', '{"id": 1, "kind": "convolution", "parameters": [1]}', "[" * 50_000],
)  # fmt: skip
def test_junk_gets_a_sentence_and_the_connection_lives(client: TestClient, text: str) -> None:
    with client.websocket_connect(live.PATH, subprotocols=token(), headers=dict(ORIGIN)) as socket:
        socket.send_text(text)
        answer = json.loads(socket.receive_text())
        assert set(answer["error"]) == {"en", "ko"}
        socket.send_text(json.dumps({"id": 2, "kind": "convolution", "parameters": {}}))
        assert unpack(socket.receive_bytes())[0]["id"] == 2


def test_a_message_too_long_ends_the_connection(client: TestClient) -> None:
    with client.websocket_connect(live.PATH, subprotocols=token(), headers=dict(ORIGIN)) as socket:
        socket.send_text("x" * (live.MAX_MESSAGE + 1))
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


def test_the_answer_is_the_python_path_to_the_bit(client: TestClient) -> None:
    parameters = {"pic": "matrix", "m": "1,2,3;4,5,6;7,8,9"}
    with client.websocket_connect(live.PATH, subprotocols=token(), headers=dict(ORIGIN)) as socket:
        socket.send_text(json.dumps({"id": 5, "kind": "convolution", "parameters": parameters}))
        answer = socket.receive_bytes()
    assert answer == live_block({**parameters, "id": 5}, lambda: picture_of("matrix", parameters["m"]))


def test_connections_of_one_session_are_bounded(client: TestClient) -> None:
    open_ones = []
    for _ in range(live.CONNECTIONS_PER_SESSION):
        context = client.websocket_connect(live.PATH, subprotocols=token(), headers=dict(ORIGIN))
        context.__enter__()
        open_ones.append(context)
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(live.PATH, subprotocols=token(), headers=dict(ORIGIN)),
    ):
        pass
    for context in open_ones:
        context.__exit__(None, None, None)
    with client.websocket_connect(live.PATH, subprotocols=token(), headers=dict(ORIGIN)):
        pass


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (10, 20, 30)).save(file, "PNG")
    return file.getvalue()


def post(client: TestClient, data: bytes, **headers: str) -> object:
    sent = {"x-convscope-token": token()[1], **ORIGIN, **headers}
    return client.post(files.UPLOAD_PATH, content=data, headers=sent)


def test_an_upload_gets_a_key_that_shows_it(client: TestClient) -> None:
    answer = post(client, png())
    assert answer.status_code == 200
    pixels = picture_of(answer.json()["key"]).pixels
    assert tuple(pixels.shape) == (3, 4, 5)
    assert pixels[:, 0, 0].tolist() == [10, 20, 30]


def test_fault_A3_a_damaged_upload_gets_a_sentence(client: TestClient) -> None:
    answer = post(client, png()[:40])
    assert answer.status_code == 422
    assert all(answer.json()["error"][language] for language in ("en", "ko"))


def test_fault_A1_a_file_too_large_is_refused_before_it_is_read(client: TestClient) -> None:
    answer = post(client, b"x" * (files.MAX_UPLOAD + 1))
    assert answer.status_code == 413
    assert "20 MB" in answer.json()["error"]["en"]


def test_fault_G3_uploads_need_token_and_origin(client: TestClient) -> None:
    assert post(client, png(), **{"x-convscope-token": "forged"}).status_code == 403
    assert post(client, png(), origin="http://evil.example").status_code == 403
