"""When the accelerator's memory is full: free what can be freed, try once more with less, and say so."""

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cnn.jobs.faults import Notice

T = TypeVar("T")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Retried(Generic[T, C]):
    """What came out, of which choice, and a notice for every try that did not fit."""

    value: T
    choice: C
    notices: tuple[Notice, ...]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that the accelerator's memory (not the machine's) is full."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def release_memory() -> None:
    """Give back what no tensor holds any more. Call it outside the `except` block, whose frames hold
    tensors.
    """
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def with_oom_retry(function: Callable[[C], T], first: C, *fallbacks: C) -> Retried[T, C]:
    """`function(first)`; whenever the accelerator's memory is full, `function` of the next fallback instead.

    Args:
        function: the work, given its choice: a size, a device, a record of both.
        first: what is wanted.
        fallbacks: what will do, in order; a smaller size, then the CPU.

    Raises:
        torch.OutOfMemoryError: the last choice does not fit either.

    Source: PyTorch documentation, FAQ, "My out of memory exception handler can't allocate memory".
    """
    notices: list[Notice] = []
    choices = (first, *fallbacks)
    for number, choice in enumerate(choices):
        try:
            return Retried(function(choice), choice, tuple(notices))
        except Exception as error:
            if not is_out_of_memory(error) or number + 1 == len(choices):
                raise
        release_memory()
        notices.append(Notice("oom_retry", {"choice": choice_in_words(choices[number + 1])}))
    raise AssertionError("the loop returns or raises")


def choice_in_words(choice: object) -> str:
    """`size 256, device cpu` for a mapping, else the value itself."""
    if isinstance(choice, dict):
        return ", ".join(f"{name} {value}" for name, value in choice.items())
    return str(choice)
