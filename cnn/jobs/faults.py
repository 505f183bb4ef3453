"""What can go wrong with long work, in words for the person: a code, two languages, an id that the log
repeats.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

LANGUAGES = ("en", "ko")

_WORDS: Mapping[str, tuple[str, str]] = {
    "queue_full": (
        "{limit} jobs are waiting already. Please try again in a moment.",
        "이미 {limit}개의 작업이 기다리고 있습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "crashed": (
        "The worker stopped unexpectedly ({reason}) and was replaced. Please start the job again.",
        "작업 프로세스가 예기치 않게 멈춰({reason}) 새것으로 교체했습니다. 작업을 다시 시작해 주세요.",
    ),
    "memory": (
        "The job needed more than {limit} of memory and was stopped. Try a smaller size.",
        "작업에 {limit}보다 많은 메모리가 필요해 중단했습니다. 더 작은 크기로 시도해 보세요.",
    ),
    "no_memory": (
        "The machine did not have enough memory for this. Try a smaller size.",
        "이 작업에 필요한 메모리가 부족합니다. 더 작은 크기로 시도해 보세요.",
    ),
    "time_limit": (
        "The job reached its limit of {limit} and was stopped. What it made so far is kept.",
        "작업이 제한 시간 {limit}에 이르러 중단했습니다. 지금까지의 결과는 남아 있습니다.",
    ),
    "timeout": (
        "This took longer than {limit} and was stopped.",
        "{limit}보다 오래 걸려 중단했습니다.",
    ),
    "failed": (
        "The job could not go on: {reason}.",
        "작업을 계속할 수 없습니다: {reason}.",
    ),
    "gpu_full": (
        "The accelerator has no memory left, for smaller settings either. Try a smaller size or the CPU.",
        "더 작은 설정으로도 가속기 메모리가 부족합니다. 더 작은 크기나 CPU로 시도해 보세요.",
    ),
    "oom_retry": (
        "The accelerator's memory was full, so this ran again with {choice}.",
        "가속기 메모리가 가득 차서 {choice}(으)로 다시 실행했습니다.",
    ),
}


def new_log_id() -> str:
    """Eight hexadecimal digits: shown to the person and written to the log, to find one from the other."""
    return secrets.token_hex(4)


def in_words(code: str, language: str, details: Mapping[str, str]) -> str:
    """The sentence for `code`; a language that is not there falls back to English."""
    column = LANGUAGES.index(language) if language in LANGUAGES else 0
    return _WORDS[code][column].format_map(details)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know about a job that goes on. A job may also yield one."""

    code: str
    details: Mapping[str, str] = field(default_factory=dict)

    def text(self, language: str = "en") -> str:
        return in_words(self.code, language, self.details)


@dataclass(frozen=True, slots=True)
class JobFault:
    """Why a job failed. `log_id` stands beside the traceback in the log."""

    code: str
    details: Mapping[str, str]
    log_id: str

    def text(self, language: str = "en") -> str:
        return f"{in_words(self.code, language, self.details)} [{self.log_id}]"


class QueueFull(RuntimeError):
    """No more work is taken at the moment. `limit` is the number of jobs that may wait."""

    code = "queue_full"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(self.text())

    def text(self, language: str = "en") -> str:
        return in_words(self.code, language, {"limit": str(self.limit)})


class WorkerError(RuntimeError):
    """A call in a worker process gave no result; `code` is one of timeout, memory, crashed, failed."""

    def __init__(self, fault: JobFault) -> None:
        self.fault = fault
        self.code = fault.code
        self.log_id = fault.log_id
        super().__init__(fault.text())

    def text(self, language: str = "en") -> str:
        return self.fault.text(language)


def memory_in_words(amount: int) -> str:
    """`300 MB`, `1.5 GB`: powers of 1024, at most one decimal."""
    if amount >= 1 << 30:
        return f"{amount / (1 << 30):.1f} GB"
    return f"{max(1, round(amount / (1 << 20)))} MB"


def seconds_in_words(seconds: float) -> str:
    """`5 s`, `0.5 s`, `10 min`."""
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:g} s"
