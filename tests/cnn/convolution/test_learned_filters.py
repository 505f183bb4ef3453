"""Row C10: nine random weights become the filter that made the edge map."""

import pytest
import torch
from sklearn.datasets import load_sample_images
from torch.nn import functional as F

from cnn.checks import ShapeError
from cnn.convolution.learned_filters import LEARNERS, learned_filter

SOBEL = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])


def photo(index=0, step=4):
    return torch.tensor(load_sample_images().images[index]).permute(2, 0, 1)[:, ::step, ::step]


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("seed", [0, 1])
def test_C10_weights_converge_to_sobel_on_a_photo(index, seed):
    records = list(learned_filter(photo(index), SOBEL, seed=seed))
    assert (records[0].weight - SOBEL).abs().max() > 0.5
    assert (records[-1].weight - SOBEL).abs().max() < 1e-2
    assert records[-1].error == pytest.approx(float((records[-1].weight - SOBEL).abs().max()))
    assert [r.step for r in records] == list(range(1, 401))
    assert records[-1].loss < 1e-4 * records[0].loss


@pytest.mark.parametrize("size", [2, 5, 7])
def test_C10_other_sizes_converge_too(size):
    target = torch.randn(size, size, generator=torch.Generator().manual_seed(5))
    noise = torch.rand(60, 60, generator=torch.Generator().manual_seed(6))
    assert list(learned_filter(noise, target, steps=300))[-1].error < 1e-2


def test_C10_the_gradient_is_that_of_finite_differences():
    image = photo(step=8)
    first, second = list(learned_filter(image, SOBEL, steps=2))
    gray = image.double().mean(0)
    gray = ((gray - gray.mean()) / gray.std())[None, None]
    goal = F.conv2d(gray, SOBEL.double()[None, None])

    def loss(weight):
        return ((F.conv2d(gray, weight[None, None]) - goal).pow(2).mean() / goal.var()).item()

    assert second.loss == pytest.approx(loss(first.weight.double()), rel=1e-4)
    for row, column in ((0, 0), (1, 2)):
        nudged = first.weight.double().clone()
        nudged[row, column] += 1e-5
        slope = (loss(nudged) - loss(first.weight.double())) / 1e-5
        assert second.gradient[row, column] == pytest.approx(slope, rel=1e-2)


def test_C10_maps_come_now_and_then_and_are_those_of_the_weight():
    records = list(learned_filter(photo(step=8), SOBEL, steps=25, every=10))
    assert [r.step for r in records if r.output is not None] == [1, 10, 20, 25]
    gray = photo(step=8).float().mean(0)
    gray = (gray - gray.mean()) / gray.std()
    wanted = F.conv2d(gray[None, None], records[-1].weight[None, None])[0]
    torch.testing.assert_close(records[-1].output, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("learner", LEARNERS)
def test_C10_every_learner_goes_downhill_and_momentum_is_the_fastest(learner):
    records = list(learned_filter(photo(), SOBEL, steps=150, learner=learner))
    assert records[-1].loss < 0.5 * records[0].loss
    fastest = list(learned_filter(photo(), SOBEL, steps=150))
    assert fastest[-1].loss <= records[-1].loss


def test_C10_the_rate_can_be_changed_on_the_way():
    run = learned_filter(photo(step=8), SOBEL, steps=5)
    before = next(run)
    assert (run.send({"learning_rate": 1e-9}).weight - before.weight).abs().max() < 1e-2
    with pytest.raises(ValueError, match="learning_rate"):
        run.send({"learning_rate": -1})


@pytest.mark.parametrize("image", [torch.zeros(20, 20), torch.rand(5, 5), torch.full((3, 9, 9), 255)])
def test_C10_flat_and_tiny_pictures_are_refused(image):
    with pytest.raises(ShapeError):
        next(learned_filter(image, SOBEL))
