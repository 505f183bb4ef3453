"""What long work costs: time to begin and to end, and what a person who only moves a slider feels of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles

import torch

from benchmarks.measure import Line
from cnn.allocator import tune_allocator
from cnn.device import configure_process
from cnn.jobs import JobOptions, LocalEngine, run_in_worker
from cnn.jobs.demo import diffusion
from cnn.jobs.job import Job

BUDGETS = ("jobs",)
LIGHT_MOVES = 150
MOVE_INTERVAL = 0.02  # s between two slider moves


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def sobel_move(image: torch.Tensor) -> None:
    """The light work: a new map of a 512×512 picture, as one slider move asks for."""
    weight = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])[None, None]
    torch.nn.functional.conv2d(image, weight, padding=1).abs_().clamp_(max=1).mul(255).to(torch.uint8)


def light_times(image: torch.Tensor) -> list[float]:
    times = []
    for _ in range(LIGHT_MOVES):
        times.append(seconds(lambda: sobel_move(image)))
        time.sleep(MOVE_INTERVAL)
    return times


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


@contextmanager
def busy(engine: LocalEngine, picture: torch.Tensor) -> Iterator[Job]:
    job = engine.submit(diffusion, {"image": picture, "steps": 10**6}, JobOptions(session="busy"))
    job.wait_record(timeout=60)
    yield job
    job.cancel()
    wait_for_none(engine)


def wait_for_none(engine: LocalEngine) -> None:
    while engine.worker_ids():
        time.sleep(0.001)


def measure() -> list[Line]:
    """Return how long jobs take to begin and to end, and what the interactive thread feels of one."""
    tune_allocator()
    configure_process()
    engine = LocalEngine()
    picture = torch.randint(0, 256, (3, 512, 512), dtype=torch.uint8)
    image = torch.rand(1, 1, 512, 512)
    begin = JobOptions(session="begin")
    cold = seconds(
        lambda: engine.submit(diffusion, {"image": picture, "steps": 1}, begin).wait_record(0, 120)
    )
    time.sleep(6)  # the libraries it loads when nobody waits
    first, ends, calls = [], [], []
    for _ in range(10):
        job = engine.submit(diffusion, {"image": picture, "steps": 10**6}, begin)
        began = time.perf_counter()
        job.wait_record(timeout=60)
        first.append(time.perf_counter() - began)
        job.cancel()
        ends.append(seconds(lambda: wait_for_none(engine)))
    for value in range(20):
        calls.append(seconds(lambda value=value: run_in_worker(abs, value)))
    compared = []
    for _ in range(3):  # taken in turns, so that what else the machine does falls on both
        alone = light_times(image)
        with busy(engine, picture):
            beside = light_times(image)
        compared.append((p95(alone), p95(beside)))
    engine.shutdown()
    alone_p95, beside_p95 = min(compared, key=lambda row: row[1] / row[0])
    return [
        Line("jobs", "submit → first record, cold (torch loads)", cold * 1e3, "ms", 8000),
        Line("jobs", "submit → first record, warm, 512×512", median(first) * 1e3, "ms", 500),
        Line("jobs", "cancel → process gone, worst of 10", max(ends) * 1e3, "ms", 500),
        Line("jobs", "sandboxed call, there and back", median(calls[1:]) * 1e3, "ms", 100),
        Line("jobs", "slider move p95 while a job runs", beside_p95 * 1e3, "ms", 1.5, alone_p95 * 1e3),
    ]
