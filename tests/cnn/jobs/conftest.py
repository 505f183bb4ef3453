import time
from collections.abc import Callable, Iterator

import pytest

from cnn.jobs import warm
from cnn.jobs.launch import ForkLauncher
from cnn.jobs.local import LocalEngine


@pytest.fixture(scope="session", autouse=True)
def _torch_loads_meanwhile() -> None:
    """The workers' process with torch takes seconds to load; it does so while the first tests run."""
    warm()


@pytest.fixture(scope="session")
def zygote() -> Iterator[ForkLauncher]:
    """A small process to fork from: what the engine does depends on nothing that torch brings."""
    source = ForkLauncher(("numpy", "tests.cnn.jobs.sample_jobs"))
    yield source
    source.close()


class _Kept:
    """The launcher for one engine after another: an engine that shuts down must not close it."""

    def __init__(self, source: ForkLauncher) -> None:
        self.launch = source.launch
        self.preload = source.preload
        self.start = source.start

    def close(self) -> None:
        """Left to the session."""


@pytest.fixture
def make_engine(zygote: ForkLauncher) -> Iterator[Callable[..., LocalEngine]]:
    made = []

    def make(slots: int = 1, **options: int) -> LocalEngine:
        made.append(LocalEngine({"cpu": slots}, workers=_Kept(zygote), **options))
        return made[-1]

    yield make
    for engine in made:
        engine.shutdown()


@pytest.fixture
def engine(make_engine: Callable[..., LocalEngine]) -> LocalEngine:
    return make_engine()


@pytest.fixture
def until() -> Callable[..., float]:
    """Wait for a condition; the seconds it took. Fails after `limit` seconds."""

    def wait(condition: Callable[[], object], limit: float = 5.0) -> float:
        began = time.perf_counter()
        while not condition():
            assert time.perf_counter() - began < limit, f"not reached in {limit} s"
            time.sleep(0.005)
        return time.perf_counter() - began

    return wait
