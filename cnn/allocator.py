"""glibc's allocator set for large tensors; imports nothing heavy, because it has to run before torch is
loaded.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_NEVER_TRIM = 2**31 - 1
_TOP_PAD = 64 << 20
_LARGEST_FROM_HEAP = 1 << 30


def tune_allocator() -> bool:
    """Keep the memory of freed tensors for the next ones instead of returning it to the kernel page by page.

    Without this every CPU tensor above 32 MB is mapped, zeroed and unmapped anew, which costs more than a
    small
    convolution on it. Call it before torch is imported.

    Returns:
        True where glibc accepted the settings, False on any other C library (nothing is changed there).

    Source: mallopt(3), M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    settings = (
        (_M_MMAP_THRESHOLD, _LARGEST_FROM_HEAP),
        (_M_TRIM_THRESHOLD, _NEVER_TRIM),
        (_M_TOP_PAD, _TOP_PAD),
    )
    return all(library.mallopt(name, value) == 1 for name, value in settings)
