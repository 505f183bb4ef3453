"""The costs of row T1 against sums written out element by element."""

import pytest
import torch

from cnn.style.gatys import gram_matrix
from cnn.style.losses import content_loss, style_loss, total_variation


def slow_gram(a):
    """G_kk' = ΣΣ a_ijk a_ijk' over (C, H, W), loop by loop in Python floats."""
    channels, height, width = a.shape
    return [
        [
            sum(float(a[k, i, j]) * float(a[m, i, j]) for i in range(height) for j in range(width))
            for m in range(channels)
        ]
        for k in range(channels)
    ]


@pytest.fixture
def maps():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=generator)


def test_T1_gram_matrix_is_the_sum_over_positions(maps):
    for one, gram in zip(maps, gram_matrix(maps), strict=True):
        assert gram.tolist() == [pytest.approx(row, rel=1e-12) for row in slow_gram(one)]
    assert torch.equal(gram_matrix(maps[0]), gram_matrix(maps)[0])


def test_T1_gram_matrix_of_channels_last_memory_is_the_same(maps):
    torch.testing.assert_close(
        gram_matrix(maps.contiguous(memory_format=torch.channels_last)), gram_matrix(maps)
    )


def test_T1_content_loss_is_half_the_squared_distance(maps):
    content, generated = maps
    slow = (
        sum((float(a) - float(b)) ** 2 for a, b in zip(content.flatten(), generated.flatten(), strict=True))
        / 2
    )
    assert content_loss(content[None], generated[None]).item() == pytest.approx(slow, rel=1e-12)


def test_T1_style_loss_is_the_lectures_formula(maps):
    style, generated = maps
    n_c, n_h, n_w = style.shape
    s, g = slow_gram(style), slow_gram(generated)
    slow = sum((s[k][m] - g[k][m]) ** 2 for k in range(n_c) for m in range(n_c)) / (2 * n_h * n_w * n_c) ** 2
    value = style_loss(gram_matrix(style), gram_matrix(generated), n_h * n_w)
    assert value.item() == pytest.approx(slow, rel=1e-12)


def test_T1_gradients_of_the_losses_are_those_of_finite_differences(maps):
    style = gram_matrix(maps[0])

    def style_cost(generated):
        return style_loss(style, gram_matrix(generated)[0], 20)

    assert torch.autograd.gradcheck(style_cost, maps[1:].clone().requires_grad_(True))
    leaf = maps[1:].clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda g: content_loss(maps[:1], g), leaf)


def test_bfloat16_gram_is_near_and_float32():
    maps = torch.rand(1, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    half = gram_matrix(maps.bfloat16())
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, gram_matrix(maps), rtol=1e-2, atol=0)


def test_total_variation_of_a_step_edge():
    image = torch.zeros(1, 1, 3, 4)
    image[..., 2:] = 1
    assert total_variation(image).item() == 3  # one jump of 1 in each of three rows


def test_gram_matrix_refuses_other_axes():
    with pytest.raises(ValueError, match=r"wanted features .* got shape \(3, 4\)"):
        gram_matrix(torch.zeros(3, 4))
