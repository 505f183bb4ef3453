"""Blocks against their formulas, the lectures' numbers and torch's own layers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from cnn.networks.blocks import BLOCKS, BlockSettings, block_record, build_block, picture_maps
from cnn.networks.costs import bottleneck_cost, conv_cost, separable_cost
from cnn.networks.layer_table import layer_table, visible_rows


def maps(channels: int, size: int = 12) -> torch.Tensor:
    photo = torch.rand(3, size, size, generator=torch.Generator().manual_seed(1))
    return picture_maps(photo, channels)


@pytest.mark.parametrize("name", [block.name for block in BLOCKS])
def test_blocks_run_on_their_usual_settings(name: str) -> None:
    settings = replace(block_record(name).usual, size=20)
    block = build_block(name, settings)
    found = block(maps(settings.in_channels, 20)[None])
    side = -(-20 // settings.stride)
    channels = 4 if "unet" in name else settings.out_channels
    assert found.shape == (1, channels, side, side)
    assert torch.equal(found, build_block(name, settings)(maps(settings.in_channels, 20)[None]))


def test_M4_zero_weights_make_the_block_the_identity() -> None:
    a = maps(16)[None]
    assert torch.equal(build_block("residual", BlockSettings(factor=0.0))(a), a)
    plain = build_block("residual", BlockSettings(factor=0.0, shortcut=False))(a)
    assert not plain.any()


def test_M4_the_block_is_its_formula() -> None:
    a = maps(16)[None]
    block = build_block("residual", BlockSettings(factor=0.7))
    z = F.conv2d(F.conv2d(a, block.conv1.weight, padding=1).relu(), block.conv2.weight, padding=1)
    torch.testing.assert_close(block(a), (z + a).relu())
    strided = build_block("projection", BlockSettings(16, 32, stride=2))
    z = F.conv2d(
        F.conv2d(a, strided.conv1.weight, stride=2, padding=1).relu(), strided.conv2.weight, padding=1
    )
    shortcut = F.conv2d(a, strided.projection.weight, stride=2)
    torch.testing.assert_close(strided(a), (z + shortcut).relu())


@pytest.mark.parametrize("bottleneck", [True, False])
def test_M5_inception_costs_what_the_lecture_says(bottleneck: bool) -> None:
    settings = replace(block_record("inception").usual, bottleneck=bottleneck)
    block = build_block("inception", settings)
    rows = {row.name: row for row in layer_table(block, torch.rand(192, 28, 28))}
    five = rows["five"].multiply_adds + (rows["reduce5"].multiply_adds if bottleneck else 0)
    wanted = bottleneck_cost(192, 16, 32, 5, (28, 28)) if bottleneck else conv_cost(192, 32, 5, (28, 28))
    assert five == wanted.multiply_adds
    assert rows["cat"].shape == (256, 28, 28)


def test_M6_xceptions_shortcut() -> None:
    settings = block_record("xception").usual
    rows = {row.name: row for row in layer_table(build_block("xception", settings), maps(64, 150))}
    assert rows["x"].shape == (64, 150, 150)
    assert rows["add"].shape == (128, 75, 75)


def test_M7_separable_costs_what_the_formula_says() -> None:
    settings = BlockSettings(32, 64, size=20, kernel_size=5)
    rows = layer_table(build_block("separable", settings), maps(32, 20))
    wanted = separable_cost(32, 64, 5, (20, 20))
    assert sum(row.multiply_adds for row in rows) == wanted.multiply_adds
    assert sum(row.parameters for row in rows) == wanted.parameters


def test_the_pictures_maps_are_not_negative_and_repeat() -> None:
    found = maps(9)
    assert found.shape == (9, 12, 12)
    assert (found >= 0).all()
    assert torch.equal(found, maps(9))
    flat = picture_maps(torch.full((1, 8, 8), 0.5), 4)
    torch.testing.assert_close(flat[1:], torch.zeros(3, 8, 8), atol=1e-6, rtol=0)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(KeyError, match="wanted one of"):
        build_block("dense", BlockSettings())
    with pytest.raises(ValueError, match="channels"):
        build_block("residual", BlockSettings(in_channels=0))
    with pytest.raises(ValueError, match="stride"):
        build_block("projection", BlockSettings(stride=3))


@pytest.mark.parametrize("name", ["unet", "separable_unet"])
def test_M10_the_u_and_its_skips(name: str) -> None:
    settings = replace(block_record(name).usual, size=32)
    image = torch.rand(3, 32, 32)
    rows = visible_rows(layer_table(build_block(name, settings), image), block_record(name).hidden)
    found = {row.name: row for row in rows}
    names = list(found)
    assert [row.shape for row in rows[1:5]] == [(8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4)]
    assert set(found["merge.2"].inputs) == {"down.2.0", "bottom.0"}
    assert names[-1] == "head"
    assert found["head"].kernel_size == 1
    cut = build_block(name, replace(settings, shortcut=False))
    assert not torch.equal(cut(image[None]), build_block(name, settings)(image[None]))
