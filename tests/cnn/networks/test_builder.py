"""The builder: words, shapes against the network that is run, messages at the offending layer."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnn.networks.builder import (
    KINDS,
    PRESETS,
    BuilderError,
    build_network,
    network_shapes,
    network_text,
    parsed_network,
)

SHAPE = (3, 32, 32)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_read_back_and_run(name: str) -> None:
    layers = parsed_network(PRESETS[name])
    assert network_text(layers) == PRESETS[name]
    shape = (3, 64, 64)
    value = torch.rand(1, *shape)
    for layer, wanted in zip(build_network(layers, shape), network_shapes(layers, shape), strict=True):
        value = layer(value)
        assert value.shape[1:] == wanted


def test_weights_are_those_of_the_same_sequential() -> None:
    torch.manual_seed(7)
    plain = nn.Sequential(
        nn.Conv2d(3, 4, 5, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16 * 16, 10)
    ).eval()
    state = torch.get_rng_state()
    built = build_network(parsed_network("conv4k5s2-relu-flat-fc10"), SHAPE, seed=7)
    assert torch.equal(torch.get_rng_state(), state)
    image = torch.rand(1, *SHAPE)
    assert torch.equal(built(image), plain(image))


@pytest.mark.parametrize(
    ("text", "code", "layer"),
    [
        ("conv8-fc10", "needs_vector", 1),
        ("flat-conv8", "needs_maps", 1),
        ("conv8-max2-conv8k15p0-conv8k15p0", "fit", 3),
        ("max15p0-max15p0", "fit", 1),
        ("conv16g3", "groups", 0),
        ("relu-dense5", "word", 1),
        ("relu-fc10k3", "word", 1),
        ("max2p2", "pool_padding", 0),
        ("conv999", "range", 0),
        ("up8-up8-up8-up8", "large", 1),
        ("flat-fc4096-fc4096", "heavy", 2),
        ("up8-up2-conv512k3-conv512k3", "large", 2),
        ("conv128k15-conv128k15", "slow", 1),
        ("", "count", 0),
        ("-".join(["relu"] * 33), "count", 0),
    ],
)
def test_what_does_not_fit_is_named_at_its_layer(text: str, code: str, layer: int) -> None:
    with pytest.raises(BuilderError) as caught:
        network_shapes(parsed_network(text), SHAPE)
    assert (caught.value.code, caught.value.layer) == (code, layer)


def words() -> st.SearchStrategy[str]:
    kinds = st.sampled_from([kind.name for kind in KINDS])
    numbers = st.sampled_from(["", "1", "2", "5", "16", "3k3", "8k5s2", "4s3", "6t2", "2p1"])
    return st.tuples(kinds, numbers).map("".join)


@given(st.lists(words(), min_size=1, max_size=7).map("-".join))
def test_any_words_give_shapes_or_one_clear_error(text: str) -> None:
    try:
        layers = parsed_network(text)
        shapes = network_shapes(layers, (3, 24, 24))
    except BuilderError:
        return
    assert network_text(parsed_network(network_text(layers))) == network_text(layers)
    found = build_network(layers, (3, 24, 24))(torch.rand(1, 3, 24, 24))
    assert found.shape[1:] == shapes[-1]
