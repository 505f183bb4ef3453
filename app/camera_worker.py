"""Cameras' frames are worked on in processes of their own, so that nobody's slider shares an interpreter with them.

`python -m app.camera_worker` reads frames from its standard input and writes answers to its standard output until the
input ends, which it does with the server, however that ends. It runs at a lower priority than the server.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parents[1]
READY = b"ready\n"
IDLE_SECONDS = 120.0
_ASKED = struct.Struct("<IId")  # bytes of "session device", of the message; when it came
_ANSWERED = struct.Struct("<BI")  # 1: text, 0: a block; its bytes

Answer = Callable[[bytes, str, float], bytes | str]


class WorkerLostError(Exception):
    """The process ended in the middle of an answer."""


class CameraWorker:
    """One process. Started when it is first wanted, ended after two minutes without a frame."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._starting: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self.ready = False
        self.waiting = 0

    def wake(self) -> None:
        """Begin to start the process, where it does not run; `ready` says when it answers."""
        if self._process is None and self._starting is None:
            self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        try:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.camera_worker", cwd=ROOT, env=environment,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            self._process = process
            assert process.stdout is not None
            self.ready = await process.stdout.readline() == READY
            if not self.ready:
                self.end()
        except OSError:
            self._process = None
        finally:
            self._starting = None

    async def answer(self, message: bytes, session: str, received: float) -> bytes | str:
        """Have one frame worked on; frames of several cameras take turns in the order they came.

        Raises:
            WorkerLostError: the process ended; the next `wake` starts another.
        """
        self.waiting += 1
        try:
            return await self._in_turn(message, session, received)
        finally:
            self.waiting -= 1

    async def _in_turn(self, message: bytes, session: str, received: float) -> bytes | str:
        from app.session_devices import device_of  # brings torch, which the process itself loads later

        async with self._turn:
            process = self._process
            if process is None or process.stdin is None or process.stdout is None:
                raise WorkerLostError
            name = f"{session} {device_of(session)}".encode()
            try:
                process.stdin.write(_ASKED.pack(len(name), len(message), received) + name + message)
                await process.stdin.drain()
                text, length = _ANSWERED.unpack(await process.stdout.readexactly(_ANSWERED.size))
                data = await process.stdout.readexactly(length)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.end()
                raise WorkerLostError from error
            except asyncio.CancelledError:  # the answer in the pipe would be taken for the next one's
                self.end()
                raise
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.end)
        return data.decode() if text else data

    def end(self) -> None:
        """End the process, also one that is just starting."""
        if self._starting is not None and self._process is not None:
            self._starting.cancel()
        process, self._process, self.ready = self._process, None, False
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()


def serve(source: BinaryIO, target: BinaryIO, answer: Answer) -> None:
    """Answer every frame of `source` until it ends."""
    from app.session_devices import choose_device

    while True:
        head = source.read(_ASKED.size)
        if len(head) < _ASKED.size:
            return
        name_size, size, received = _ASKED.unpack(head)
        session, _, device = source.read(name_size).decode().partition(" ")
        choose_device(session, device)
        result = answer(source.read(size), session, received)
        text = isinstance(result, str)
        data = result.encode() if isinstance(result, str) else result
        target.write(_ANSWERED.pack(text, len(data)) + data)
        target.flush()


def main() -> None:
    """Be the process."""
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not land among the answers
    if hasattr(os, "nice"):
        os.nice(5)
    from cnn.allocator import tune_allocator

    tune_allocator()  # before torch is imported
    from app.routes.camera import answer_to
    from app.routes.kinds import load_cameras
    from cnn.device import configure_process

    configure_process()
    load_cameras()
    target.write(READY)
    target.flush()
    serve(sys.stdin.buffer, target, answer_to)


if __name__ == "__main__":
    main()
