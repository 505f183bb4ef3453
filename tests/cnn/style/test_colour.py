"""Keeping colours: means, covariances, the way there and back."""

import colorsys

import pytest
import torch

from cnn.style.colour import colour_matched, from_yiq, luminance_matched, to_yiq


def picture(seed, mean, spread):
    noise = torch.randn(1, 3, 30, 40, generator=torch.Generator().manual_seed(seed))
    noise[:, 1] += 0.7 * noise[:, 0]
    return (torch.tensor(mean).view(1, 3, 1, 1) + spread * noise).clamp(0.02, 0.98)


def test_yiq_there_and_back():
    image = picture(0, (0.5, 0.4, 0.6), 0.1)
    torch.testing.assert_close(from_yiq(to_yiq(image)), image, atol=1e-5, rtol=0)
    y, i, q = to_yiq(image)[0, :, 3, 4].tolist()
    assert (y, i, q) == pytest.approx(colorsys.rgb_to_yiq(*image[0, :, 3, 4].tolist()), abs=0.01)


def test_colour_matching_gives_mean_and_covariance_of_the_content():
    style, content = picture(1, (0.3, 0.5, 0.6), 0.04), picture(2, (0.6, 0.45, 0.4), 0.05)
    matched = colour_matched(style, content)[0].flatten(1)
    wanted = content[0].flatten(1)
    torch.testing.assert_close(matched.mean(1), wanted.mean(1), atol=2e-3, rtol=0)
    torch.testing.assert_close(matched.cov(), wanted.cov(), atol=2e-4, rtol=0)


def test_luminance_matching_gives_mean_and_spread():
    style, content = torch.rand(1, 1, 20, 20) * 0.2, 0.4 + 0.2 * torch.rand(1, 1, 30, 30)
    matched = luminance_matched(style, content)
    assert matched.mean() == pytest.approx(content.mean().item(), abs=1e-4)
    assert matched.std(correction=0) == pytest.approx(content.std(correction=0).item(), abs=1e-4)


def test_flat_pictures_have_colours_too():
    flat = torch.full((1, 3, 8, 8), 0.7)
    for pair in (
        (flat, picture(1, (0.5, 0.5, 0.5), 0.1)),
        (picture(1, (0.5, 0.5, 0.5), 0.1), flat),
        (flat, flat),
    ):
        assert torch.isfinite(colour_matched(*pair)).all()
    assert (colour_matched(picture(1, (0.5, 0.5, 0.5), 0.1), flat) - 0.7).abs().max() < 0.02
