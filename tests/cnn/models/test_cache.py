"""The cache of networks: once per key, bounded, safe between threads."""

from __future__ import annotations

import threading
import time

import pytest
from torch import nn

from cnn.models.cache import ModelCache, model_bytes


def linear(kilobytes: int) -> nn.Module:
    return nn.Linear(256, kilobytes, bias=False)


def test_bytes_are_counted_once() -> None:
    shared = nn.Linear(10, 10)
    assert model_bytes(nn.Sequential(shared, shared)) == 110 * 4
    assert model_bytes(nn.BatchNorm2d(3)) == 4 * 12 + 8


def test_loaded_once_by_thirty_threads() -> None:
    cache, calls, found = ModelCache(), [], []

    def load() -> nn.Module:
        calls.append(1)
        time.sleep(0.05)
        return linear(1)

    threads = [threading.Thread(target=lambda: found.append(cache.get("a", load))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len({id(model) for model in found}) == 1


def test_loading_one_does_not_hold_up_another() -> None:
    cache, started, go = ModelCache(), threading.Event(), threading.Event()
    cache.get("ready", lambda: linear(1))

    def slow() -> nn.Module:
        started.set()
        assert go.wait(5)
        return linear(1)

    thread = threading.Thread(target=lambda: cache.get("slow", slow))
    thread.start()
    assert started.wait(5)
    assert cache.get("ready", lambda: pytest.fail("loaded again")) is not None
    assert cache.get("other", lambda: linear(1)) is not None
    go.set()
    thread.join()
    assert set(cache.keys()) == {"ready", "slow", "other"}


def test_the_least_recently_used_goes() -> None:
    cache = ModelCache(limit=3000)
    first = cache.get("a", lambda: linear(1))
    cache.get("b", lambda: linear(1))
    assert cache.get("a", lambda: linear(1)) is first
    cache.get("c", lambda: linear(1))
    assert cache.keys() == ("a", "c")
    assert cache.held_bytes == 2048
    cache.get("large", lambda: linear(9))
    assert cache.keys() == ("large",)
    cache.drop("large")
    assert cache.held_bytes == 0


def test_a_failed_load_leaves_nothing_and_may_be_tried_again() -> None:
    cache = ModelCache()
    with pytest.raises(OSError, match="broken"):
        cache.get("a", lambda: (_ for _ in ()).throw(OSError("broken")))
    assert cache.keys() == ()
    assert cache.get("a", lambda: linear(1)) is not None
