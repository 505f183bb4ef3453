"""Adam against torch's, L-BFGS on functions whose least point is known."""

import pytest
import torch

from cnn.style.optimisers import Adam, Lbfgs


def test_adam_is_torchs():
    start = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
    goal = torch.linspace(0, 1, 12).view(3, 4)
    theirs = start.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([theirs], lr=0.03)
    own, mine = Adam(0.03), start.clone()
    for _ in range(20):
        optimiser.zero_grad()
        (theirs - goal).pow(4).sum().backward()
        optimiser.step()
        mine = own.move(mine, 4 * (mine - goal).pow(3))
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-4, atol=1e-5)


def minimised(loss, start, steps):
    """Run L-BFGS as a style run does: accepted moves, retreats, clipping to 0..1."""
    optimiser, point = Lbfgs(), start
    value, slope = loss(point)
    for _ in range(steps):
        moved = optimiser.move(point, slope).clamp(0, 1)
        after, next_slope = loss(moved)
        if optimiser.accepts(value, after):
            point, value, slope = moved, after, next_slope
        else:
            optimiser.retreat()
    return point, value


def with_gradient(function):
    def loss(point):
        leaf = point.detach().requires_grad_(True)
        value = function(leaf)
        return value.item(), torch.autograd.grad(value, leaf)[0]

    return loss


def test_lbfgs_finds_the_least_point_of_an_ill_conditioned_bowl():
    scales = torch.logspace(0, 3, 50, dtype=torch.float64)
    goal = torch.linspace(0.2, 0.8, 50, dtype=torch.float64)
    start = torch.full((50,), 0.5, dtype=torch.float64)
    bowl = with_gradient(lambda x: (scales * (x - goal).pow(2)).sum())
    point, value = minimised(bowl, start, 150)
    assert value < 1e-4 * bowl(start)[0]
    assert (point - goal).abs().max() < 0.01


def test_lbfgs_stops_at_the_ends_of_the_range():
    goal = torch.tensor([-1.0, 0.3, 2.0], dtype=torch.float64)
    mixed = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 3.0]], dtype=torch.float64)
    bowl = with_gradient(lambda x: (x - goal) @ mixed @ (x - goal))
    point, _ = minimised(bowl, torch.full((3,), 0.5, dtype=torch.float64), 60)
    middle = 0.3 + (-0.5 * 1 + 0.2 * 1) / 1.0  # the slope of the middle one is 0 with the others at 0 and 1
    assert point.tolist() == pytest.approx([0, middle, 1], abs=1e-3)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_lbfgs_takes_the_same_way_whatever_the_losss_unit(scale):
    goal = torch.linspace(0.1, 0.9, 20, dtype=torch.float64)
    start = torch.full((20,), 0.5, dtype=torch.float64)
    weights = torch.linspace(1, 20, 20, dtype=torch.float64)
    bowl = with_gradient(lambda x: scale * (weights * (x - goal).pow(2)).sum())
    point, _ = minimised(bowl, start, 30)
    assert (point - goal).abs().max() < 1e-3


def test_a_zero_gradient_moves_nothing():
    point = torch.full((4,), 0.5)
    for optimiser in (Lbfgs(), Adam()):
        assert torch.equal(optimiser.move(point, torch.zeros(4)), point)
