"""`/convscope/data-set`: a person's labelled pictures, one ZIP as the request's body."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from app.data_sets import keep_data_set
from app.routes.body import OneAtATime
from cnn.networks.transfer_archive import MAX_ARCHIVE_BYTES
from cnn.networks.transfer_errors import DataSetError

PATH = "/convscope/data-set"
_BUSY = {
    "en": "Your last pictures are still being read. Wait for them.",
    "ko": "앞서 보낸 사진을 아직 읽고 있습니다. 잠시 기다려 주세요.",
}
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="data-set")
_uploads = OneAtATime(_BUSY)


async def upload(request: Request) -> Response:
    """Answer `{"key": ..., "pictures": n}` or `{"error": {"en": ..., "ko": ...}}`; one at a time for each session.

    With `X-ConvScope-Labels: none` any pictures will do, in folders or not.
    """
    labelled = request.headers.get("x-convscope-labels") != "none"
    keep = partial(keep_data_set, labelled=labelled)
    return await _uploads.kept(request, keep, limit=MAX_ARCHIVE_BYTES, too_large=_too_large(), pool=_pool)


def _too_large() -> dict[str, str]:
    error = DataSetError("too_large", megabytes="> 20", limit=MAX_ARCHIVE_BYTES // 1_000_000)
    return {language: error.sentence(language) for language in ("en", "ko")}
