"""Long work in worker processes: bounded, fair, steered, cancelled, and lost without harm. Imports no
torch.
"""

from cnn.jobs.call import run_in_worker
from cnn.jobs.engine import Engine, cancel_session, get_engine, leave, set_engine, submit, touch, warm
from cnn.jobs.faults import JobFault, Notice, QueueFull, WorkerError
from cnn.jobs.job import Job, JobOptions, State
from cnn.jobs.local import LocalEngine
from cnn.jobs.oom import Retried, with_oom_retry

__all__ = [
    "Engine",
    "Job",
    "JobFault",
    "JobOptions",
    "LocalEngine",
    "Notice",
    "QueueFull",
    "Retried",
    "State",
    "WorkerError",
    "cancel_session",
    "get_engine",
    "leave",
    "run_in_worker",
    "set_engine",
    "submit",
    "touch",
    "warm",
    "with_oom_retry",
]
