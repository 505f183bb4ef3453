"""Where to compute: the accelerators that truly work here, their names and memory, and what they can do."""

import os
import re
from dataclasses import dataclass
from functools import cache

import torch

DEVICE_VARIABLE = "CONVSCOPE_DEVICE"


@dataclass(frozen=True, slots=True)
class Device:
    """A device that passed the check.

    Attributes:
        device: what tensors are moved to.
        name: for people, as the driver gives it.
        memory: bytes in all, None where it is unknown.
        half: the 16-bit type that is faster than float32 there, None if there is none.
    """

    device: torch.device
    name: str
    memory: int | None
    half: torch.dtype | None


def parse_device(text: str) -> torch.device:
    """`cpu`, `mps`, `cuda` or `cuda:1`, in any case and with blanks around. `cuda` means `cuda:0`.

    Raises:
        ValueError: anything else. Whether there is such a device is another question, see `devices`.
    """
    match = re.fullmatch(r"(cpu|mps|cuda)(?::(\d{1,2}))?", text.strip().lower(), re.ASCII)
    if match is None or (match[1] != "cuda" and match[2] not in (None, "0")):
        raise ValueError(f"wanted cpu, mps, cuda or cuda:<number>, got {text[:60]!r}")
    return torch.device("cuda", int(match[2] or 0)) if match[1] == "cuda" else torch.device(match[1])


def best_device() -> torch.device:
    """The one that `CONVSCOPE_DEVICE` names, if it works; else the first of CUDA, MPS and CPU that does.

    Raises:
        ValueError: the variable names no device, or one that does not work here.
    """
    wanted = os.environ.get(DEVICE_VARIABLE, "").strip()
    if not wanted:
        return devices()[0].device
    device = parse_device(wanted)
    if not works(device):
        usable = ", ".join(str(found.device) for found in devices())
        raise ValueError(f"wanted a device of {DEVICE_VARIABLE} that works here ({usable}), got {wanted}")
    return device


@cache
def devices() -> tuple[Device, ...]:
    """All devices that work, the fastest first; the CPU is always the last."""
    candidates = [torch.device("cuda", index) for index in range(_cuda_count())]
    candidates += [torch.device("mps")]
    working = [device for device in candidates if works(device)]
    return tuple(Device(d, _name(d), _memory(d), half_dtype(d)) for d in (*working, torch.device("cpu")))


def describe(device: torch.device) -> str:
    """`NVIDIA H200 · 139 GB` or `CPU · 8 cores`: what a badge shows."""
    memory = None if device.type == "cpu" else _memory(device)
    size = f"{memory / (1 << 30):.0f} GB" if memory else f"{os.cpu_count() or 1} cores"
    return _name(device) if device.type == "mps" and not memory else f"{_name(device)} · {size}"


def works(device: torch.device) -> bool:
    """Whether a convolution on `device` gives the right number (a driver that is too old lists a device and
    fails).

    A process that was forked from one which uses CUDA cannot use it, and is told so without an attempt.
    """
    if device.type == "cpu":
        return True
    if device.type == "cuda" and (device.index or 0) >= _cuda_count():
        return False
    if device.type == "mps" and not torch.backends.mps.is_available():
        return False
    try:
        ones = torch.ones(1, 1, 3, 3, device=device)
        return torch.nn.functional.conv2d(ones, ones).item() == 9.0
    except (RuntimeError, AssertionError):  # torch without that back end asserts
        return False


def half_dtype(device: torch.device) -> torch.dtype | None:
    """The 16-bit type to run networks in: bfloat16 or float16 on an accelerator, bfloat16 on a CPU made for
    it.
    """
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        return torch.bfloat16 if capability >= (8, 0) else torch.float16
    if device.type == "mps":
        return torch.float16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else None


def configure_process(threads: int = 1) -> None:
    """Set the threads of one operation for this process; 1 is fastest for the small pictures of interactive
    work.

    Raises:
        ValueError: fewer than one thread.
    """
    if threads < 1:
        raise ValueError(f"wanted at least one thread, got {threads}")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)


def _cuda_count() -> int:
    """Devices CUDA may use in this process; 0 after a fork of one that had initialised it."""
    if torch.cuda._is_in_bad_fork() or not torch.cuda.is_available():
        return 0
    return torch.cuda.device_count()


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else "CPU"


def _memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
