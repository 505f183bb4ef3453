"""convolve against the lectures' numbers, PyTorch, SciPy and a slow loop."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.checks import ShapeError
from cnn.convolution.convolution import PADDING_MODES, convolve, output_size
from cnn.convolution.filters import as_integers, bank_weight, filter_weight, mirrored

MATRIX = torch.tensor(
    [
        [3, 0, 1, 2, 7, 4],
        [1, 5, 8, 9, 3, 1],
        [2, 7, 2, 5, 1, 3],
        [0, 1, 3, 1, 7, 8],
        [4, 2, 1, 6, 2, 8],
        [2, 4, 5, 2, 3, 9],
    ]
)
ANSWER = [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.float32, torch.float64])
def test_C2_six_by_six_example(kind):
    result = convolve(MATRIX.to(kind), filter_weight("vertical"))
    assert result.output.tolist() == [ANSWER]
    assert result.output.dtype == (torch.float64 if kind == torch.float64 else torch.float32)


def test_C2_whole_numbers_stay_whole_numbers():
    output = convolve(MATRIX, as_integers(filter_weight("vertical")), 7).output
    assert output.dtype == torch.int64
    assert output.tolist() == [[[value + 7 for value in row] for row in ANSWER]]


def test_C2_int64_sums_that_no_float_holds_are_exact():
    image = torch.full((4, 4), 2**53 + 1)
    assert convolve(image, torch.ones(3, 3, dtype=torch.int64)).output.unique().tolist() == [9 * (2**53 + 1)]


def test_C3_flip_is_mathematical_convolution():
    torch.manual_seed(0)
    weight = torch.randn(3, 4, dtype=torch.float64)
    image = torch.randn(9, 8, dtype=torch.float64)
    flipped = convolve(image, weight, flip=True)
    expected = scipy.signal.convolve2d(image, weight, mode="valid")
    np.testing.assert_allclose(flipped.output[0], expected, atol=1e-12)
    assert torch.equal(flipped.weight[0, 0], mirrored(weight))


def test_C3_mirroring_makes_it_associative():
    torch.manual_seed(0)
    image = torch.randint(-9, 10, (12, 12))
    first, second = torch.randint(-4, 5, (2, 3, 3))

    def full(picture, weight, flip):
        return convolve(picture, weight, padding=2, flip=flip).output[0]

    together = full(first, second, True)
    assert torch.equal(
        full(full(image, first, True), second, True),
        convolve(image, together, padding=4, flip=True).output[0],
    )
    together = full(first, second, False)
    assert not torch.equal(
        full(full(image, first, False), second, False), convolve(image, together, padding=4).output[0]
    )


@pytest.mark.parametrize(("left", "right", "answer"), [(10, 0, 30), (0, 10, -30)])
def test_C4_light_to_dark_is_positive(left, right, answer):
    image = torch.tensor([[left] * 3 + [right] * 3] * 6)
    assert convolve(image, filter_weight("vertical")).output[0].tolist() == [[0, answer, answer, 0]] * 4


def test_C6_padding_one_keeps_six_by_six():
    assert convolve(MATRIX, filter_weight("vertical"), padding=1).output.shape == (1, 6, 6)
    assert convolve(MATRIX, filter_weight("vertical"), padding="same").padding == (1, 1, 1, 1)
    assert convolve(MATRIX, filter_weight("vertical"), padding="valid").output.shape == (1, 4, 4)


def test_C6_mean_padding_is_each_channels_own_mean():
    image = torch.rand(2, 5, 7)
    padded = convolve(image, torch.ones(3, 3), padding=(2, 0, 0, 0), padding_mode="mean").padded
    assert torch.allclose(padded[:, :2], image.mean(dim=(1, 2))[:, None, None].expand(2, 2, 7))
    assert torch.equal(padded[:, 2:], image)
    whole = convolve(torch.tensor([[1, 2], [2, 2]]), torch.ones(1, 1), padding=1, padding_mode="mean").padded
    assert whole.dtype == torch.int64
    assert whole[0, 0, 0] == 2


@pytest.mark.parametrize("stride", range(1, 9))
def test_C7_output_size_is_the_floor_formula(stride):
    for n, f, p in itertools.product(range(3, 12), range(1, 6), range(3)):
        if f <= n + 2 * p:
            size = (n + 2 * p - f) // stride + 1
            assert output_size(n, f, stride=stride, padding=p) == size
            assert convolve(torch.zeros(n, n), torch.ones(f, f), stride=stride, padding=p).output.shape[
                1:
            ] == (size, size)


@pytest.mark.parametrize("filters", [1, 2])
def test_C8_volumes(filters):
    image = torch.randint(0, 256, (3, 6, 6))
    weight = torch.randint(-3, 4, (filters, 3, 3, 3))
    output = convolve(image, weight).output
    assert output.shape == (filters, 4, 4)
    for k in range(filters):
        channels = [scipy.signal.correlate2d(image[c], weight[k, c], mode="valid") for c in range(3)]
        assert output[k].tolist() == sum(channels).tolist()


def test_C8_bank_of_2d_filters_summed_or_per_channel():
    image = torch.randint(0, 256, (3, 8, 9))
    filters = [as_integers(filter_weight(name)) for name in ("sobel_x", "sobel_y")]
    each, summed = bank_weight(filters, 3, "each"), bank_weight(filters, 3)
    maps = convolve(image, each.weight, groups=each.groups).output
    assert maps.shape == (6, 6, 7)
    for c, f in itertools.product(range(3), range(2)):
        assert (
            maps[2 * c + f].tolist() == scipy.signal.correlate2d(image[c], filters[f], mode="valid").tolist()
        )
    assert torch.equal(convolve(image, summed.weight).output, maps.reshape(3, 2, 6, 7).sum(0))
    weighted = bank_weight(filters, 3, channel_weights=[0.5, 0, -2])
    expected = 0.5 * maps[:2] - 2 * maps[4:]
    assert torch.equal(convolve(image, weighted.weight).output, expected)
    assert bank_weight([torch.zeros(5, 5)], 3).weight.numel() == 75


def test_C9_neuron_formula():
    generator = np.random.default_rng(3)
    x = generator.integers(-9, 10, (3, 9, 8))
    w = generator.integers(-9, 10, (2, 3, 3, 2))
    b = generator.integers(-9, 10, 2)
    s_h, s_w = 2, 3
    z = convolve(torch.from_numpy(x), torch.from_numpy(w), torch.from_numpy(b), stride=(s_h, s_w)).output
    for k, i, j in np.ndindex(*z.shape):
        total = b[k]
        for u, v, channel in itertools.product(range(3), range(2), range(3)):
            total += x[channel, i * s_h + u, j * s_w + v] * w[k, channel, u, v]
        assert z[k, i, j] == total


def test_C13_one_by_one_changes_channels_only():
    image, weight = torch.randn(32, 6, 6), torch.randn(5, 32, 1, 1)
    output = convolve(image, weight).output
    assert output.shape == (5, 6, 6)
    assert torch.allclose(output, torch.einsum("kc,chw->khw", weight[:, :, 0, 0], image), atol=1e-5)


@st.composite
def cases(draw):
    groups = draw(st.integers(1, 3))
    per_group, filters = draw(st.integers(1, 3)), groups * draw(st.integers(1, 2))
    kernel = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    size = [
        draw(st.integers(d * (f - 1) + 1, d * (f - 1) + 12)) for f, d in zip(kernel, dilation, strict=True)
    ]
    return {
        "image": (groups * per_group, *size),
        "weight": (filters, per_group, *kernel),
        "stride": draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        "padding": draw(st.tuples(*[st.integers(0, 7)] * 4)),
        "dilation": dilation,
        "groups": groups,
        "mode": draw(st.sampled_from(PADDING_MODES)),
        "seed": draw(st.integers(0, 99)),
    }


def numpy_padded(image, padding, mode):
    """The oracle of padding: numpy.pad, channel by channel."""
    top, bottom, left, right = padding
    sides = ((top, bottom), (left, right))
    kinds = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if mode == "mean":
        planes = [np.pad(plane, sides, constant_values=round(float(plane.mean()))) for plane in image.numpy()]
    else:
        planes = [np.pad(plane, sides, mode=kinds[mode]) for plane in image.numpy()]
    return torch.from_numpy(np.stack(planes))


@pytest.mark.parametrize("large", [False, True])
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_equals_conv2d_everywhere(large, case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnn.convolution.correlation.LARGE", 1 if large else 1 << 60)
        torch.manual_seed(case["seed"])
        image = torch.randint(0, 256, case["image"])
        weight = torch.randint(-9, 10, case["weight"])
        bias = torch.randint(-99, 100, case["weight"][:1])
        geometry = {key: case[key] for key in ("stride", "padding", "dilation", "groups")}
        padded = numpy_padded(image, case["padding"], case["mode"])
        expected = F.conv2d(
            padded[None].double(),
            weight.double(),
            bias.double(),
            case["stride"],
            0,
            case["dilation"],
            case["groups"],
        )[0]
        whole = convolve(image, weight, bias, padding_mode=case["mode"], **geometry)
        assert torch.equal(whole.output, expected.long())
        assert torch.equal(whole.padded, padded)
        for kind in (torch.uint8, torch.float32, torch.float64):
            real = convolve(
                image.to(kind), weight.float(), bias.float(), padding_mode=case["mode"], **geometry
            )
            if case["mode"] == "mean" and kind != torch.uint8:
                assert torch.allclose(real.padded.double().mean((1, 2)), padded.double().mean((1, 2)), atol=1)
            else:
                assert torch.equal(real.output.double(), expected)


@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_floats_equal_conv2d_to_rounding(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnn.convolution.correlation.LARGE", 1)
        torch.manual_seed(case["seed"])
        image, weight, bias = (
            torch.randn(case["image"]),
            torch.randn(case["weight"]),
            torch.randn(case["weight"][:1]),
        )
        geometry = {key: case[key] for key in ("stride", "padding", "dilation", "groups")}
        ours = convolve(image, weight, bias, padding_mode=case["mode"], **geometry)
        arguments = (case["stride"], 0, case["dilation"], case["groups"])
        theirs = F.conv2d(ours.padded[None], weight, bias, *arguments)[0]
        magnitude = F.conv2d(ours.padded[None].abs(), weight.abs(), bias.abs(), *arguments)[0]
        assert ((ours.output - theirs).abs() <= 4e-7 * magnitude).all()


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_is_torchs(kernel, dilation):
    image, weight = torch.randn(1, 13, 12), torch.randn(1, 1, kernel, kernel)
    ours = convolve(image, weight, padding="same", dilation=dilation).output
    assert torch.allclose(
        ours, F.conv2d(image[None], weight, padding="same", dilation=dilation)[0], atol=1e-5
    )
    strided = convolve(image, weight, padding="same", dilation=dilation, stride=3).output
    assert strided.shape == (1, 5, 4)
    assert torch.allclose(strided, ours[:, ::3, ::3], atol=1e-6)


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_padding_modes_are_torchs_where_torch_has_them(mode):
    image = torch.rand(2, 6, 5)
    padded = convolve(image, torch.ones(1, 1), padding=(2, 3, 1, 4), padding_mode=mode).padded
    names = {"zeros": "constant"}
    if mode == "mean":
        expected = torch.stack([F.pad(plane, (1, 4, 2, 3), value=plane.mean().item()) for plane in image])
        assert torch.allclose(padded, expected)
    else:
        assert torch.equal(padded, F.pad(image[None], (1, 4, 2, 3), mode=names.get(mode, mode))[0])


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_padding_wider_than_the_picture_goes_on(mode):
    image = torch.arange(3)[None]
    padded = convolve(image, torch.ones(1, 1), padding=(0, 0, 7, 7), padding_mode=mode).padded
    assert torch.equal(
        padded[0, 0],
        torch.from_numpy(np.pad(image[0].numpy(), 7, mode=mode if mode == "reflect" else "wrap")),
    )


def test_gradients_pass_through_when_learning():
    weight = torch.randn(1, 1, 3, 3, requires_grad=True)
    convolve(torch.rand(300, 300), weight).output.sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().min() > 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"image": torch.zeros(2, 2), "weight": torch.ones(3, 3)}, "kernel_too_large"),
        ({"image": torch.zeros(6, 6), "weight": torch.ones(3, 3), "dilation": 3}, "kernel_too_large"),
        ({"image": torch.zeros(3, 6, 6), "weight": torch.ones(1, 2, 3, 3)}, "channels"),
        ({"image": torch.zeros(3, 6, 6), "weight": torch.ones(3, 3, 3)}, "weight_shape"),
        ({"image": torch.zeros(3, 6, 6), "weight": torch.ones(3, 3), "groups": 2}, "groups"),
        ({"image": torch.zeros(4, 6, 6), "weight": torch.ones(3, 2, 3, 3), "groups": 2}, "groups"),
        ({"image": torch.zeros(0, 6, 6), "weight": torch.ones(3, 3)}, "image_shape"),
        ({"image": torch.zeros(6), "weight": torch.ones(3, 3)}, "image_shape"),
        ({"image": torch.zeros(6, 6), "weight": torch.ones(3, 3), "bias": torch.ones(2)}, "bias_shape"),
        ({"image": torch.zeros(6, 6), "weight": torch.ones(3, 3), "padding": 20_000}, "output_too_large"),
    ],
)
def test_misfits_are_named(arguments, code):
    with pytest.raises(ShapeError, match=r"expected .*got ") as caught:
        convolve(**arguments)
    assert caught.value.code == code


def test_kernel_too_large_says_both_sizes():
    with pytest.raises(ShapeError, match=r"height 7 on 6 \(4 \+ 1 \+ 1 padding\)"):
        convolve(torch.zeros(4, 40), torch.ones(7, 7), padding=1)


@pytest.mark.parametrize(
    ("keyword", "value", "error"),
    [
        ("stride", 0, ValueError),
        ("stride", 1.5, TypeError),
        ("stride", True, TypeError),
        ("dilation", (1, 2, 3), ValueError),
        ("padding", -1, ValueError),
        ("padding", "full", ValueError),
        ("padding", (1, 2, 3), ValueError),
        ("padding_mode", "wrap", ValueError),
        ("groups", 0, ValueError),
        ("image", np.zeros((6, 6)), TypeError),
        ("weight", torch.zeros(3, 3, dtype=torch.complex64), TypeError),
    ],
)
def test_wrong_values_are_refused(keyword, value, error):
    arguments = {"image": torch.zeros(6, 6), "weight": torch.ones(3, 3)} | {keyword: value}
    with pytest.raises(error, match="expected"):
        convolve(**arguments)
