"""FAULTS E1, E3, F2, G1: what is uploaded is kept, bounded, under a name that nobody chose."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from app import uploads
from app.uploads import UploadStore


def test_fault_E1_a_new_store_reads_what_the_old_one_kept(tmp_path: Path) -> None:
    key, on_disk = UploadStore(tmp_path).save(b"picture", "a")
    assert on_disk
    assert UploadStore(tmp_path).read(key) == b"picture"


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "u-../../../../../../etc/pa", "", "u-", "/etc/passwd", "u-" + "a" * 21]
)
def test_fault_F2_only_our_keys_are_paths(tmp_path: Path, key: str) -> None:
    assert UploadStore(tmp_path).read(key) is None


def test_fault_G1_keys_cannot_be_guessed(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    keys = {store.save(b"same", "a")[0] for _ in range(50)}
    assert len(keys) == 50
    assert all(len(key) == 24 for key in keys)
    assert store.of_session("b") == ()


def test_a_session_keeps_its_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SESSION_BYTES", 25)
    store = UploadStore(tmp_path)
    keys = [store.save(bytes(10), "a")[0] for _ in range(4)]
    other, _ = store.save(bytes(10), "b")
    assert [store.read(key) is not None for key in [*keys, other]] == [False, False, True, True, True]
    assert store.of_session("a") == (keys[3], keys[2])


def test_the_whole_is_bounded_in_bytes_and_age(tmp_path: Path) -> None:
    store = UploadStore(tmp_path, total_bytes=35)
    old, _ = store.save(bytes(10), "a")
    os.utime(tmp_path / old, (time.time() - 8 * 24 * 3600,) * 2)
    keys = []
    for number in range(4):
        keys.append(store.save(bytes(10), str(number))[0])
        os.utime(tmp_path / keys[-1], (time.time() - 100 + number,) * 2)
    assert store.read(old) is None
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 35
    assert store.read(keys[-1]) is not None


def test_fault_E3_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = UploadStore(tmp_path)
    earlier, _ = store.save(b"earlier", "a")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    key, on_disk = store.save(b"now", "a")
    assert not on_disk
    assert store.read(key) == b"now"
    assert store.read(earlier) == b"earlier"
    assert [path.name for path in tmp_path.iterdir()] == [earlier]


def test_fault_E3_a_write_that_breaks_off_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    store = UploadStore(tmp_path)
    monkeypatch.setattr(os, "fsync", broken)
    key, on_disk = store.save(b"now", "a")
    assert (on_disk, store.read(key)) == (False, b"now")
    assert list(tmp_path.iterdir()) == []
