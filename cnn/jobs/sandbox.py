"""Bounds a worker puts on itself: priority, death with its parent, memory, and for untrusted bytes a
system-call filter.

Everything here is Linux's; elsewhere the functions return False and the call is bounded by time and process
only.
Source: prctl(2), seccomp(2), setrlimit(2), linux/filter.h.
"""

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_FILTER_MODE = 2

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE, _ABSENT = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER, _MACHINE = 0, 4
_ARGUMENT = 16  # offset of the first one; each takes 8 bytes, the low half first

_O_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE_THREAD = 0x10000
_X32_CALLS = 0x40000000  # from here on: the x32 numbering of the same calls

_REFUSED = {
    "x86_64": """
        socket=41 connect=42 bind=49 listen=50 socketpair=53 fork=57 vfork=58 execve=59 kill=62
        truncate=76 rename=82 mkdir=83 rmdir=84 creat=85 link=86 unlink=87 symlink=88 chmod=90 chown=92
        lchown=94 ptrace=101 mknod=133 mount=165 tkill=200 mkdirat=258 mknodat=259 fchownat=260 unlinkat=263
        renameat=264 linkat=265 symlinkat=266 fchmodat=268 process_vm_readv=310 process_vm_writev=311
        renameat2=316 bpf=321 execveat=322 pidfd_send_signal=424 pidfd_open=434""",
    "aarch64": """
        mknodat=33 mkdirat=34 unlinkat=35 symlinkat=36 linkat=37 renameat=38 mount=40 truncate=45
        fchmodat=53 fchownat=54 ptrace=117 kill=129 tkill=130 socket=198 socketpair=199 bind=200 listen=201
        connect=203 execve=221 process_vm_readv=270 process_vm_writev=271 renameat2=276 bpf=280
        execveat=281 pidfd_send_signal=424 pidfd_open=434""",
}
_LOOKED_AT = {"x86_64": "open=2 openat=257 clone=56 tgkill=234", "aarch64": "openat=56 clone=220 tgkill=131"}
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEWER_THAN_FILTERS = (425, 435, 437)  # io_uring_setup, clone3, openat2: arguments a filter cannot read


def die_with_parent(parent: int) -> bool:
    """Have the kernel kill this process when its parent `parent` ends, and end at once when it already
    has.
    """
    if not sys.platform.startswith("linux"):
        return False
    done = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    if os.getppid() != parent:
        os._exit(1)
    return done


def yield_priority(niceness: int) -> None:
    """Run behind interactive work, and be the first to go when the machine runs out of memory."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("700")


def own_memory(pid: int | None = None) -> int | None:
    """Bytes of memory process `pid` (this one by default) holds that are not file pages, None where
    unknown.
    """
    try:
        with open(f"/proc/{pid or 'self'}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem")) * 1024
    except (OSError, KeyError, ValueError):
        return None


def limit_resources(memory: int, cpu_seconds: float) -> bool:
    """Allow `memory` more bytes of data than now, no file growth, no core dump, `cpu_seconds` of processor
    time.
    """
    if not sys.platform.startswith("linux"):
        return False
    import resource

    with open("/proc/self/status") as status:
        data = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    seconds = int(cpu_seconds) + 1
    for kind, soft in (
        (resource.RLIMIT_DATA, data + memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
    ):
        hard = resource.getrlimit(kind)[1]
        wanted = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        resource.setrlimit(kind, (wanted, hard))
    return True


def _numbers(calls: str) -> dict[str, int]:
    return {name: int(number) for name, number in (call.split("=") for call in calls.split())}


def _program(machine: str) -> bytes:
    """The filter as instructions of 8 bytes: refuse some calls, look at the arguments of four, allow the
    rest.
    """
    code: list[tuple[int, int, int, int]] = []

    def give(answer: int) -> None:
        code.append((_RETURN, 0, 0, answer))

    def on_call(number: int, answer: int) -> None:
        code.append((_EQUAL, 0, 1, number))
        give(answer)

    code.append((_LOAD, 0, 0, _MACHINE))
    code.append((_EQUAL, 1, 0, _AUDIT[machine]))
    give(_KILL)
    code.append((_LOAD, 0, 0, _NUMBER))
    code.append((_AT_LEAST, 0, 1, _X32_CALLS))
    give(_REFUSE)
    for number in _numbers(_REFUSED[machine]).values():
        on_call(number, _REFUSE)
    for number in _NEWER_THAN_FILTERS:
        on_call(number, _ABSENT)
    tests = {
        "open": (1, _ANY_BIT, _O_WRITING, _REFUSE, _ALLOW),
        "openat": (2, _ANY_BIT, _O_WRITING, _REFUSE, _ALLOW),
        "clone": (0, _ANY_BIT, _CLONE_THREAD, _ALLOW, _REFUSE),
        "tgkill": (0, _EQUAL, os.getpid(), _ALLOW, _REFUSE),
    }
    for name, number in _numbers(_LOOKED_AT[machine]).items():
        argument, test, value, hit, miss = tests[name]
        code.append((_EQUAL, 0, 4, number))
        code.append((_LOAD, 0, 0, _ARGUMENT + 8 * argument))
        code.append((test, 0, 1, value))
        give(hit)
        give(miss)
    give(_ALLOW)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse_system_calls() -> bool:
    """Refuse this process every way to write a file, run a program, open a socket or touch another process.

    It cannot be undone. Returns False where the machine has no such filter; the caller decides whether that
    will do.
    """
    if not sys.platform.startswith("linux") or platform.machine() not in _AUDIT or sys.maxsize < 2**32:
        return False
    instructions = _program(platform.machine())
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0) == 0)
