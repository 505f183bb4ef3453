"""A visit of our own before anybody else's: one run of a screen's script, so that no visitor is the first."""

from __future__ import annotations

import asyncio
import logging

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.session_manager import ClientContext, SessionClient

_log = logging.getLogger(__name__)


class _Visitor(SessionClient):
    def __init__(self) -> None:
        self.finished = asyncio.Event()

    def write_forward_msg(self, msg: ForwardMsg) -> None:
        if msg.WhichOneof("type") == "script_finished":
            self.finished.set()

    @property
    def client_context(self) -> ClientContext | None:
        return None


async def visit(slug: str, *, seconds: float = 20.0) -> bool:
    """Run the script of screen `slug` (empty: home) for a session of its own; return whether it ended in `seconds`.

    Call it on the server's event loop, once Streamlit's runtime has started.
    """
    runtime, visitor = Runtime.instance(), _Visitor()
    session = runtime.connect_session(visitor, {})
    message = BackMsg()
    message.rerun_script.page_name = slug
    message.rerun_script.widget_states.SetInParent()
    try:
        runtime.handle_backmsg(session, message)
        await asyncio.wait_for(visitor.finished.wait(), seconds)
    except TimeoutError:
        _log.warning("the screen %r was not drawn within %s s of the start", slug, seconds)
        return False
    finally:
        runtime.close_session(session)
    return True
