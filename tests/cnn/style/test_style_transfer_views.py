"""What /style_transfer shows beside the picture: Grams of style and picture, and what every layer keeps."""

import pytest
import torch
from torch.nn import functional as F

from cnn.style.errors import StyleError
from cnn.style.features import extractor, style_network
from cnn.style.gatys import style_transfer
from cnn.style.grams import gram_comparison
from cnn.style.reconstruction import layer_reconstructions

NETWORK = "random-vgg19"


def photo(height, width, seed=2):
    coarse = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    return (F.interpolate(coarse, size=(height, width), mode="bicubic")[0].clamp(0, 1) * 255).byte()


def slow_gram(image, layer):
    maps = extractor(style_network(NETWORK), (layer,))(image[None].float() / 255)[layer][0]
    channels, height, width = maps.shape
    gram = torch.zeros(channels, channels, dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            vector = maps[:, row, column].double()
            gram += torch.outer(vector, vector)
    return gram, height * width


def test_T1_compared_grams_are_sums_over_positions_and_give_the_lectures_loss():
    content, style = photo(32, 48), photo(32, 48, seed=5)
    found = gram_comparison(content, content, [style], layer="relu2_1", network=NETWORK)
    own, positions = slow_gram(content, "relu2_1")
    aim, _ = slow_gram(style, "relu2_1")
    assert found.positions == positions == 16 * 24
    torch.testing.assert_close(found.own.double(), own, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(found.aim.double(), aim, rtol=1e-4, atol=1e-2)
    channels = own.shape[0]
    expected = (aim - own).pow(2).sum() / (2 * positions * channels) ** 2
    assert found.loss == pytest.approx(expected.item(), rel=1e-3)


def test_T1_the_shown_loss_is_that_of_the_run():
    content, style = photo(32, 48), photo(40, 40, seed=5)
    settings = {"network": NETWORK, "levels": 1, "precision": "float32"}
    last = list(style_transfer(content, style, steps=3, style_layers=("relu2_1",), **settings))[-1]
    found = gram_comparison(last.image, content, [style], layer="relu2_1", network=NETWORK)
    assert found.loss == pytest.approx(
        last.style_losses["relu2_1"], rel=0.02
    )  # the picture was rounded to uint8


@pytest.mark.parametrize("colour", ["luminance", "histogram"])
def test_kept_colours_are_compared_as_the_run_compares_them(colour):
    content, styles = photo(32, 48), [photo(40, 40, seed=5), photo(24, 64, seed=6)]
    settings = {"network": NETWORK, "levels": 1, "precision": "float32", "colour": colour}
    last = list(style_transfer(content, styles[0], steps=2, style_layers=("relu1_1",), **settings))[-1]
    found = gram_comparison(last.image, content, styles[:1], layer="relu1_1", network=NETWORK, colour=colour)
    assert found.loss == pytest.approx(last.style_losses["relu1_1"], rel=0.05)
    both = gram_comparison(
        last.image, content, styles, layer="relu1_1", network=NETWORK, style_shares=(3.0, 0.0), colour=colour
    )
    torch.testing.assert_close(both.aim, found.aim)


def test_every_layer_gives_its_content_and_its_style():
    layers = ("relu1_1", "relu2_1")
    records = list(
        layer_reconstructions(
            content=photo(32, 48),
            style=photo(32, 32, seed=5),
            network=NETWORK,
            layers=layers,
            steps=4,
            size=48,
        )
    )
    assert [record.step for record in records] == list(range(1, 17))
    assert {record.steps for record in records} == {16}
    assert list(dict.fromkeys((r.what, r.layer) for r in records)) == [
        ("content", "relu1_1"), ("style", "relu1_1"), ("content", "relu2_1"), ("style", "relu2_1"),
    ]  # fmt: skip
    for what in ("content", "style"):
        own = [r for r in records if (r.what, r.layer) == (what, "relu1_1")]
        assert own[-1].loss < own[0].loss == own[-1].first_loss
    assert records[0].image.shape == (3, 32, 48)
    assert records[4].image.shape == (3, 48, 48)


def test_an_unknown_layer_is_named():
    with pytest.raises(StyleError) as refused:
        gram_comparison(photo(32, 32), photo(32, 32), [photo(32, 32)], layer="relu9_9", network=NETWORK)
    assert refused.value.code == "unknown_layer"
