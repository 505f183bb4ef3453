import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score

from cnn.training.embedding import one_shot, triplet_loss, verification


def test_F3_the_triplet_loss_with_the_hardest_equals_a_slow_loop():
    vectors = F.normalize(torch.randn(9, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3])
    losses = []
    for a in range(9):
        distance = [float((vectors[a] - vectors[b]).pow(2).sum()) for b in range(9)]
        positives = [distance[b] for b in range(9) if labels[b] == labels[a] and b != a]
        negatives = [distance[b] for b in range(9) if labels[b] != labels[a]]
        if positives:
            losses.append(max(0.0, max(positives) - min(negatives) + 0.3))
    got = triplet_loss(vectors, labels, margin=0.3, hardness=1.0)
    assert float(got) == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_F3_semi_hard_negatives_are_farther_than_the_positive():
    vectors = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.5], [1.0, 0.2], [0.0, 1.0]]), dim=1)
    labels = torch.tensor([0, 0, 1, 1])

    def squared(a: int, b: int) -> float:
        return float((vectors[a] - vectors[b]).pow(2).sum())

    expected = []
    for a, p, negatives in ((0, 1, (2, 3)), (1, 0, (2, 3)), (2, 3, (0, 1)), (3, 2, (0, 1))):
        farther = [squared(a, n) for n in negatives if squared(a, n) > squared(a, p)]
        nearest = min(farther) if farther else min(squared(a, n) for n in negatives)
        expected.append(max(0.0, squared(a, p) - nearest + 0.3))
    got = triplet_loss(vectors, labels, margin=0.3, hardness=0.0)
    assert float(got) == pytest.approx(sum(expected) / 4, rel=1e-4)


def test_F1_verification_agrees_with_scikit_learn():
    generator = torch.Generator().manual_seed(2)
    labels = torch.arange(6).repeat_interleave(5)
    vectors = F.normalize(torch.eye(6)[labels] + 0.6 * torch.randn(30, 6, generator=generator), dim=1)
    auc, threshold, accuracy = verification(vectors, labels)
    first, second = torch.triu_indices(30, 30, 1)
    distance, same = (vectors[first] - vectors[second]).pow(2).sum(1), labels[first] == labels[second]
    assert auc == pytest.approx(roc_auc_score(same.numpy(), -distance.numpy()), abs=1e-4)
    judged = distance <= threshold
    balanced = ((judged[same]).float().mean() + (~judged[~same]).float().mean()) / 2
    assert accuracy == pytest.approx(float(balanced), abs=1e-6)


def test_F2_one_shot_is_perfect_for_clusters_and_chance_for_noise():
    labels = torch.arange(25).repeat_interleave(4)
    assert one_shot(torch.eye(25)[labels], labels, 20, trials=200) == 1.0
    noise = F.normalize(torch.randn(100, 16, generator=torch.Generator().manual_seed(3)), dim=1)
    assert one_shot(noise, labels, 20, trials=1500) == pytest.approx(0.05, abs=0.03)
