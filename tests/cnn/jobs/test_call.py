"""One-shot calls: what a sandboxed worker may not do, and how each kind of end is told."""

import sys
import time

import numpy as np
import pytest

from cnn.jobs import WorkerError, run_in_worker
from tests.cnn.jobs import sample_jobs as jobs

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the filter is Linux's")


@pytest.mark.parametrize(
    "value",
    [None, 3, 2.5, "α", b"\0\1", [1, (2, {"a": {3}})], 1 + 2j, {"x": frozenset({1})}],
    ids=repr,
)
def test_plain_values_come_back(value):
    assert run_in_worker(jobs.returned, value) == value


@pytest.mark.parametrize("shape", [(), (0,), (3, 4), (2, 3, 50, 50)])
def test_arrays_come_back(shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(np.float32)
    got = run_in_worker(jobs.returned, array)
    assert got.dtype == array.dtype
    assert np.array_equal(got, array)
    assert run_in_worker(jobs.returned, value=array.T).shape == array.T.shape


@linux
@pytest.mark.parametrize(
    "what", ["write", "remove", "rename", "mode", "run", "exec", "connect", "fork", "signal"]
)
def test_a_sandboxed_call_cannot(what, tmp_path):
    target = tmp_path / "target"
    if what != "write":
        target.write_text("before")
    assert run_in_worker(jobs.forbidden, what, str(target)) == "refused"
    assert target.exists() == (what != "write")


@linux
def test_the_same_is_possible_without_the_sandbox(tmp_path):
    target = tmp_path / "target"
    assert run_in_worker(jobs.forbidden, "write", str(target), sandbox=False) == "done"
    assert target.read_text() == "x"


def test_a_sandboxed_call_can_read_and_use_threads(tmp_path):
    (tmp_path / "readable").write_text("text")
    assert run_in_worker(jobs.allowed, str(tmp_path / "readable")) == ("text", 1)


def test_a_hostile_result_is_not_unpickled(tmp_path):
    marker = tmp_path / "marker"
    with pytest.raises(WorkerError) as caught:
        run_in_worker(jobs.hostile, str(marker))
    assert caught.value.code == "failed"
    assert not marker.exists()


def test_timeout():
    began = time.perf_counter()
    with pytest.raises(WorkerError) as caught:
        run_in_worker(jobs.slow, 30.0, timeout=0.5)
    assert caught.value.code == "timeout"
    assert "0.5 s" in caught.value.text("en")
    assert "0.5 s" in caught.value.text("ko")
    assert time.perf_counter() - began < 3


@linux
def test_memory():
    assert run_in_worker(jobs.hold, 40 << 20, memory=64 << 20) == 40 << 20
    with pytest.raises(WorkerError) as caught:
        run_in_worker(jobs.hold, 400 << 20, memory=64 << 20)
    assert caught.value.code == "memory"
    assert "64 MB" in caught.value.text()


@linux
def test_crash():
    with pytest.raises(WorkerError) as caught:
        run_in_worker(jobs.crash)
    assert caught.value.code == "crashed"
    assert "SIGSEGV" in caught.value.text()
    assert run_in_worker(jobs.returned, 1) == 1


def test_errors_asked_for_come_as_they_are_and_others_as_worker_errors(caplog):
    with pytest.raises(ValueError, match=r"^wanted 3$"):
        run_in_worker(jobs.complain, "wanted 3", errors=(KeyError, ValueError))
    with pytest.raises(WorkerError) as caught:
        run_in_worker(jobs.complain, "wanted 4", errors=(KeyError,))
    assert caught.value.code == "failed"
    assert "wanted 4" in caught.value.text()
    assert caught.value.log_id in caplog.text


def test_a_function_that_a_worker_could_not_find_is_refused():
    with pytest.raises(TypeError, match="top level"):
        run_in_worker(lambda: 1)
