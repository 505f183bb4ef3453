"""`/convscope/camera`: frames of a person's camera in, results out, as fast as the machine allows.

A message is a little-endian uint32, the length of a JSON header `{"id": n, "kind": slug, "parameters": {...}}`, the
header and a JPEG; the answer is one block (`app/wire.py`) or an error as JSON text, as on the live route. The browser
has one frame on the way and sends its newest when the answer is there, so nothing piles up.

Frames are worked on in processes of their own (`app/camera_worker.py`), fewer than the machine has cores and below the
server's priority: sliders keep theirs. A connection has one frame in the queue at most, so the cameras take turns.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect
from torch import Tensor

from app.camera_worker import CameraWorker, WorkerLostError
from app.routes.live import asking_session, failed
from app.wire import pack
from cnn.images.camera_frame import FRAME_BYTES, camera_frame

PATH = "/convscope/camera"
MAX_HEADER = 16_000
CONNECTIONS_PER_SESSION = 2
MAX_CONNECTIONS = 32
TOO_LARGE, TRY_LATER = 1009, 1013


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """One frame: `pixels` uint8 (3, H, W), of whom, and the seconds that decoding took."""

    pixels: Tensor
    session: str
    decode_seconds: float


Answer = tuple[Mapping[str, Any], Mapping[str, np.ndarray]]
CameraKind = Callable[[Mapping[str, Any], CameraFrame], Answer]
"""A screen's function: the parameters as they came (junk included) and a frame; gives a block's header and arrays."""

CAMERA_KINDS: dict[str, CameraKind] = {}
"""By slug; filled by `app/routes/kinds.py`."""

apart = False
"""Set by app/server.py: frames are worked on in processes of their own."""

WORKERS = min(4, max(1, (os.cpu_count() or 1) // 2))
_workers: list[CameraWorker] = []
_pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="camera")
_open: Counter[str] = Counter()
_log = logging.getLogger(__name__)


async def camera(socket: WebSocket) -> None:
    """Serve one camera until its page closes the connection."""
    session = asking_session(socket)
    if session is None:
        await socket.close(1008)
        return
    await socket.accept("convscope")
    if _open[session] >= CONNECTIONS_PER_SESSION or _open.total() >= MAX_CONNECTIONS:
        await socket.close(TRY_LATER)
        return
    _open[session] += 1
    try:
        while True:
            message = await socket.receive_bytes()
            if len(message) > FRAME_BYTES + MAX_HEADER:
                await socket.close(TOO_LARGE)
                return
            answer = await _answered(message, session)
            await (socket.send_text(answer) if isinstance(answer, str) else socket.send_bytes(answer))
    except (WebSocketDisconnect, RuntimeError, KeyError):  # KeyError: a text came where bytes are wanted
        return
    finally:
        _open[session] -= 1
        if _open[session] <= 0:
            del _open[session]


async def _answered(message: bytes, session: str) -> bytes | str:
    """One frame's answer, from the first worker process that is free; from a thread until one has started."""
    received = time.perf_counter()
    if apart:
        if not _workers:
            _workers.extend(CameraWorker() for _ in range(WORKERS))
        worker = min(_workers, key=lambda one: (not one.ready, one.waiting))
        worker.wake()
        if worker.ready:
            try:
                return await worker.answer(message, session, received)
            except WorkerLostError:
                _log.warning("a camera's process was lost")
    return await asyncio.get_running_loop().run_in_executor(_pool, answer_to, message, session, received)


def answer_to(message: bytes, session: str, received: float) -> bytes | str:
    """Return the answer to one message: a block, or an error as JSON text. `received`: when it came (perf_counter)."""
    number, start = 0, time.perf_counter()
    try:
        head, data = _parts(message)
        number = int(head["id"])
        kind, parameters = CAMERA_KINDS[head["kind"]], head["parameters"]
        if not isinstance(parameters, dict):
            raise TypeError("parameters is no mapping")
    except (ValueError, KeyError, TypeError, RecursionError, struct.error):
        return failed(number, Unreadable())
    try:
        pixels = camera_frame(data)
        decoded = time.perf_counter()
        header, arrays = kind(parameters, CameraFrame(pixels, session, decoded - start))
        server = {
            "waited": start - received, "decode": decoded - start, "work": time.perf_counter() - decoded
        }  # fmt: skip
        return pack({**header, "id": number, "server": server}, arrays)
    except Exception as error:
        return failed(number, error)


def end_workers() -> None:
    """End the processes, with the server."""
    for worker in _workers:
        worker.end()


class Unreadable(ValueError):
    """A message that no page of ours sends."""

    def sentence(self, language: str) -> str:
        """Return what the person is told."""
        if language == "ko":
            return "페이지가 읽을 수 없는 값을 보냈습니다. 새로 고침해 주세요."
        return "The page sent something unreadable. Reload it."


def _parts(message: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", message)
    if length > MAX_HEADER or 4 + length > len(message):
        raise ValueError("the header is longer than its message")
    return json.loads(message[4 : 4 + length]), message[4 + length :]
