"""What runs beside the scripts: ending the jobs of tabs that were closed, and putting script errors into words."""

from __future__ import annotations

import asyncio
import logging
import secrets

import streamlit as st

import cnn.jobs
from app.language import Words
from app.session import is_connected
from app.state import LANGUAGE_KEY
from app.video_runs import RUNS

_log = logging.getLogger("convscope")


async def watch_sessions(seconds: float = 0.5) -> None:
    """Tell the job engine, twice a second, which sessions with jobs are still connected."""
    gone: set[str] = set()
    while True:
        await asyncio.sleep(seconds)
        working = {job.session for job in cnn.jobs.get_engine().jobs()}
        for session in working:
            if is_connected(session):
                cnn.jobs.touch(session)
                gone.discard(session)
            elif session not in gone:
                cnn.jobs.leave(session)
                gone.add(session)
        gone &= working


async def sweep_runs(seconds: float = 10.0) -> None:
    """Forget now and then the videos whose tabs are long gone, and what is too much on the disk."""
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(RUNS.sweep)


def report_script_error(error: Exception) -> bool:
    """Show one sentence with a log id in place of a traceback, which goes to the log."""
    name = secrets.token_hex(4)
    _log.error("page failed [%s]", name, exc_info=error)
    words = Words(st.session_state.get(LANGUAGE_KEY, "en"))
    st.error(words("page_broke", id=name))
    return True
