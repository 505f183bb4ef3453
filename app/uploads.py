"""Uploaded pictures on disk, so that a restart or a lost connection loses nothing.

A file is kept as it came, under a random name that nobody can guess and that no name of the person's went into; the
name is the picture's key in the address bar. What is kept is bounded: per session, in all, and in age; the oldest go.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from pathlib import Path

SESSION_BYTES = 60_000_000
TOTAL_BYTES = 2_000_000_000
MAX_AGE_SECONDS = 7 * 24 * 3600
FREE_BYTES = 64_000_000
"""Disk space that is left alone."""
_KEY = re.compile(r"u-[A-Za-z0-9_-]{22}")
_log = logging.getLogger(__name__)


class UploadQuotaError(Exception):
    """This session has uploaded `SESSION_BYTES` and every older picture of its own is in use."""


def default_folder() -> Path:
    """Return the folder for uploads: `$CONVSCOPE_DATA/uploads`, else one in the user's cache."""
    root = os.environ.get("CONVSCOPE_DATA")
    base = Path(root) if root else Path.home() / ".cache" / "convscope"
    return base / "uploads"


class UploadStore:
    """A bounded folder of uploaded files by random key. Safe to use from several threads."""

    def __init__(self, folder: Path, *, total_bytes: int = TOTAL_BYTES) -> None:
        self._folder = folder
        self._total = total_bytes
        self._lock = threading.Lock()
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._by_session: OrderedDict[str, list[tuple[str, int]]] = OrderedDict()

    def save(self, data: bytes, session: str) -> tuple[str, bool]:
        """Keep `data` and return (key, whether it is on disk); where the disk refuses it is kept in memory only."""
        key = "u-" + secrets.token_urlsafe(16)
        with self._lock:
            self._make_room_for_session(session, len(data))
            self._by_session.setdefault(session, []).append((key, len(data)))
            while len(self._by_session) > 512:
                self._by_session.popitem(last=False)
            try:
                self._write(key, data)
                self._sweep()
            except OSError as error:
                _log.warning("an upload could not be written: %s", error.strerror)
                self._keep_in_memory(key, data)
                return key, False
        return key, True

    def read(self, key: str) -> bytes | None:
        """Return the file under `key`, or None where there is none (any more)."""
        if not _KEY.fullmatch(key):
            return None
        with self._lock:
            if key in self._memory:
                return self._memory[key]
        try:
            path = self._folder / key
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def path(self, key: str) -> Path | None:
        """Return where the file under `key` lies, None where there is none on disk."""
        path = self._folder / key
        return path if _KEY.fullmatch(key) and path.is_file() else None

    def of_session(self, session: str) -> tuple[str, ...]:
        """Return the keys that `session` uploaded, newest first."""
        with self._lock:
            return tuple(key for key, _ in reversed(self._by_session.get(session, [])))

    def _make_room_for_session(self, session: str, size: int) -> None:
        kept = self._by_session.get(session, [])
        while kept and sum(n for _, n in kept) + size > SESSION_BYTES:
            key, _ = kept.pop(0)
            self._memory.pop(key, None)
            (self._folder / key).unlink(missing_ok=True)

    def _write(self, key: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(self._folder).free < len(data) + FREE_BYTES:
            raise OSError(28, "No space left on device")
        temporary = self._folder / f".{key}.part"
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / key)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _keep_in_memory(self, key: str, data: bytes) -> None:
        self._memory[key] = data
        while sum(map(len, self._memory.values())) > 4 * SESSION_BYTES:
            self._memory.popitem(last=False)

    def _sweep(self) -> None:
        files = []
        for path in self._folder.iterdir():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            files.append((found.st_mtime, found.st_size, path))
        files.sort()
        total = sum(size for _, size, _ in files)
        oldest_allowed = time.time() - MAX_AGE_SECONDS
        for modified, size, path in files:
            if total <= self._total and modified >= oldest_allowed:
                break
            path.unlink(missing_ok=True)
            total -= size


STORE = UploadStore(default_folder())
