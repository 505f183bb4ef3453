"""The compiled path for large pictures: against OpenCV and PyTorch, at the border, in threads; its memory."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnn.convolution import correlation as subject
from cnn.convolution import kernels, rows
from cnn.convolution.buffers import SMALLEST, Buffers
from cnn.convolution.convolution import PADDING_MODES, convolve
from cnn.convolution.filters import filter_weight
from cnn.convolution.gradient import gradient
from cnn.convolution.rows import border_strips, interior

HEIGHT, WIDTH = 307, 411
BORDERS = {"zeros": cv2.BORDER_CONSTANT, "reflect": cv2.BORDER_REFLECT_101, "replicate": cv2.BORDER_REPLICATE}


@pytest.fixture(scope="module")
def photo():
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (3, HEIGHT, WIDTH), dtype=np.uint8))


@pytest.fixture
def slow(monkeypatch):
    """convolve without the compiled kernels."""

    def run(*arguments, **keywords):
        with monkeypatch.context() as patch:
            patch.setattr(subject, "LARGE", 1 << 60)
            return convolve(*arguments, **keywords)

    return run


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 7, 8, 11, 15])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
@pytest.mark.parametrize("mode", list(BORDERS))
def test_equals_opencv(photo, kernel, kind, mode):
    image = photo[0].to(kind)
    weight = torch.randint(-9, 10, (kernel, kernel), generator=torch.Generator().manual_seed(kernel)).float()
    ours = convolve(image, weight, padding="same", padding_mode=mode).output[0]
    anchor = ((kernel - 1) // 2,) * 2  # OpenCV's own is kernel // 2: one further for even sizes
    theirs = cv2.filter2D(
        image.double().numpy(), cv2.CV_64F, weight.double().numpy(), anchor=anchor, borderType=BORDERS[mode]
    )
    assert np.array_equal(ours.numpy(), np.rint(theirs)), (
        "OpenCV itself rounds from 8 on, where it uses a DFT"
    )


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        ((3, 3), {"padding": 1}),
        ((7, 7), {"padding": (9, 0, 3, 11)}),
        ((5, 5), {"padding": "same", "flip": True}),
        ((4, 6), {"padding": "same", "dilation": (3, 2)}),
        ((3, 3), {"padding": 2, "stride": (2, 3)}),
        ((5, 2), {"padding": 8, "stride": 8, "dilation": (8, 5)}),
    ],
)
def test_fast_path_equals_slow_path_at_every_border(photo, slow, monkeypatch, mode, kind, kernel, options):
    monkeypatch.setattr(subject, "LARGE", 1)
    image = photo.to(kind)
    weight = torch.randint(-9, 10, (2, 3, *kernel), generator=torch.Generator().manual_seed(2)).float()
    fast = convolve(image, weight, [5, -7], padding_mode=mode, **options).output
    expected = slow(image.double(), weight, [5, -7], padding_mode=mode, **options).output
    if mode == "mean" and kind == torch.uint8:  # the rounded mean
        expected = slow(image.long(), weight.long(), [5, -7], padding_mode=mode, **options).output.double()
    if mode == "mean" and kind == torch.float32:
        assert torch.allclose(fast.double(), expected, rtol=1e-6, atol=1e-2)
    else:
        assert torch.equal(fast.double(), expected)


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("kernel", [3, 7, 9])
def test_real_weights_equal_conv2d_to_rounding(photo, groups, kernel):
    image = photo.float() / 255
    weight = torch.randn(3, 3 // groups, kernel, kernel, generator=torch.Generator().manual_seed(0))
    ours = convolve(image, weight, padding=kernel // 2, groups=groups).output
    theirs = F.conv2d(image[None], weight, padding=kernel // 2, groups=groups)[0]
    magnitude = F.conv2d(image[None], weight.abs(), padding=kernel // 2, groups=groups)[0]
    assert ((ours - theirs).abs() <= 2e-6 * magnitude).all()


def test_a_view_of_interleaved_pixels_is_read_right(photo):
    interleaved = photo.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    weight = filter_weight("sobel_x")
    assert torch.equal(convolve(interleaved, weight).output, convolve(photo, weight).output)


@pytest.mark.parametrize(("largest", "quick"), [(255, True), (10**6, False)])
def test_whole_numbers_are_exact_whether_float32_holds_them_or_not(monkeypatch, largest, quick):
    image = torch.randint(-largest, largest + 1, (2, 60, 70), generator=torch.Generator().manual_seed(0))
    weight = torch.randint(-9, 10, (3, 2, 5, 5), generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(subject, "LARGE", 1)
    used = []
    real = subject.large_convolution
    monkeypatch.setattr(subject, "large_convolution", lambda *a, **k: used.append(1) or real(*a, **k))
    output = convolve(image, weight, [3, -4, 5], padding=2).output
    assert output.dtype == torch.int64
    assert bool(used) == quick
    expected = F.conv2d(
        image[None].double(), weight.double(), torch.tensor([3.0, -4, 5]).double(), padding=2
    )[0]
    assert torch.equal(output, expected.long())


def test_nobody_waits_for_a_warm_up(photo, monkeypatch):
    monkeypatch.setattr(
        subject, "large_convolution", lambda *a, **k: pytest.fail("kernels used while warming up")
    )
    with rows._warming:
        output = convolve(photo, filter_weight("sobel_x")).output
    assert torch.equal(output, F.conv2d(photo.float()[None], filter_weight("sobel_x").expand(1, 3, 3, 3))[0])


def test_warm_up_leaves_nothing_to_compile(photo):
    rows.warm_up()
    before = [len(kernel.signatures) for kernel in (kernels.sparse, kernels.edge_magnitude)]
    for kind in (torch.uint8, torch.float32):
        for size in (3, 4, 7):
            convolve(photo.to(kind), filter_weight("box", kernel_size=size), padding=1, stride=2)
            convolve(photo.to(kind), filter_weight("box", kernel_size=size), padding=1)
        gradient(photo.to(kind), direction=False)
    assert before == [len(kernel.signatures) for kernel in (kernels.sparse, kernels.edge_magnitude)]


def test_infinities_stay_where_conv2d_has_them(photo):
    image = photo[:1].float()
    image[0, 100, 100] = float("inf")
    ours = convolve(image, filter_weight("sobel_x"), padding=1).output
    theirs = F.conv2d(image[None], filter_weight("sobel_x")[None, None], padding=1)[0]
    assert torch.equal(ours.isnan(), theirs.isnan())
    assert torch.equal(ours.isinf(), theirs.isinf())


def test_sixteen_threads_at_once_get_their_own_results():
    image = torch.randint(0, 256, (700, 800), dtype=torch.uint8)
    filters = [torch.randint(-9, 10, (k, k)) for k in (3, 4, 5, 7)] * 8
    four = [
        F.conv2d(image[None, None].double(), one[None, None].double(), padding=2)[0] for one in filters[:4]
    ]
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda one: convolve(image, one.float(), padding=2).output, filters))
    assert all(torch.equal(result.double(), wanted) for result, wanted in zip(results, four * 8, strict=True))


def test_a_forked_child_can_convolve():
    script = (
        "import os, torch\n"
        "from cnn.convolution.convolution import convolve\n"
        "image, weight = torch.ones(1200, 1200), torch.ones(3, 3)\n"
        "convolve(image, weight)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(0 if convolve(image, weight).output.unique().tolist() == [9.0] else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    if not hasattr(__import__("os"), "fork"):
        pytest.skip("no fork on this system")
    assert subprocess.run([sys.executable, "-c", script], timeout=120, check=False).returncode == 0


@pytest.mark.parametrize("size", [5, 20])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("padding", [0, 4, 30])
@pytest.mark.parametrize("dilation", [1, 3])
def test_interior_and_strips_cover_each_output_once(size, stride, padding, dilation):
    reach = 2 * dilation + 1
    if reach > size + 2 * padding:
        return
    outputs = (size + 2 * padding - reach) // stride + 1
    inner = interior((size, size), (outputs,) * 2, (3, 3), (stride,) * 2, (padding,) * 4, (dilation,) * 2)
    covered = np.zeros((outputs, outputs), int)
    for top, bottom, left, right in (inner, *border_strips((outputs, outputs), inner)):
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()
    starts = np.arange(outputs) * stride - padding
    inside = (starts >= 0) & (starts + reach <= size)
    wanted = np.zeros_like(covered)
    wanted[inner[0] : inner[1], inner[2] : inner[3]] = 1
    assert np.array_equal(wanted, np.outer(inside, inside))


def test_buffers_are_used_again_but_never_shared():
    buffers = Buffers(capacity=8 * SMALLEST)
    shape = (SMALLEST // 4,)
    first = torch.from_numpy(buffers.take(shape))
    second = torch.from_numpy(buffers.take(shape))
    assert first.data_ptr() != second.data_ptr()
    address = first.data_ptr()
    part = first[3:9]
    del first
    gc.collect()
    assert buffers.held() == 0, "a view keeps the memory"
    del part
    gc.collect()
    assert buffers.held() == SMALLEST
    assert torch.from_numpy(buffers.take(shape)).data_ptr() == address
    many = [buffers.take(shape) for _ in range(20)]
    del many
    gc.collect()
    assert buffers.held() <= 8 * SMALLEST
    assert buffers.take((3, 4)).shape == (3, 4)
