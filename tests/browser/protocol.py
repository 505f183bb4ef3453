"""A visitor without a browser: speaks Streamlit's protocol, for crowds, floods and forged messages."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from app.wire import unpack


class Visitor:
    """One session on `url` (http://host:port). Use as a context manager."""

    def __init__(self, url: str, page: str = "", query: str = "") -> None:
        self.url = url
        self.page = page
        self.query = query
        self._live: ClientConnection | None = None
        self._number = 0
        self._connections = ExitStack()

    def __enter__(self) -> Visitor:
        address = self.url.replace("http", "ws")
        self.stream = self._connections.enter_context(
            connect(f"{address}/_stcore/stream", origin=self.url, subprotocols=["streamlit"], max_size=None)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.close()

    def send_rerun(self, widget_states: bytes = b"", fragment: str = "") -> None:
        """Ask for a run of the script, as the browser does."""
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.page
        if fragment:
            message.rerun_script.fragment_id = fragment
        if widget_states:
            message.rerun_script.widget_states.ParseFromString(widget_states)
        else:
            message.rerun_script.widget_states.SetInParent()
        self.stream.send(message.SerializeToString())

    def messages_until_finished(self, timeout: float = 20.0) -> list[ForwardMsg]:
        """Return what the server sends up to the end of a run."""
        seen = []
        ends = time.monotonic() + timeout
        while True:
            message = ForwardMsg()
            message.ParseFromString(self.stream.recv(timeout=max(0.01, ends - time.monotonic())))
            seen.append(message)
            if message.WhichOneof("type") == "script_finished":
                return seen

    def rerun(self, **state: Any) -> list[ForwardMsg]:
        """Run the script once and return the messages."""
        self.send_rerun(**state)
        return self.messages_until_finished()

    def open_live(self, messages: list[ForwardMsg]) -> None:
        """Connect to /convscope/live with the token that a run of the script gave to its toolbar."""
        token = live_token(messages)
        address = self.url.replace("http", "ws")
        self._live = self._connections.enter_context(
            connect(
                f"{address}/convscope/live", origin=self.url, subprotocols=["convscope", token], max_size=None
            )
        )

    def live(self, kind: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """Ask for one live answer; return its header and the seconds it took."""
        assert self._live is not None
        self._number += 1
        begun = time.perf_counter()
        self._live.send(json.dumps({"id": self._number, "kind": kind, "parameters": parameters}))
        answer = self._live.recv(timeout=20)
        seconds = time.perf_counter() - begun
        return (json.loads(answer) if isinstance(answer, str) else unpack(answer)[0]), seconds


def live_token(messages: list[ForwardMsg]) -> str:
    """Return the token of our routes that a run of the script gave to its toolbar. Raises: LookupError."""
    for message in messages:
        element = message.delta.new_element
        if element.WhichOneof("type") == "bidi_component" and element.bidi_component.component_name.endswith(
            "toolbar"
        ):
            header, _ = unpack(element.bidi_component.bytes)
            return str(header["live"]["token"])
    raise LookupError("no toolbar among the messages")


def exceptions_in(messages: list[ForwardMsg]) -> list[str]:
    """Return the tracebacks that a run put on screen."""
    elements = [m.delta.new_element for m in messages if m.WhichOneof("type") == "delta"]
    return [e.exception.message for e in elements if e.WhichOneof("type") == "exception"]
