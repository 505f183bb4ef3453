"""What depth does, with and without shortcuts."""

from __future__ import annotations

import pytest
import torch

from cnn.networks.depth import layer_signals
from cnn.networks.depth_nets import depth_net

IMAGE = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(3))


def test_M4_deep_plain_networks_lose_signal_and_gradient_that_residual_ones_keep() -> None:
    plain, residual = (layer_signals(depth_net(20, residual=r, gain=0.7), IMAGE) for r in (False, True))
    assert len(plain) == len(residual) == 42
    assert plain[-2].signal < 1e-3 * plain[1].signal
    assert residual[-2].signal > plain[1].signal / 10
    assert plain[1].gradient < 1e-3 * plain[-2].gradient
    assert residual[1].gradient > residual[-2].gradient / 10


def test_the_pair_has_the_same_weights() -> None:
    plain, residual = (dict(depth_net(3, residual=r, seed=4).named_parameters()) for r in (False, True))
    assert plain.keys() == residual.keys()
    assert all(torch.equal(plain[name], residual[name]) for name in plain)


def test_norm_normalises_by_the_picture_itself() -> None:
    net = depth_net(2, residual=False, norm=True)
    found = net.units[0].bn1(net.units[0].conv1(net.stem(IMAGE[None])))
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var((0, 2, 3), unbiased=False), torch.ones(12), atol=1e-2, rtol=0)


def test_depth_is_bounded() -> None:
    with pytest.raises(ValueError, match="units"):
        depth_net(51, residual=True)
