"""`/convscope/network`: a person's own network, one file as the request's body; Streamlit's uploads end at 20 MB."""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.routes.body import OneAtATime
from cnn.weights.errors import WeightsError
from cnn.weights.load import LIMIT

PATH = "/convscope/network"
MOST_LINES = 400
_BUSY = {
    "en": "Your last file is still being checked. Wait for it.",
    "ko": "앞서 보낸 파일을 아직 확인하고 있습니다. 잠시 기다려 주세요.",
}
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="network")
_uploads = OneAtATime(_BUSY)
_log = logging.getLogger(__name__)


async def upload(request: Request) -> Response:
    """Answer `{"key": ...}` or `{"error": {"en", "ko"}, "lines": [...]}`; one at a time for each session."""
    reading = request.query_params.get("as", "")[:80]
    return await _uploads.kept(
        request,
        lambda data, session: take_network(data, session, reading),
        limit=LIMIT,
        too_large=_too_large(request.headers.get("content-length", "")),
        pool=_pool,
    )


def take_network(data: bytes, session: str, reading: str) -> dict[str, Any]:
    """Open and keep a file, read as the text `reading` of the address bar says; return its key, or the error in both
    languages with every tensor that does not fit."""
    from app.own_networks import (
        Reading,
        keep_network,
    )  # brings torchvision, for which the first picture need not wait

    asked = Reading.of(reading)
    try:
        return {"key": keep_network(data, session, asked), "reading": asked.text()}
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
