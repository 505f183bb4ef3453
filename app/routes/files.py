"""Our HTTP routes: uploads, and the components' scripts."""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.cache import PICTURES
from app.components.bundle import script
from app.routes.body import kept
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
    return await kept(
        request,
        keep_upload,
        limit=MAX_UPLOAD,
        too_large=_sentences(ImageError("file_too_large", **_TOO_LARGE)),
        pool=_pool,
    )


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


def _sentences(error: ImageError) -> dict[str, str]:
    return {"en": error.sentence("en"), "ko": error.sentence("ko")}
