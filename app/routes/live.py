"""`/convscope/live`: a slider's new picture without a rerun.

The browser sends `{"id": n, "kind": slug, "parameters": {...}}` and gets one block (`app/wire.py`) or, where it went
wrong, `{"id": n, "error": {"en": ..., "ko": ...}}`. One request at a time for each connection; the answers are what the
Python path gives, to the bit, because both call the same function.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.pictures import CurrentPicture, PictureGone, picture_of
from app.session import session_of, token_of
from app.state import MATRIX, PICTURE

PATH = "/convscope/live"
MAX_MESSAGE = 64_000
CONNECTIONS_PER_SESSION = 4
MAX_CONNECTIONS = 400

LiveKind = Callable[[Mapping[str, Any], Callable[[], CurrentPicture]], bytes]
"""A screen's function: the parameters as they came (junk included) with the asker's `session`, and the picture on demand."""

KINDS: dict[str, LiveKind] = {}
"""By slug; app/navigation.py's pages register theirs in `app/routes/kinds.py`."""

active = False
"""Set by app/server.py: the route is mounted."""

LIGHT: set[str] = set()
"""Kinds whose answers take milliseconds; they have threads of their own, so that no network makes a slider wait."""

_light = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live")
_heavy = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live-heavy")
_open: Counter[str] = Counter()
_log = logging.getLogger(__name__)


def live_address(session: str) -> dict[str, str] | None:
    """Return what the browser needs to reach the route, or None under plain `streamlit run`."""
    return {"path": PATH.lstrip("/"), "token": token_of(session)} if active and session else None


def same_origin(headers: Mapping[str, str]) -> bool:
    """Say whether the request comes from a page of ours: its Origin names the Host that it was sent to."""
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get("host")


def asking_session(socket: WebSocket) -> str | None:
    """Return the session whose page opens `socket`: its token comes as a subprotocol, its Origin is ours; else None."""
    offered = [part.strip() for part in socket.headers.get("sec-websocket-protocol", "").split(",")]
    named = len(offered) == 2 and offered[0] == "convscope" and same_origin(socket.headers)
    return session_of(offered[1]) if named else None


async def live(socket: WebSocket) -> None:
    """Serve one connection."""
    session = asking_session(socket)
    full = session is not None and (
        _open[session] >= CONNECTIONS_PER_SESSION or _open.total() >= MAX_CONNECTIONS
    )
    if session is None or full:
        await socket.close(1008)
        return
    await socket.accept("convscope")
    _open[session] += 1
    try:
        while True:
            text = await socket.receive_text()
            if len(text) > MAX_MESSAGE:
                await socket.close(1009)
                return
            pool = _light if _kind_of(text) in LIGHT else _heavy
            answer = await asyncio.get_running_loop().run_in_executor(pool, answer_to, text, session)
            await (socket.send_text(answer) if isinstance(answer, str) else socket.send_bytes(answer))
    except (WebSocketDisconnect, RuntimeError):
        return
    finally:
        _open[session] -= 1
        if _open[session] <= 0:
            del _open[session]


def _kind_of(text: str) -> str:
    """Return the kind that a message names, or an empty text for an unreadable one."""
    try:
        return str(json.loads(text)["kind"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def answer_to(text: str, session: str) -> bytes | str:
    """Return the answer to one message: a block, or an error as JSON text."""
    number = 0
    try:
        message = json.loads(text)
        number = int(message["id"])
        kind = KINDS[message["kind"]]
        parameters = message["parameters"]
        if not isinstance(parameters, dict):
            raise TypeError("parameters is no mapping")
    except (ValueError, KeyError, TypeError, RecursionError):
        return _error(
            number,
            "The page sent something unreadable. Reload it.",
            "페이지가 읽을 수 없는 값을 보냈습니다. 새로 고침해 주세요.",
        )
    try:
        return kind({**parameters, "id": number, "session": session}, lambda: _picture(parameters, session))
    except PictureGone:
        return _error(
            number,
            "This picture is no longer kept here. Choose another.",
            "이 사진은 더 이상 보관되어 있지 않습니다. 다른 사진을 골라 주세요.",
        )
    except Exception as error:
        return failed(number, error)


def failed(number: int, error: Exception) -> str:
    """Return the answer to message `number` that raised `error`: its own sentence, or one with a log id."""
    sentence = getattr(error, "sentence", None) or getattr(error, "text", None)
    if callable(sentence):
        return _error(number, sentence("en"), sentence("ko"))
    name = secrets.token_hex(4)
    _log.error("live request failed [%s]", name, exc_info=error)
    return _error(
        number,
        f"That did not work (log id {name}). Try another value.",
        f"처리하지 못했습니다(로그 번호 {name}). 다른 값을 시도해 주세요.",
    )


def _picture(parameters: Mapping[str, Any], session: str) -> CurrentPicture:
    key = PICTURE.parse(str(parameters.get("pic", "")))
    matrix = MATRIX.parse(str(parameters.get("m", "")))
    return picture_of(key, matrix, owner=session)


def _error(number: int, en: str, ko: str) -> str:
    return json.dumps({"id": number, "error": {"en": en, "ko": ko}})
