"""From how a worker ended to what the person is told."""

import logging
import signal
from collections.abc import Mapping
from typing import Any

from cnn.jobs.faults import JobFault, new_log_id

_log = logging.getLogger(__name__)

_LONGEST_REASON = 200


def lost_worker_fault(status: int | None) -> JobFault:
    """For a worker that ended without a word; `status` is its exit code or minus a signal, None if it never
    began.
    """
    if status is None:
        reason = "not started"
    elif status < 0:
        try:
            reason = signal.Signals(-status).name
        except ValueError:
            reason = f"signal {-status}"
    else:
        reason = f"exit code {status}"
    return JobFault("crashed", {"reason": reason}, new_log_id())


def reported_fault(details: Mapping[str, Any], work: str) -> JobFault:
    """For an exception that the worker reported: its traceback goes to the log, a sentence to the person."""
    fault = JobFault(_code(details), {"reason": _reason(details)}, new_log_id())
    _log.error("%s failed [%s]\n%s", work, fault.log_id, details.get("traceback", ""))
    return fault


def _code(details: Mapping[str, Any]) -> str:
    if details.get("gpu_memory"):
        return "gpu_full"
    return "no_memory" if details.get("memory") else "failed"


def _reason(details: Mapping[str, Any]) -> str:
    """The message of an error that was raised to be read, else only the error's name."""
    name = str(details.get("exception", "")).rsplit(".", 1)[-1]
    lines = str(details.get("message", "")).strip().splitlines()
    if details.get("for_people") and lines:
        return lines[0][:_LONGEST_REASON].rstrip(".")
    return name
