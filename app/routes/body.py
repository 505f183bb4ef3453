"""A person's file as a request's body: who sends it is checked first, then its size, and what it is last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.routes.live import same_origin
from app.session import session_of

Sentences = Mapping[str, str]
RELOAD: Sentences = {
    "en": "The page is out of date. Reload it.",
    "ko": "페이지가 오래되었습니다. 새로 고침해 주세요.",
}


def sender(request: Request) -> str | None:
    """Return the session whose page sends `request`, None where no session of this server or another site's page does."""
    session = session_of(request.headers.get("x-convscope-token", ""))
    return None if request.method == "POST" and not same_origin(request.headers) else session


async def read(request: Request, limit: int) -> bytes | None:
    """Return the request's body, None where it has more than `limit` bytes. Raises: ClientDisconnect."""
    length = request.headers.get("content-length") or "0"
    if not length.isdecimal() or int(length) > limit:
        return None
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            return None
    return bytes(data)


async def kept(
    request: Request,
    keep: Callable[[bytes, str], dict[str, Any]],
    *,
    limit: int,
    too_large: Sentences,
    pool: Executor,
) -> Response:
    """Read at most `limit` bytes and answer what `keep(data, session)` returns, run in `pool`; an error has a status.

    403: no session of this server sends it, or another site's page does. 413: it is too large. 422: `keep` returned an
    `error`.
    """
    session = sender(request)
    if session is None:
        return JSONResponse({"error": RELOAD}, 403)
    try:
        data = await read(request, limit)
    except ClientDisconnect:
        return Response(status_code=400)
    if data is None:
        return JSONResponse({"error": too_large}, 413)
    answer = await asyncio.get_running_loop().run_in_executor(pool, keep, data, session)
    return JSONResponse(answer, 422 if "error" in answer else 200)


class OneAtATime:
    """Sessions whose file is being read: a second one has to wait for it."""

    def __init__(self, busy: Sentences) -> None:
        self._busy = busy
        self._reading: set[str] = set()

    async def kept(
        self, request: Request, keep: Callable[[bytes, str], dict[str, Any]], **bounds: Any
    ) -> Response:
        """As `kept` above; 429 while the session's last file is being read."""
        session = sender(request) or ""
        if session in self._reading:
            return JSONResponse({"error": self._busy}, 429)
        self._reading.add(session)
        try:
            return await kept(request, keep, **bounds)
        finally:
            self._reading.discard(session)
