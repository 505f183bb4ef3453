"""`/convscope/network`: a person's own network, one file as the request's body; Streamlit's uploads end at 20 MB."""

from __future__ import annotations

import asyncio
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.own_networks import Reading, keep_network
from app.routes.live import same_origin
from app.session import session_of
from cnn.weights.errors import WeightsError
from cnn.weights.load import LIMIT

PATH = "/convscope/network"
MOST_LINES = 400
_RELOAD = {"en": "The page is out of date. Reload it.", "ko": "페이지가 오래되었습니다. 새로 고침해 주세요."}
_BUSY = {
    "en": "Your last file is still being checked. Wait for it.",
    "ko": "앞서 보낸 파일을 아직 확인하고 있습니다. 잠시 기다려 주세요.",
}
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="network")
_reading: set[str] = set()
_log = logging.getLogger(__name__)


async def upload(request: Request) -> Response:
    """Answer `{"key": ...}` or `{"error": {"en", "ko"}, "lines": [...]}`; one at a time for each session."""
    session = session_of(request.headers.get("x-convscope-token", ""))
    if session is None or not same_origin(request.headers):
        return JSONResponse({"error": _RELOAD}, 403)
    if session in _reading:
        return JSONResponse({"error": _BUSY}, 429)
    length = request.headers.get("content-length") or "0"
    if not length.isdecimal() or int(length) > LIMIT:
        return JSONResponse({"error": _too_large(length)}, 413)
    _reading.add(session)
    try:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > LIMIT:
                return JSONResponse({"error": _too_large("")}, 413)
        reading = Reading.of(request.query_params.get("as", "")[:80])
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(_pool, take_network, bytes(data), session, reading)
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        _reading.discard(session)
    return JSONResponse(answer, 422 if "error" in answer else 200)


def take_network(data: bytes, session: str, reading: Reading) -> dict[str, Any]:
    """Open and keep a file; return its key, or the error in both languages with every tensor that does not fit."""
    try:
        return {"key": keep_network(data, session, reading), "reading": reading.text()}
    except WeightsError as error:
        mismatch = getattr(error, "mismatch", None)
        lines = mismatch.lines()[:MOST_LINES] if mismatch else ()
        return {"error": {"en": error.en, "ko": error.ko}, "lines": list(lines)}
    except Exception:
        name = secrets.token_hex(4)
        _log.exception("a network failed [%s]", name)
        return {
            "error": {
                "en": f"This file could not be opened (log id {name}). Try another one.",
                "ko": f"이 파일을 열지 못했습니다(로그 번호 {name}). 다른 파일로 시도해 주세요.",
            }
        }


def _too_large(length: str) -> dict[str, str]:
    size = f"{int(length) / 1e6:.0f}" if length.isdecimal() else f"> {LIMIT // 10**6}"
    error = WeightsError("too_large", size=size, limit=LIMIT // 10**6)
    return {"en": error.en, "ko": error.ko}
