"""FAULTS E2, G1, G2."""

from __future__ import annotations

import torch

from app.cache import BoundedCache, tensor_bytes


def test_fault_E2_bytes_are_bounded_and_the_oldest_goes() -> None:
    cache: BoundedCache[bytes] = BoundedCache(100, len)
    made = []

    def value(name: str) -> bytes:
        return cache.get_or_make(name, lambda: made.append(name) or bytes(40))

    value("a"), value("b"), value("a"), value("c")
    assert cache.bytes == 80
    value("a")
    assert made == ["a", "b", "c"]
    value("b")
    assert made == ["a", "b", "c", "b"]


def test_what_is_too_large_is_not_kept() -> None:
    cache: BoundedCache[torch.Tensor] = BoundedCache(100, tensor_bytes)
    assert cache.get_or_make("x", lambda: torch.zeros(100)).numel() == 100
    assert cache.bytes == 0


def test_errors_are_not_kept() -> None:
    cache: BoundedCache[bytes] = BoundedCache(100, len)
    for _ in range(2):
        try:
            cache.get_or_make("x", lambda: (_ for _ in ()).throw(ValueError("no")))
        except ValueError:
            continue
        raise AssertionError("the error was swallowed")
    assert cache.get_or_make("x", lambda: b"ok") == b"ok"
