"""What stands before every request: host names, headers that confine the page, and a pace for each connection.

The Host check keeps DNS rebinding out; the content policy lets a page load nothing from elsewhere, whatever text a
person typed; the pace (a token bucket) turns a flood of messages into waiting for the one who sends it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
)
HIDDEN = ("/_stcore/metrics", "/_stcore/script-health-check")
MESSAGES_PER_SECOND = 40.0
MESSAGES_AT_ONCE = 80.0


class Pace:
    """A token bucket: `wait()` returns at once until the bucket is empty, then at `rate` a second."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._level, self._time = burst, time.monotonic()

    async def wait(self) -> None:
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._time) * self._rate)
        self._time = now
        self._level -= 1
        if self._level < 0:
            await asyncio.sleep(-self._level / self._rate)


def host_name(host: str) -> str:
    """Return the name in a Host header without its port, lower case; empty if it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        plain = parts.netloc == host and "@" not in host and (parts.port is None or parts.port > 0)
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".") if plain else ""


class Guard:
    """ASGI middleware. `allowed_hosts` are names or addresses; a `*` in it lets every host in."""

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(name.lower() for name in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = host_name(headers.get(b"host", b"").decode("latin-1"))
        if "*" not in self._hosts and host not in self._hosts:
            await _refuse(
                scope,
                send,
                421,
                b"This server does not answer to that name. See CONVSCOPE_HOSTS in README.md.",
            )
            return
        if scope["path"].rstrip("/").endswith(HIDDEN):
            await _refuse(scope, send, 404, b"Not found")
            return
        if scope["type"] == "websocket":
            await self._app(scope, _paced(receive), send)
            return
        await self._app(scope, receive, _confined(send))


def _paced(receive: Receive) -> Receive:
    pace = Pace(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE)

    async def paced() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            await pace.wait()
        return message

    return paced


def _confined(send: Send) -> Send:
    async def confined(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            added = [(name, value) for name, value in HEADERS if name not in names]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return confined


async def _refuse(scope: Scope, send: Send, status: int, text: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": text})
