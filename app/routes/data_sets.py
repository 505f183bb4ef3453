"""`/convscope/data-set`: a person's labelled pictures, one ZIP as the request's body."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.data_sets import keep_data_set
from app.routes.live import same_origin
from app.session import session_of
from cnn.networks.transfer_archive import MAX_ARCHIVE_BYTES
from cnn.networks.transfer_errors import DataSetError

PATH = "/convscope/data-set"
_RELOAD = {"en": "The page is out of date. Reload it.", "ko": "페이지가 오래되었습니다. 새로 고침해 주세요."}
_BUSY = {
    "en": "Your last pictures are still being read. Wait for them.",
    "ko": "앞서 보낸 사진을 아직 읽고 있습니다. 잠시 기다려 주세요.",
}
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="data-set")
_reading: set[str] = set()


async def upload(request: Request) -> Response:
    """Answer `{"key": ..., "pictures": n}` or `{"error": {"en": ..., "ko": ...}}`; one at a time for each session."""
    session = session_of(request.headers.get("x-convscope-token", ""))
    if session is None or not same_origin(request.headers):
        return JSONResponse({"error": _RELOAD}, 403)
    if session in _reading:
        return JSONResponse({"error": _BUSY}, 429)
    length = request.headers.get("content-length") or "0"
    if not length.isdecimal() or int(length) > MAX_ARCHIVE_BYTES:
        return JSONResponse({"error": _too_large()}, 413)
    _reading.add(session)
    try:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_ARCHIVE_BYTES:
                return JSONResponse({"error": _too_large()}, 413)
        answer = await asyncio.get_running_loop().run_in_executor(_pool, keep_data_set, bytes(data), session)
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        _reading.discard(session)
    return JSONResponse(answer, 422 if "error" in answer else 200)


def _too_large() -> dict[str, str]:
    error = DataSetError("too_large", megabytes="> 20", limit=MAX_ARCHIVE_BYTES // 1_000_000)
    return {language: error.sentence(language) for language in ("en", "ko")}
