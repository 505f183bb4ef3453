import pytest
import torch

from cnn.models.perceptual import content_loss, gram, style_loss
from cnn.models.style_net import StyleNet


@pytest.mark.parametrize("size", [(64, 64), (33, 50), (16, 17)])
def test_T2_the_picture_keeps_its_size_and_range(size):
    model = StyleNet(width=4, depth=1).eval()
    out = model(torch.rand(2, 3, *size))
    assert out.shape == (2, 3, *size)
    assert out.min() >= 0
    assert out.max() <= 1


def test_T2_it_has_at_most_1_7_million_parameters():
    assert sum(p.numel() for p in StyleNet().parameters()) <= 1_700_000


def test_T1_the_style_loss_is_the_lectures_formula():
    a, b = torch.rand(1, 3, 4, 5), torch.rand(1, 3, 4, 5)
    total = 0.0
    for k in range(3):
        for j in range(3):
            g = sum(float(a[0, k, y, x] * a[0, j, y, x]) for y in range(4) for x in range(5))
            s = sum(float(b[0, k, y, x] * b[0, j, y, x]) for y in range(4) for x in range(5))
            total += (s - g) ** 2
    expected = total / (2 * 4 * 5 * 3) ** 2
    assert float(style_loss([a], [gram(b)], (1.0,))) == pytest.approx(expected, rel=1e-4)


def test_T1_the_content_loss_is_zero_for_the_same_maps_and_skips_layers_of_weight_zero():
    a, b = torch.rand(1, 3, 4, 5), torch.rand(1, 3, 4, 5)
    assert float(content_loss([a, a], [a, b], (1.0, 0.0))) == 0
    torch.testing.assert_close(content_loss([a], [b], (2.0,)), 2 * torch.nn.functional.mse_loss(a, b))
