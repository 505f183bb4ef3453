"""Who is asking: the Streamlit session's id, and a signed token of it for our own routes."""

from __future__ import annotations

import secrets

from itsdangerous import BadSignature, TimestampSigner
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

_SIGNER = TimestampSigner(secrets.token_bytes(32), salt="convscope-live")
TOKEN_SECONDS = 24 * 3600


def session_id() -> str:
    """Return the id of the session whose script is running, or an empty text outside one."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def token_of(session: str) -> str:
    """Return a signed, timed token of `session` in characters that a WebSocket subprotocol may have."""
    return _SIGNER.sign(session).decode()


def session_of(token: str) -> str | None:
    """Return the session that `token` was made for, or None if it is forged, old, or the session is gone."""
    try:
        session = _SIGNER.unsign(token, max_age=TOKEN_SECONDS).decode()
    except (BadSignature, UnicodeDecodeError):
        return None
    return session if is_connected(session) else None


def is_connected(session: str) -> bool:
    """Say whether the session's browser tab is connected at the moment."""
    return Runtime.exists() and Runtime.instance().is_active_session(session)
