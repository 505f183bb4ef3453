import os
import subprocess
import sys

import pytest
import torch

from cnn import device as device_module
from cnn.allocator import tune_allocator
from cnn.device import (
    best_device,
    configure_process,
    describe,
    devices,
    half_dtype,
    parse_device,
    works,
)


@pytest.fixture
def fresh(monkeypatch):
    """Devices looked for anew, and forgotten again afterwards."""
    monkeypatch.delenv("CONVSCOPE_DEVICE", raising=False)
    devices.cache_clear()
    yield monkeypatch
    devices.cache_clear()


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cpu", torch.device("cpu")),
        (" CPU ", torch.device("cpu")),
        ("cpu:0", torch.device("cpu")),
        ("mps", torch.device("mps")),
        ("cuda", torch.device("cuda", 0)),
        ("Cuda:3", torch.device("cuda", 3)),
    ],
)
def test_parse_device(text, device):
    assert parse_device(text) == device


@pytest.mark.parametrize(
    "text", ["", "gpu", "cuda:", "cuda:-1", "cuda:1000", "cpu:1", "cuda:١", "cpu; rm", "meta"]
)
def test_parse_device_refuses(text):
    with pytest.raises(ValueError, match="wanted cpu, mps, cuda"):
        parse_device(text)


def test_the_cpu_always_works_and_comes_last(fresh):
    assert works(torch.device("cpu"))
    assert devices()[-1].device == torch.device("cpu")
    assert devices()[-1].memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert best_device() == devices()[0].device


def test_a_device_that_is_listed_but_fails_is_not_offered(fresh):
    fresh.setattr(torch.cuda, "is_available", lambda: True)
    fresh.setattr(torch.cuda, "device_count", lambda: 1)
    fresh.setattr(torch, "ones", raising(RuntimeError("CUDA driver version is insufficient")))
    assert [found.device.type for found in devices()] == ["cpu"]


def raising(error):
    def function(*_, **__):
        raise error

    return function


def test_the_environment_chooses(fresh):
    fresh.setenv("CONVSCOPE_DEVICE", "cpu")
    assert best_device() == torch.device("cpu")
    fresh.setenv("CONVSCOPE_DEVICE", "toaster")
    with pytest.raises(ValueError, match="got 'toaster'"):
        best_device()
    fresh.setenv("CONVSCOPE_DEVICE", "cuda:99")
    with pytest.raises(ValueError, match=r"that works here .*cpu.*got cuda:99"):
        best_device()


def test_a_fork_of_a_process_with_cuda_is_given_no_cuda(fresh):
    fresh.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)
    fresh.setattr(torch.cuda, "is_available", raising(AssertionError("must not touch the driver")))
    assert device_module._cuda_count() == 0
    assert not works(torch.device("cuda", 0))


def test_describe():
    assert describe(torch.device("cpu")) == f"CPU · {os.cpu_count()} cores"


def test_half_type_on_the_cpu_follows_its_instructions(monkeypatch):
    for supported, expected in ((True, torch.bfloat16), (False, None)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda supported=supported: supported)
        assert half_dtype(torch.device("cpu")) is expected


def test_configure_process_sets_the_threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    try:
        configure_process(2)
        assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (2, "2")
    finally:
        torch.set_num_threads(before)
    with pytest.raises(ValueError, match="got 0"):
        configure_process(0)


def test_importing_the_allocator_does_not_load_torch():
    code = "import sys, cnn.allocator; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_allocator_is_tuned_on_glibc_only(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert tune_allocator() is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults of glibc")
def test_a_tuned_allocator_keeps_the_pages_of_large_blocks():
    code = """
import ctypes, resource, sys
from cnn.allocator import tune_allocator
if sys.argv[1] == "tuned" and not tune_allocator():
    print(0)
    sys.exit()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
def use():
    block = libc.malloc(ctypes.c_size_t(48 << 20))
    ctypes.memset(block, 1, 48 << 20)
    libc.free(block)
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5): use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    faults = {
        how: int(subprocess.run([sys.executable, "-c", code, how], check=True, capture_output=True).stdout)
        for how in ("plain", "tuned")
    }
    assert faults["tuned"] < 0.05 * faults["plain"]
