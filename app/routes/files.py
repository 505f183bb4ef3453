"""Our HTTP routes: uploads, and the components' scripts."""

from __future__ import annotations

import asyncio
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.cache import PICTURES
from app.components.bundle import script
from app.routes.live import same_origin
from app.session import session_of
from app.uploads import STORE
from cnn.images import ImageError, load_image

UPLOAD_PATH = "/convscope/upload"
MAX_UPLOAD = 20_000_000
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="upload")
_log = logging.getLogger(__name__)


async def javascript(request: Request) -> Response:
    """Serve a component's script; its name holds a digest, so the browser may keep it for ever."""
    text = script(request.path_params["name"])
    if text is None:
        return Response("Not found", 404)
    return Response(
        text, media_type="text/javascript", headers={"cache-control": "public, max-age=31536000, immutable"}
    )


async def upload(request: Request) -> Response:
    """Take one picture as the request's body; answer `{"key": ...}` or `{"error": {"en": ..., "ko": ...}}`."""
    session = session_of(request.headers.get("x-convscope-token", ""))
    if session is None or not same_origin(request.headers):
        return JSONResponse({"error": _RELOAD}, 403)
    if int(request.headers.get("content-length") or 0) > MAX_UPLOAD:
        return JSONResponse({"error": _sentences(ImageError("file_too_large", **_TOO_LARGE))}, 413)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_UPLOAD:
                return JSONResponse({"error": _sentences(ImageError("file_too_large", **_TOO_LARGE))}, 413)
            chunks.append(chunk)
    except ClientDisconnect:
        return Response(status_code=400)
    loop = asyncio.get_running_loop()
    answer = await loop.run_in_executor(_pool, keep_upload, b"".join(chunks), session)
    return JSONResponse(answer, 422 if "error" in answer else 200)


def keep_upload(data: bytes, session: str) -> dict[str, Any]:
    """Decode `data` once to see that it is a picture, keep it, and return its key or the error in both languages."""
    try:
        pixels = load_image(data, owner=session)
    except ImageError as error:
        return {"error": _sentences(error)}
    except Exception:
        name = secrets.token_hex(4)
        _log.exception("an upload failed [%s]", name)
        return {
            "error": {
                "en": f"This picture could not be opened (log id {name}). Try another one.",
                "ko": f"이 사진을 열 수 없습니다(로그 번호 {name}). 다른 사진을 시도해 주세요.",
            }
        }
    key, on_disk = STORE.save(data, session)
    PICTURES.get_or_make(key, lambda: pixels)
    return {"key": key, "saved": on_disk, "shape": list(pixels.shape)}


_TOO_LARGE = {"limit": MAX_UPLOAD // 1_000_000, "megabytes": "> 20"}
_RELOAD = {"en": "The page is out of date. Reload it.", "ko": "페이지가 오래되었습니다. 새로 고침해 주세요."}


def _sentences(error: ImageError) -> dict[str, str]:
    return {"en": error.sentence("en"), "ko": error.sentence("ko")}
