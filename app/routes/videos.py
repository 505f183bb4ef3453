"""`/convscope/video`: a person's video comes in. `/convscope/runs/<key>`: frames and results of a run go out.

All of them want the page's token in `X-ConvScope-Token`; a run's answers go to the session that began it only, or that
took it over when the page was reloaded.
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
from app.routes.body import RELOAD, OneAtATime, read, sender
from app.routes.live import failed
from app.state import PICTURE
from app.video_runs import RUNS, OpenElsewhere, VideoRun
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
_reading = OneAtATime(sentences("busy"))


async def upload(request: Request) -> Response:
    """Take a video as the request's body, or with `?picture=<key>` make a clip of that picture; answer
    `{"key", "facts"}` or `{"error": {"en", "ko"}}`."""
    asked = request.query_params.get("picture")
    return await _reading.kept(
        request,
        keep_video if asked is None else lambda _, session: _clip(PICTURE.parse(asked), session),
        limit=MAX_VIDEO,
        too_large=sentences("file_too_large"),
        pool=_pool,
    )


def _clip(key: str, session: str) -> dict[str, Any]:
    try:
        return keep_clip(picture_of(key, owner=session), session)
    except Exception as error:
        answer: dict[str, Any] = json.loads(failed(0, error))
        return answer


async def frames(request: Request) -> Response:
    """Give the state of a run and up to `count` of its frames from the number `from` on, as one block."""
    run, refusal = _run(request)
    if run is None:
        return refusal
    first, count = (_number(request.query_params.get(name)) for name in ("from", "count"))
    block = await asyncio.get_running_loop().run_in_executor(_pool, frame_block, run, first, count)
    return Response(block, media_type="application/octet-stream", headers={"cache-control": "no-store"})


async def act(request: Request) -> Response:
    """Take `{"action": "stop" | "pause" | "resume" | "export" | "take_over", "parameters": {...}}`; answer the run's
    state. `take_over` on the screen `parameters["screen"]` makes the run this session's: 409 while its tab is open."""
    session = sender(request)
    if session is None:
        return JSONResponse({"error": RELOAD}, 403)
    try:
        body = await read(request, MAX_ACTION)
    except ClientDisconnect:
        return Response(status_code=400)
    if body is None:
        return JSONResponse({"error": RELOAD}, 413)
    try:
        asked = json.loads(body)
        action, parameters = asked["action"], asked.get("parameters", {})
        if not isinstance(parameters, dict):
            raise TypeError("parameters is no mapping")
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return JSONResponse({"error": RELOAD}, 400)
    if action == "take_over":
        return await asyncio.get_running_loop().run_in_executor(
            _pool, _taken_over, session, request.path_params["key"], str(parameters.get("screen", ""))
        )
    run, refusal = _run(request)
    if run is None:
        return refusal
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


def _taken_over(session: str, key: str, screen: str) -> Response:
    try:
        run = RUNS.take_over(session, key, screen)
    except OpenElsewhere:
        return JSONResponse({"error": sentences("elsewhere")}, 409)
    if run is None:
        return JSONResponse({"error": sentences("run_gone")}, 404)
    return JSONResponse(run_state(run))


async def mp4(request: Request) -> Response:
    """Give the drawn video."""
    run, refusal = _run(request)
    if run is None:
        return refusal
    path = run.mp4
    if path is None:
        return JSONResponse({"error": sentences("run_gone")}, 404)
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


def _run(request: Request) -> tuple[VideoRun | None, Response]:
    """Return the run that is asked for, or what is answered where there is none for the sender."""
    session = sender(request)
    if session is None:
        return None, JSONResponse({"error": RELOAD}, 403)
    return RUNS.get(session, request.path_params["key"]), JSONResponse({"error": sentences("run_gone")}, 404)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else 0
