"""The lab's pipeline against PyTorch's own layers, and its settings against junk."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cnn.convolution.bank_text import PAIRS, PRESETS, FilterSpec, format_bank, parse_bank, reduced
from cnn.convolution.filters import FILTERS, filter_weight
from cnn.convolution.filters import PAIRS as FILTER_PAIRS
from cnn.convolution.lab_errors import TEXTS, LabError
from cnn.convolution.pipeline import (
    bank_tensors,
    edge_pair,
    lab,
    map_stages,
    resolved_padding,
    shift_effect,
    working_picture,
)
from cnn.convolution.settings import FIELDS, LabSettings

SIX = [
    [3, 0, 1, 2, 7, 4],
    [1, 5, 8, 9, 3, 1],
    [2, 7, 2, 5, 1, 3],
    [0, 1, 3, 1, 7, 8],
    [4, 2, 1, 6, 2, 8],
    [2, 4, 5, 2, 3, 9],
]


def made(**values: Any) -> LabSettings:
    return LabSettings.from_mapping(values)


def photo(height: int = 40, width: int = 52, channels: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (channels, height, width), dtype=torch.uint8, generator=generator)


def test_C2_the_lectures_6x6_example_with_the_vertical_filter() -> None:
    result = lab(torch.tensor([SIX]), made(bank="vertical"))
    assert result.convolution.output.dtype == torch.int64
    assert result.convolution.output[0].tolist() == [
        [-5, -4, 0, 8],
        [-10, -2, 2, 3],
        [0, -2, -4, -7],
        [-3, -2, -3, -16],
    ]


def test_C3_mirroring_is_the_filter_turned_by_180_degrees() -> None:
    picture = photo(channels=1)
    plain = lab(picture, made(bank="custom~w1,2,3,4,5,6,7,8,9", flip=True)).convolution.output
    turned = lab(picture, made(bank="custom~w9,8,7,6,5,4,3,2,1")).convolution.output
    assert torch.equal(plain, turned)


def test_C4_a_step_answers_plus_and_minus_thirty() -> None:
    falling = torch.tensor([[[10, 10, 10, 0, 0, 0]] * 6])
    assert lab(falling, made(bank="vertical")).convolution.output[0, 0].tolist() == [0, 30, 30, 0]
    assert lab(10 - falling, made(bank="vertical")).convolution.output[0, 0].tolist() == [0, -30, -30, 0]


def test_C4_an_edge_at_23_degrees_is_the_mixture_of_the_pair() -> None:
    weight, _, _ = bank_tensors(made(bank="edge~a23~pscharr"), photo(channels=1))
    x, y = filter_weight("scharr_x"), filter_weight("scharr_y")
    angle = torch.deg2rad(torch.tensor(23.0))
    torch.testing.assert_close(weight[0, 0], torch.cos(angle) * x + torch.sin(angle) * y)


def test_C6_same_padding_keeps_the_size_and_usage_counts_fall_at_the_border() -> None:
    result = lab(torch.tensor([SIX]), made(padding="same"))
    assert result.convolution.output.shape == (1, 6, 6)
    uses = result.row_uses[:, None] * result.column_uses[None, :]
    assert uses[0, 0] == 4
    assert uses[0, 3] == 6
    assert uses[3, 3] == 9
    valid = lab(torch.tensor([SIX]), made())
    assert (valid.row_uses[:, None] * valid.column_uses[None, :])[0, 0] == 1


def test_C7_rows_and_columns_that_no_position_reaches_have_no_uses() -> None:
    result = lab(torch.zeros(1, 8, 9, dtype=torch.int64), made(stride_h=2, stride_w=3))
    assert result.convolution.output.shape == (1, 3, 3)
    assert result.row_uses.tolist() == [1, 1, 2, 1, 2, 1, 1, 0]
    assert (result.column_uses == 0).sum() == 0


def test_C8_volumes_several_filters_and_their_weights() -> None:
    picture = photo(6, 6)
    two = lab(picture, made(bank="sobel_x;sobel_y"))
    assert two.convolution.output.shape == (2, 4, 4)
    five = lab(picture, made(bank="box", kernel_size=5))
    assert five.parameters == 76
    wanted = F.conv2d(picture[None].double(), two.convolution.weight.double())[0]
    assert torch.equal(two.convolution.output.double(), wanted)
    each = lab(picture, made(bank="sobel_x;sobel_y", mode="each"))
    assert each.convolution.output.shape == (6, 4, 4)
    torch.testing.assert_close(each.convolution.output[0::2].sum(0), two.convolution.output[0])
    weighted = lab(picture, made(channel_weights="2,0,-1")).convolution.output[0]
    assert torch.equal(weighted, 2 * each.convolution.output[0] - each.convolution.output[4])


def test_C9_bias_and_activation_are_a_layers() -> None:
    picture = photo(20, 24, 3)
    layer = torch.nn.Conv2d(3, 2, 5, padding=2)
    flat = layer.weight.detach()
    texts = [f"custom~w{','.join(repr(w) for w in f.flatten().tolist())}~b{b!r}" for f, b in zip(
        flat, layer.bias.detach().tolist(), strict=True)]  # fmt: skip
    for name, function in (
        ("relu", torch.relu),
        ("sigmoid", torch.sigmoid),
        ("tanh", torch.tanh),
        ("none", lambda z: z),
    ):
        result = lab(picture, made(bank=";".join(texts), kernel_size=5, padding="same", activation=name))
        wanted = function(layer(picture[None].float()))[0].detach()
        for index in range(2):
            torch.testing.assert_close(map_stages(result, index).after, wanted[index], rtol=1e-5, atol=1e-4)
    assert result.parameters == sum(p.numel() for p in layer.parameters()) == 152


def test_C13_one_by_one_filters_change_only_the_number_of_channels() -> None:
    volume = torch.randint(-9, 10, (32, 6, 6), generator=torch.Generator().manual_seed(1))
    result = lab(volume, made(bank="identity;box;random;random~s1", kernel_size=1))
    assert result.convolution.output.shape == (4, 6, 6)
    torch.testing.assert_close(result.convolution.output[0], volume.sum(0).float())


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.tuples(*[st.integers(0, 5)] * 4),
    st.sampled_from(["zeros", "reflect", "replicate", "circular"]), st.integers(0, 3),
)  # fmt: skip
def test_any_geometry_gives_what_pytorch_gives(
    size: int, stride_h: int, stride_w: int, dilation: int, sides: tuple[int, ...], mode: str, seed: int
) -> None:
    picture = photo(19, 23, 2, seed)
    top, bottom, left, right = sides
    choice = made(
        bank=f"random~s{seed}", kernel_size=size, stride_h=stride_h, stride_w=stride_w, dilation_h=dilation,
        padding="custom", top=top, bottom=bottom, left=left, right=right, padding_mode=mode,
    )  # fmt: skip
    result = lab(picture, choice)
    padded = F.pad(
        picture[None].double(), (left, right, top, bottom), "constant" if mode == "zeros" else mode
    )
    wanted = F.conv2d(
        padded, result.convolution.weight.double(), stride=(stride_h, stride_w), dilation=(dilation, 1)
    )
    torch.testing.assert_close(result.convolution.output.double(), wanted[0], rtol=1e-5, atol=2e-3)


def test_P1_max_pooling_of_the_lecture_with_its_winners() -> None:
    numbers = [[1, 3, 2, 1, 3], [2, 9, 1, 1, 5], [3, 2, 3, 2, 3], [8, 3, 5, 1, 0], [5, 6, 1, 2, 9]]
    choice = made(bank="identity", kernel_size=1, pooling="max", pool_size=3, pool_stride=1)
    pooled = map_stages(lab(torch.tensor([numbers]), choice)).poolings["max"]
    assert pooled.output[0].tolist() == [[9, 9, 5], [9, 9, 5], [8, 6, 9]]
    _, wanted = F.max_pool2d(torch.tensor([numbers], dtype=torch.float64), 3, 1, return_indices=True)
    assert pooled.winners is not None
    assert torch.equal(pooled.winners, wanted)


def test_P2_average_pooling_of_the_lecture() -> None:
    numbers = [[1, 3, 2, 1], [2, 9, 1, 1], [1, 4, 2, 3], [5, 6, 1, 2]]
    choice = made(bank="identity", kernel_size=1, pooling="average")
    pooled = map_stages(lab(torch.tensor([numbers]), choice)).poolings["average"]
    assert pooled.output[0].tolist() == [[3.75, 1.25], [4, 2]]


def test_P3_pooling_works_on_each_map_by_itself() -> None:
    volume = torch.randint(0, 10, (2, 5, 5), generator=torch.Generator().manual_seed(2))
    result = lab(
        volume, made(bank="identity", kernel_size=1, mode="each", pooling="max", pool_size=3, pool_stride=1)
    )
    pooled = [map_stages(result, index).poolings["max"].output[0] for index in range(2)]
    assert torch.equal(torch.stack(pooled).double(), F.max_pool2d(volume[None].double(), 3, 1)[0])


def test_P4_of_three_shifted_copies_two_pool_to_the_same_output() -> None:
    square = torch.zeros(1, 16, 16, dtype=torch.uint8)
    square[:, 4:9, 4:9] = 200
    moved = []
    for shift in (1, 2):
        choice = made(bank="identity", kernel_size=1, shift_x=shift, pooling="max")
        result = lab(square, choice)
        assert torch.equal(result.picture[:, :, shift:], square[:, :, :-shift])
        assert not result.picture[:, :, :shift].any()
        effect = shift_effect(square, result)
        assert int((~effect.map_kept).sum()) == 2 * shift * 5
        moved.append(int((~effect.pooled_kept["max"]).sum()))
    assert moved == [0, 6]


def test_edge_strength_and_direction_of_a_ramp() -> None:
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    ramp = (3 * columns + 4 * rows).double()[None]
    pair = edge_pair(lab(ramp, made(bank="vertical")))
    torch.testing.assert_close(pair.magnitude, torch.full((18, 18), 30.0))
    angle = torch.rad2deg(torch.atan2(torch.tensor(-24.0), torch.tensor(-18.0))) % 360
    torch.testing.assert_close(pair.direction, torch.full((18, 18), float(angle)))


def test_gray_and_size_of_the_working_picture_are_pillows() -> None:
    picture = photo(300, 500)
    gray = working_picture(picture, made(size="2000", colour="gray"))
    wanted = np.array(Image.fromarray(picture.permute(1, 2, 0).numpy()).convert("L"))
    assert np.array_equal(gray[0].numpy(), wanted)
    assert working_picture(picture, made(size="256", colour="rgb")).shape == (3, 154, 256)
    numbers = torch.tensor([SIX])
    assert working_picture(numbers, made(size="256")) is numbers


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"bank": "box", "kernel_size": 15}, "no_output"),
        ({"kernel_size": 1}, "filter_too_small"),
        ({"padding": "custom", "left": 64, "padding_mode": "reflect"}, "reflect_too_wide"),
        ({"padding": "custom", "top": 64, "padding_mode": "circular"}, "circular_too_wide"),
        ({"pooling": "max", "pool_size": 15}, "no_pooled_output"),
    ],
)
def test_settings_without_a_map_say_so_in_both_languages(choice: dict[str, Any], code: str) -> None:
    with pytest.raises(LabError) as caught:
        map_stages(lab(torch.tensor([SIX]), made(**choice)))
    assert caught.value.code == code
    assert all("{" not in caught.value.sentence(language) for language in ("en", "ko"))
    assert caught.value.sentence("ko") != str(caught.value)
    assert code in TEXTS


def test_too_many_values_are_refused_before_they_are_computed() -> None:
    with pytest.raises(LabError, match="million"):
        lab(torch.zeros(1, 2000, 2000, dtype=torch.uint8), made(bank="random~x64", padding="same"))


def test_same_padding_of_even_and_dilated_filters_is_pytorchs() -> None:
    for size in range(2, 8):
        for dilation in (1, 2, 3):
            choice = made(
                kernel_size=size, dilation_h=dilation, dilation_w=dilation, padding="same", bank="box"
            )
            picture = photo(30, 30, 1)
            weight = torch.full((1, 1, size, size), 1 / size**2)
            wanted = F.conv2d(picture[None].float(), weight, padding="same", dilation=dilation)
            torch.testing.assert_close(
                lab(picture, choice).convolution.output[None], wanted, rtol=1e-5, atol=1e-3
            )
            assert sum(resolved_padding(choice)[:2]) == dilation * (size - 1)


def test_names_are_those_of_the_filters() -> None:
    assert set(PRESETS) == {record.name for record in FILTERS}
    assert set(PAIRS) == set(FILTER_PAIRS)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([field.name for field in FIELDS] + ["nonsense"]),
        st.one_of(
            st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(), st.text(max_size=40),
            st.lists(st.integers(), max_size=2), st.sampled_from([o for f in FIELDS for o in f.options]),
        ),
    )
)  # fmt: skip
def test_any_junk_becomes_valid_settings(values: dict[str, Any]) -> None:
    valid = LabSettings.from_mapping(values)
    assert LabSettings.from_mapping(valid.to_mapping()) == valid
    for field in FIELDS:
        value = getattr(valid, field.name)
        if field.options:
            assert value in field.options
        elif field.kind in ("integer", "number"):
            assert field.low <= value <= field.high
    with contextlib.suppress(LabError):
        assert map_stages(lab(torch.tensor([SIX]), valid)).before.numel()


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="sobel_xcutmWwabpo~;,.-+=/0123456789eE", max_size=80))
def test_any_bank_text_gives_a_bank_that_reads_back_the_same(text: str) -> None:
    bank = parse_bank(text, 3, max_filters=64, max_weights=800)
    assert bank
    assert parse_bank(format_bank(bank), 3, max_filters=64, max_weights=800) == bank


def test_a_bank_survives_its_text() -> None:
    own = tuple(0.1 * i for i in range(9))
    long = tuple(float(np.float32(0.1 * i)) for i in range(225))
    bank = (
        FilterSpec("edge", angle=23, pair="scharr", bias=2.5),
        FilterSpec("custom", weights=own, operations="tr"),
        *(FilterSpec("random", seed=5 + i) for i in range(4)),
    )
    text = format_bank(bank)
    assert text.endswith("random~s5~x4")
    assert parse_bank(text, 3, max_filters=64, max_weights=800) == bank
    wide = (FilterSpec("custom", weights=long),)
    assert parse_bank(format_bank(wide), 15, max_filters=64, max_weights=800) == wide


def test_operations_that_undo_each_other_vanish() -> None:
    assert reduced("rrrr") == reduced("tt") == reduced("trrrrt") == ""
    assert reduced("nnn") == "n"
    weight, _, _ = bank_tensors(made(bank="custom~w1,2,3,4,5,6,7,8,9~otr"), photo(channels=1))
    assert weight[0, 0].tolist() == torch.rot90(torch.arange(1, 10).reshape(3, 3).T, -1).tolist()


def test_two_lanes_are_told_apart_by_their_difference_only() -> None:
    first = made(bank="sobel_x", stride_h=2)
    second = made(bank="edge~a23~pscharr", stride_h=2, flip=True, limit=12.5)
    text = first.encoded_difference(second)
    assert "stride" not in text
    assert first.with_difference(text) == second
    assert first.with_difference(first.encoded_difference(first)) == first
    assert first.with_difference("||x:y|bank:|stride_h:word|flip:~") == first


def test_P4_each_pooling_tells_its_own_share_of_kept_cells() -> None:
    picture = torch.randint(
        0, 256, (1, 24, 24), generator=torch.Generator().manual_seed(3), dtype=torch.uint8
    )
    settings = LabSettings.from_mapping({"pooling": "all", "shift_x": 1, "bank": "sobel_x"})
    effect = shift_effect(picture, lab(picture, settings))
    z = [
        F.conv2d(shown[None].double(), filter_weight("sobel_x")[None, None].double())
        for shown in (picture, F.pad(picture, (1, -1)))
    ]
    wanted = {
        "max": [F.max_pool2d(x, 2) for x in z],
        "average": [F.avg_pool2d(x, 2) for x in z],
        "l2": [F.avg_pool2d(x**2, 2) for x in z],
    }
    for mode, (still, moved) in wanted.items():
        assert torch.equal(effect.pooled_kept[mode], (still == moved)[0, 0]), mode
    assert len({int(kept.sum()) for kept in effect.pooled_kept.values()}) > 1
