"""How a job stands, in the numbers and words that its screen shows; the same for every screen."""

from __future__ import annotations

from typing import Any

from cnn.jobs import Job


def job_status(job: Job | None, language: str) -> dict[str, Any]:
    """Return the job's state ("none" without a job), place in the queue, seconds to wait and to go, and its error.

    `progress` is 0..1, `position` 0 for a job that has left the queue; what is not known yet is None.
    """
    if job is None:
        return {"state": "none"}
    return {
        "state": job.state,
        "progress": job.progress,
        "position": job.position,
        "wait": _rounded(job.estimated_wait),
        "eta": _rounded(job.eta),
        "error": job.error.text(language) if job.error else "",
    }


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
