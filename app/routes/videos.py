"""`/convscope/video`: a person's video comes in. `/convscope/runs/<key>`: frames and results of a run go out.

All of them want the page's token in `X-ConvScope-Token`; a run's answers go to the session that began it only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from app.pictures import picture_of
from app.routes.live import failed, same_origin
from app.session import session_of
from app.state import PICTURE
from app.video_runs import RUNS, VideoRun
from app.videos import MAX_VIDEO, keep_clip, keep_video, sentences
from app.wire import pack
from cnn.jobs import Job

VIDEO_PATH = "/convscope/video"
RUN_PATH = "/convscope/runs/{key}"
MP4_PATH = "/convscope/runs/{key}/video.mp4"
MOST_AT_ONCE = 24
MOST_BYTES = 4_000_000
MAX_ACTION = 20_000
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="video")
_reading: set[str] = set()


def _session(request: Request) -> str | None:
    session = session_of(request.headers.get("x-convscope-token", ""))
    if request.method == "POST" and not same_origin(request.headers):
        return None
    return session


async def upload(request: Request) -> Response:
    """Take a video as the request's body, or with `?picture=<key>` make a clip of that picture; answer
    `{"key", "facts"}` or `{"error": {"en", "ko"}}`."""
    session = _session(request)
    if session is None:
        return JSONResponse({"error": sentences("reload")}, 403)
    if session in _reading:
        return JSONResponse({"error": sentences("busy")}, 429)
    length = request.headers.get("content-length") or "0"
    if not length.isdecimal() or int(length) > MAX_VIDEO:
        return JSONResponse({"error": sentences("file_too_large")}, 413)
    _reading.add(session)
    try:
        loop = asyncio.get_running_loop()
        asked = request.query_params.get("picture")
        if asked is not None:
            key = PICTURE.parse(asked)
            answer = await loop.run_in_executor(_pool, _clip, key, session)
        else:
            data = bytearray()
            async for chunk in request.stream():
                data += chunk
                if len(data) > MAX_VIDEO:
                    return JSONResponse({"error": sentences("file_too_large")}, 413)
            answer = await loop.run_in_executor(_pool, keep_video, bytes(data), session)
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        _reading.discard(session)
    return JSONResponse(answer, 422 if "error" in answer else 200)


def _clip(key: str, session: str) -> dict[str, Any]:
    try:
        return keep_clip(picture_of(key, owner=session), session)
    except Exception as error:
        answer: dict[str, Any] = json.loads(failed(0, error))
        return answer


async def frames(request: Request) -> Response:
    """Give the state of a run and up to `count` of its frames from the number `from` on, as one block."""
    run, status = _run(request)
    if run is None:
        return JSONResponse({"error": sentences("gone" if status == 404 else "reload")}, status)
    first, count = (_number(request.query_params.get(name)) for name in ("from", "count"))
    block = await asyncio.get_running_loop().run_in_executor(_pool, frame_block, run, first, count)
    return Response(block, media_type="application/octet-stream", headers={"cache-control": "no-store"})


async def act(request: Request) -> Response:
    """Take `{"action": "stop" | "pause" | "resume" | "export", "parameters": {...}}`; answer the run's state."""
    run, status = _run(request)
    if run is None:
        return JSONResponse({"error": sentences("gone" if status == 404 else "reload")}, status)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_ACTION:
            return JSONResponse({"error": sentences("reload")}, 413)
    try:
        asked = json.loads(bytes(body))
        action, parameters = asked["action"], asked.get("parameters", {})
        if not isinstance(parameters, dict):
            raise TypeError("parameters is no mapping")
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return JSONResponse({"error": sentences("reload")}, 400)
    try:
        if action == "export" and run.job.done:
            run.start_export(parameters)
        elif action in ("pause", "resume") and not run.job.done:
            getattr(run.job, action)()
        elif action == "stop":
            (run.job if not run.job.done else run.export or run.job).cancel()
    except Exception as error:
        return JSONResponse(json.loads(failed(0, error)), 503)
    return JSONResponse(run_state(run))


async def mp4(request: Request) -> Response:
    """Give the drawn video."""
    run, status = _run(request)
    path = run.mp4 if run else None
    if path is None:
        return JSONResponse({"error": sentences("gone")}, status if run is None else 404)
    return FileResponse(path, media_type="video/mp4", filename=f"convscope-{run.slug}.mp4")


def frame_block(run: VideoRun, first: int, count: int) -> bytes:
    """Return the run's state and frames `first`… (from 0), no more than fit into one answer."""
    reader = run.frames
    places = reader.places()
    listed: list[dict[str, Any]] = []
    data = bytearray()
    for place in places[first : first + min(count, MOST_AT_ONCE)]:
        if data and len(data) + place.picture_bytes + place.result_bytes > MOST_BYTES:
            break
        try:
            picture, result = reader.read(place)
        except OSError:  # the run was replaced meanwhile
            break
        listed.append(
            {"number": place.number, "seconds": place.seconds, "picture": len(picture), "result": len(result)}
        )
        data += picture + result
    header = {**run_state(run), "from": first, "frames": listed, "available": len(places)}
    if places:
        header["span"] = places[-1].seconds
    return pack(header, {"data": np.frombuffer(bytes(data), np.uint8)})


def run_state(run: VideoRun) -> dict[str, Any]:
    """Return what a player says about a run."""
    newest = run.job.latest()
    state = {**_job_state(run.job), "key": run.key, "facts": run.facts, "export": None}
    if newest is not None:
        state |= {"frame": newest.frame, "of": newest.frames, "speed": newest.speed, "full": newest.full}
    if run.export is not None:
        state["export"] = {**_job_state(run.export), "ready": run.mp4 is not None}
    return state


def _job_state(job: Job) -> dict[str, Any]:
    error: Mapping[str, str] | None = None
    if job.error:
        error = {language: job.error.text(language) for language in ("en", "ko")}
    return {
        "state": job.state, "progress": job.progress, "eta": job.eta, "position": job.position, "error": error,
    }  # fmt: skip


def _run(request: Request) -> tuple[VideoRun | None, int]:
    session = _session(request)
    if session is None:
        return None, 403
    return RUNS.get(session, request.path_params["key"]), 404


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else 0
