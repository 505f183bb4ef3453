"""The door that pages use, with torch in the workers; and the other ways to start or lose a process."""

import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch

import cnn.jobs
from cnn.jobs import JobOptions, LocalEngine, get_engine, run_in_worker, set_engine, submit, with_oom_retry
from cnn.jobs.demo import diffusion
from cnn.jobs.launch import SpawnLauncher
from tests.cnn.jobs import sample_jobs as jobs


def test_importing_the_package_does_not_load_torch():
    code = "import sys, cnn.jobs; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_demo_spreads_heat_as_opencv_does():
    image = torch.randint(0, 256, (3, 40, 52), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    job = submit(diffusion, options=JobOptions(session="demo", history=4), image=image, steps=4, rate=0.2)
    assert job.wait(60) == "finished"
    kernel = np.array([[0, 0.2, 0], [0.2, 0.2, 0.2], [0, 0.2, 0]], np.float32)
    heat = image.permute(1, 2, 0).numpy().astype(np.float32)
    for number, record in job.records_since():
        heat = cv2.filter2D(heat, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        assert record.step == number
        assert np.abs(record.image.permute(1, 2, 0).numpy().astype(np.float32) - heat).max() <= 0.51
        assert record.spread == pytest.approx(heat.std(), rel=1e-4)


def test_demo_is_steered_and_refuses_an_unstable_rate():
    image = torch.zeros(1, 8, 8, dtype=torch.uint8)
    steps = diffusion(image, steps=3)
    next(steps)
    with pytest.raises(ValueError, match=r"at most 0\.25, got 0\.3"):
        steps.send({"rate": 0.3})
    with pytest.raises(ValueError, match="uint8 image"):
        next(diffusion(image.float()))


def test_a_job_with_torch_begins_within_half_a_second_once_warm():
    image = torch.zeros(3, 256, 256, dtype=torch.uint8)
    delays = []
    for _ in range(4):
        began = time.perf_counter()
        job = submit(diffusion, options=JobOptions(session="speed"), image=image, steps=1)
        assert job.wait_record(timeout=60).step == 1
        delays.append(time.perf_counter() - began)
    assert min(delays) < 0.5


def test_tensors_come_back_from_a_worker_that_has_torch():
    for tensor in (
        torch.randn(2, 3, 4).to(torch.bfloat16),
        torch.tensor([True, False]),
        torch.zeros(0, 4),
        torch.tensor(3 + 4j).conj(),
        torch.arange(12).reshape(3, 4).T,
    ):
        got = run_in_worker(jobs.returned, {"w": tensor}, torch=True)["w"]
        assert got.dtype == tensor.dtype
        assert torch.equal(got, tensor)
        got.zero_()  # it is ours to write to


def test_a_forked_worker_can_use_several_threads():
    job = submit(jobs.using_threads, count=2)
    assert job.wait(60) == "finished"
    assert job.latest() == (2, 672.0)


def test_a_full_accelerator_is_retried_with_the_fallbacks_and_told():
    options = JobOptions(session="oom", history=9, oom_fallbacks=({"size": 128}, {"size": 64}))
    job = submit(jobs.full_above, options=options, size=512)
    assert job.wait(60) == "finished"
    assert [record for _, record in job.records_since()] == [
        ("trying", 512),
        ("trying", 128),
        ("trying", 64),
        ("fits", 64),
    ]
    assert [notice.details["choice"] for notice in job.notices] == ["size 128", "size 64"]


def test_a_full_accelerator_without_a_fallback_is_said_so():
    job = submit(jobs.full_above, options=JobOptions(session="oom"), size=512)
    assert job.wait(60) == "failed"
    assert job.error.code == "gpu_full"
    assert "accelerator" in job.error.text()


def test_with_oom_retry_tries_each_choice_outside_the_handler():
    tried = []

    def work(choice):
        tried.append((choice, sys.exc_info()[0]))
        if choice > 100:
            raise torch.OutOfMemoryError("pretended")
        return choice * 2

    done = with_oom_retry(work, 512, 256, 64, 32)
    assert (done.value, done.choice) == (128, 64)
    assert tried == [(512, None), (256, None), (64, None)]
    assert [notice.details["choice"] for notice in done.notices] == ["256", "64"]
    with pytest.raises(torch.OutOfMemoryError):
        with_oom_retry(work, 512, 256)
    with pytest.raises(ZeroDivisionError):
        with_oom_retry(lambda choice: 1 // choice, 0, 1)


@pytest.mark.parametrize(
    ("function", "parameters", "message"),
    [
        (lambda: (yield 1), {}, "top level"),
        (jobs.returned, {"value": 1}, "generator function"),
        (jobs.counting, {"step": 1}, "unexpected keyword|missing"),
        (5, {}, "importable module"),
    ],
)
def test_submit_refuses_what_no_worker_could_run(function, parameters, message):
    with pytest.raises(TypeError, match=message):
        submit(function, **parameters)


def test_another_engine_plugs_in():
    class Recording:
        def submit(self, function, parameters, options):
            return function, parameters, options

    before = set_engine(Recording())
    try:
        assert submit(jobs.counting, steps=3) == (jobs.counting, {"steps": 3}, JobOptions())
    finally:
        set_engine(before)
    assert before is None or get_engine() is before


def test_workers_started_one_by_one_do_the_same():
    engine = LocalEngine({"cpu": 1}, workers=SpawnLauncher(("numpy",)))
    try:
        job = engine.submit(jobs.counting, {"steps": 10_000}, JobOptions())
        pid = job.wait_record(timeout=20).pid
        job.cancel()
        following = engine.submit(jobs.remembering, {"steps": 3}, JobOptions())
        following.send("hello")
        assert following.wait(20) == "finished"
        assert following.latest() == ("hello",)
        assert not jobs.is_alive(pid)
        dying = engine.submit(jobs.dying, {"signal_number": jobs.SEGMENTATION_FAULT}, JobOptions())
        assert dying.wait(20) == "failed"
        assert "SIGSEGV" in dying.error.text()
    finally:
        engine.shutdown()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.parametrize("function", ["deaf", "never_yielding"])
def test_no_orphans_when_the_server_is_killed(function):
    code = (
        "import time; from cnn.jobs import *; from cnn.jobs.launch import ForkLauncher\n"
        "from tests.cnn.jobs import sample_jobs as jobs\n"
        "engine = LocalEngine(workers=ForkLauncher(('numpy',)))\n"
        f"job = engine.submit(jobs.{function}, {{}}, JobOptions())\n"
        "while not engine.worker_ids(): time.sleep(0.01)\n"
        "time.sleep(0.3); print(*engine.worker_ids(), engine._launcher._process.pid, flush=True)\n"
        "time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in server.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(jobs.is_alive, pids))
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()
    deadline = time.monotonic() + 3
    while any(map(jobs.is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(jobs.is_alive, pids))


def test_every_public_name_is_there():
    assert all(hasattr(cnn.jobs, name) for name in cnn.jobs.__all__)
