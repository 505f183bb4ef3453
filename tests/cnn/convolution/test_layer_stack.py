"""Stacks composed layer by layer: the arithmetic, the network and the gradient agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.convolution.field_tables import (
    default_layer_of,
    effective_field,
    field_tables,
    layer_fields,
    padding_share,
    random_draws,
)
from cnn.convolution.layer_stack import (
    PRESETS,
    StackError,
    StackLayer,
    build_stack,
    parsed_stack,
    stack_cost,
    stack_reaches,
    stack_text,
)
from cnn.convolution.receptive_field import receptive_fields
from cnn.models.registry import model_record, model_skeleton

SIZES = ((64, 64), (45, 64))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", SIZES)
def test_R1_arithmetic_is_the_networks(name: str, size: tuple[int, int]) -> None:
    layers = parsed_stack(PRESETS[name])
    fields = receptive_fields(build_stack(layers), (3, *size))
    for place, reach in enumerate(stack_reaches(layers, size), start=1):
        field = fields[f"{place}_{reach.layer.kind}"]
        assert field.size == (reach.size, reach.size)
        assert field.jump == reach.jump
        assert field.start == (reach.start.__floor__(),) * 2
        assert field.shape[2:] == reach.output
        if all(layer.kind in ("conv", "max_pool", "avg_pool") for layer in layers[:place]):
            tables = field_tables(field)
            assert tables is not None
            assert padding_share(*tables, size) == pytest.approx(reach.padding_share, abs=1e-12)


def test_R1_C14_three_small_filters_see_seven_by_seven() -> None:
    three, seven = (stack_reaches(parsed_stack(PRESETS[name]), (64, 64)) for name in ("three", "seven"))
    assert [reach.size for reach in three] == [3, 5, 7]
    assert (three[-1].size, three[-1].jump, three[-1].output) == (
        seven[-1].size,
        seven[-1].jump,
        seven[-1].output,
    )


@pytest.mark.parametrize("channels", [1, 3, 64, 512])
def test_C14_weights_of_three_small_filters_and_a_large_one(channels: int) -> None:
    three, seven = (parsed_stack(PRESETS[name]) for name in ("three", "seven"))
    assert stack_cost(three, channels) == (27, 27 * channels**2, 3)
    assert stack_cost(seven, channels) == (49, 49 * channels**2, 1)
    for layers in (three, seven):
        if channels <= 64:
            model = build_stack(layers, in_channels=channels, channels=channels)
            weights = sum(p.numel() for name, p in model.named_parameters() if name.endswith("weight"))
            assert weights == stack_cost(layers, channels)[1]


def _support(
    layers: tuple[StackLayer, ...], size: tuple[int, int], unit: tuple[int, int, int]
) -> tuple[int, ...]:
    """The rows and columns that move a unit: gradients through positive weights without a non-linearity."""
    model = build_stack(layers, in_channels=1, channels=1, relu=False)
    for parameter in model.parameters():
        torch.nn.init.ones_(parameter)
    image = torch.arange(size[0] * size[1], dtype=torch.float64).view(1, 1, *size).requires_grad_()
    place, row, column = unit
    output = model.double()[: place + 1](image)
    (gradient,) = torch.autograd.grad(output[0, 0, row, column], image)
    rows, columns = (gradient[0, 0] != 0).nonzero(as_tuple=True)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def _stacks() -> st.SearchStrategy[tuple[StackLayer, ...]]:
    conv = st.builds(
        StackLayer,
        st.just("conv"),
        st.integers(1, 5),
        st.integers(1, 3),
        st.integers(0, 3),
        st.integers(1, 3),
    )
    pool = st.builds(StackLayer, st.just("avg_pool"), st.integers(2, 3), st.integers(1, 3), st.integers(0, 1))
    up = st.one_of(
        st.builds(StackLayer, st.just("upsample"), st.integers(1, 3)),
        st.builds(StackLayer, st.just("transposed"), st.integers(2, 4), st.integers(1, 2), st.integers(0, 1)),
    )
    return st.lists(st.one_of(conv, pool, up), min_size=1, max_size=4).map(tuple)


@given(_stacks(), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_R1_box_is_the_support_of_the_gradient(layers: tuple[StackLayer, ...], pick: int) -> None:
    size = (19, 23)
    try:
        reaches = stack_reaches(layers, size)
    except StackError:
        return
    assert stack_text(parsed_stack(stack_text(layers))) == stack_text(layers)
    found = layer_fields(build_stack(layers, in_channels=1, relu=False), (1, *size))
    height, width = reaches[-1].output
    row, column = pick % height, pick // height % width
    visible = found[-1].field.visible_box(row, column)
    if visible[0] < visible[2] and visible[1] < visible[3]:
        rows, columns = found[-1].rows[row], found[-1].columns[column]
        assert found[-1].field.box(row, column) == (columns[0], rows[0], columns[1], rows[1])
        assert _support(layers, size, (len(layers) - 1, row, column)) == visible


@pytest.mark.parametrize("name", ["lenet5", "imagenette_resnet", "googlenet"])
def test_R1_tables_hold_every_box_of_a_network(name: str) -> None:
    layers = layer_fields(model_skeleton(name), model_record(name).input_shape)
    assert len(layers) > 8
    for layer in layers[:: max(1, len(layers) // 12)]:
        height, width = layer.field.grid
        for row in range(0, height, 5):
            for column in {0, width // 2, width - 1}:
                rows, columns = layer.rows[row], layer.columns[column]
                assert layer.field.box(row, column) == (columns[0], rows[0], columns[1], rows[1])
        assert all(place < layers.index(layer) for place in layer.inputs)
    assert layers[default_layer_of(layers)].changes


def test_R2_measured_field_lies_in_the_box_and_gathers_in_the_middle() -> None:
    layers = parsed_stack("c3p1-c3p1-c3p1-c3p1-c3p1-c3p1")
    image = torch.randn(3, 33, 33, generator=torch.Generator().manual_seed(0))
    field = receptive_fields(build_stack(layers), (3, 33, 33))["6_conv"]
    found = effective_field(
        random_draws(lambda seed: build_stack(layers, seed=seed), 0, 12), image, field, 16, 16
    )
    x1, y1, x2, y2 = field.box(16, 16)
    assert (x2 - x1, y2 - y1) == (13, 13)
    assert found.draws == 12
    assert found.area == 169
    assert found.inside == pytest.approx(1.0, abs=1e-6)
    ring = np.ones((33, 33), dtype=bool)
    ring[y1:y2, x1:x2] = False
    assert not found.heat.numpy()[ring].any()
    middle = found.heat[14:19, 14:19].sum() / found.heat.sum()
    assert middle > 25 / 169 * 2.5  # Luo et al.: far more than an even spread would put there
    assert found.half < 0.25 * found.area < found.most < found.area


def test_R2_one_network_gives_autograds_gradient() -> None:
    model = build_stack(parsed_stack("c3-m2-c3"), seed=3)
    image = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1))
    field = receptive_fields(model, (3, 16, 16))["3_conv"]
    found = effective_field([model], image, field, 2, 1)
    pixels = image[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model[:4](pixels)[0, :, 2, 1].sum(), pixels)
    assert torch.allclose(found.heat, gradient[0].abs().sum(0))
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("text", "code", "layer"),
    [
        ("c3-x2", "word", 1),
        ("", "count", 0),
        ("-".join(["c3"] * 25), "count", 0),
        ("c99", "word", 0),
        ("m2p2", "pool_padding", 0),
        ("a2d2", "pool_dilation", 0),
        ("c3s0", "word", 0),
    ],
)
def test_a_stack_that_cannot_be_read_says_where(text: str, code: str, layer: int) -> None:
    with pytest.raises(StackError) as raised:
        parsed_stack(text)
    assert (raised.value.code, raised.value.layer) == (code, layer)


def test_a_stack_that_does_not_fit_says_where() -> None:
    with pytest.raises(StackError) as raised:
        stack_reaches(parsed_stack("c15-c15-c15"), (32, 32))
    assert (raised.value.code, raised.value.layer) == ("fit", 2)
    with pytest.raises(StackError) as raised:
        stack_reaches(parsed_stack("u15-u15"), (64, 64))
    assert (raised.value.code, raised.value.layer) == ("large", 1)


def test_the_same_seed_draws_the_same_stack_and_leaves_the_global_state() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (build_stack(parsed_stack("c3-t2s2"), seed=seed) for seed in (4, 4, 5))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(first[0].weight, again[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)
