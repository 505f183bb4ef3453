"""Rows F3 and F4: the triplet loss, its kinds of triplets, training; verification as binary classification."""

import itertools

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from cnn.faces.binary_verification import fitted_verifier
from cnn.faces.triplet_loss import KINDS, mined_triplets, triplet_kinds, triplet_loss, triplet_training
from tests.cnn.faces.test_verification import people


def test_F3_loss_is_max_of_zero_and_the_difference_plus_margin():
    generator = torch.Generator().manual_seed(0)
    a, p, n = torch.rand(3, 20, 4, generator=generator, dtype=torch.float64)
    for margin in (0.0, 0.2, 1.0):
        slow = [
            max(0.0, sum((x - y) ** 2 for x, y in zip(i, j, strict=True)) - sum((x - z) ** 2 for x, z in zip(i, k, strict=True)) + margin)
            for i, j, k in zip(a.tolist(), p.tolist(), n.tolist(), strict=True)
        ]  # fmt: skip
        assert triplet_loss(a, p, n, margin).tolist() == pytest.approx(slow)


def test_F3_loss_is_torchs_with_the_squared_distance():
    a, p, n = torch.rand(3, 20, 4)
    theirs = nn.TripletMarginWithDistanceLoss(
        distance_function=lambda x, y: (x - y).pow(2).sum(-1), margin=0.3, reduction="none"
    )
    torch.testing.assert_close(triplet_loss(a, p, n, 0.3), theirs(a, p, n))


def test_F3_kinds_by_hand():
    positive = torch.tensor([0.5, 0.5, 0.5, 0.5])
    negative = torch.tensor([0.7, 0.69, 0.5, 0.4])
    assert [KINDS[k] for k in triplet_kinds(positive, negative, 0.2)] == ["easy", "semi-hard", "hard", "hard"]


@pytest.mark.parametrize("mining", ["all", "easy", "semi-hard", "hard"])
def test_F3_mining_finds_every_triplet_of_its_kind(mining):
    vectors, labels = people(count=4, each=3, spread=0.7)
    found = mined_triplets(vectors, labels, margin=0.3, mining=mining)
    wanted = []
    for a, p, n in itertools.permutations(range(12), 3):
        if labels[a] == labels[p] != labels[n]:
            d_p = float((vectors[a] - vectors[p]).pow(2).sum())
            d_n = float((vectors[a] - vectors[n]).pow(2).sum())
            kind = "easy" if d_n >= d_p + 0.3 else "semi-hard" if d_n > d_p else "hard"
            if mining in ("all", kind):
                wanted.append((a, p, n))
    assert (
        sorted(zip(found.anchor.tolist(), found.positive.tolist(), found.negative.tolist(), strict=True))
        == wanted
    )
    if mining not in ("all",):
        assert found.counts()[mining] == len(wanted)
    assert len(mined_triplets(vectors, labels, mining="all", most=7).anchor) == 7


def pictures():
    """Ten people: a bright square in one of ten places, with noise."""
    generator = torch.Generator().manual_seed(1)
    images = 0.1 * torch.rand(60, 1, 24, 24, generator=generator)
    labels = torch.arange(10).repeat_interleave(6)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[0, 12 * (label // 5) : 12 * (label // 5) + 6, 4 * (label % 5) : 4 * (label % 5) + 6] += 0.8
    return images, labels


def test_F3_training_parts_the_distances():
    images, labels = pictures()
    records = list(triplet_training(images, labels, steps=60, every=30, mining="all"))
    assert [r.step for r in records] == list(range(1, 61))
    assert records[-1].negative > 2 * records[-1].positive
    assert records[-1].loss < 0.5 * records[0].loss
    assert sum(records[-1].counts.values()) == 8 * 4 * 3 * 28
    assert [r.step for r in records if r.vectors is not None] == [1, 30, 60]
    assert records[-1].vectors.shape == (60, 3)


def test_F3_training_is_seeded_and_steered():
    images, labels = pictures()
    one, two = (list(triplet_training(images, labels, steps=3)) for _ in range(2))
    assert [r.loss for r in one] == [r.loss for r in two]
    run = triplet_training(images, labels, steps=3, mining="hard")
    next(run)
    wide = run.send({"margin": 3.9, "mining": "all"})
    assert wide.used == sum(wide.counts.values())
    assert wide.loss > 2
    with pytest.raises(ValueError, match="two people"):
        next(triplet_training(images[:6], labels[:6]))


def test_F4_logistic_regression_over_absolute_differences():
    vectors, labels = people(count=10, each=5, spread=0.4)
    verifier = fitted_verifier(vectors, labels)
    first, second = torch.triu_indices(50, 50, 1)
    same = labels[first] == labels[second]
    probability = verifier.probability(vectors[first], vectors[second])
    assert ((probability > 0.5) == same).float()[same].mean() > 0.9
    assert ((probability > 0.5) == same).float()[~same].mean() > 0.8
    theirs = LogisticRegression(C=1e4 / (2 * len(same)), class_weight="balanced", max_iter=2000)
    features = (vectors[first] - vectors[second]).abs().numpy()
    theirs.fit(features, same.numpy())
    torch.testing.assert_close(
        probability, torch.tensor(theirs.predict_proba(features)[:, 1]).float(), atol=0.02, rtol=0
    )


def test_F4_probability_is_the_sigmoid_of_the_terms():
    vectors, labels = people()
    verifier = fitted_verifier(vectors, labels)
    a, b = vectors[0], vectors[9]
    total = sum(float(w) * abs(float(x) - float(y)) for w, x, y in zip(verifier.weight, a, b, strict=True))
    assert verifier.terms(a, b).sum().item() == pytest.approx(total, rel=1e-4)
    assert verifier.probability(a, b).item() == pytest.approx(
        1 / (1 + 2.718281828459045 ** -(total + verifier.bias)), rel=1e-4
    )
    assert verifier.losses[-1] < verifier.losses[0]
    with pytest.raises(ValueError, match="pairs"):
        fitted_verifier(vectors[:3], labels[:3])
