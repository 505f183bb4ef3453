"""Rows F1 and F2: distances, verdicts, both errors, galleries."""

import pytest
import torch
from torch import nn

from cnn.faces.recognition import gallery_errors, recognise
from cnn.faces.verification import distance, embed, error_rates, pair_distances, verify
from cnn.models.siamese import SiameseNet
from cnn.weights.builtin import builtin_record


def people(count=6, each=5, spread=0.3, dimension=8, seed=0):
    """Unit vectors around one direction a person, and who they are."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(count, 1, dimension, generator=generator)
    vectors = centres + spread * torch.randn(count, each, dimension, generator=generator)
    return nn.functional.normalize(vectors.flatten(0, 1), dim=1), torch.arange(count).repeat_interleave(each)


def test_F1_distance_is_the_squared_euclidean_one():
    a, b = torch.rand(3, 5, dtype=torch.float64), torch.rand(3, 5, dtype=torch.float64)
    slow = [
        sum((float(x) - float(y)) ** 2 for x, y in zip(p, q, strict=True)) for p, q in zip(a, b, strict=True)
    ]
    assert distance(a, b).tolist() == pytest.approx(slow, rel=1e-12)
    torch.testing.assert_close(distance(a[:, None], b[None]), torch.cdist(a, b).pow(2))
    with pytest.raises(ValueError, match="one length"):
        distance(a, b[:, :2])


def test_F1_the_same_person_where_d_is_at_most_tau():
    a, b = torch.tensor([0.0, 0.0]), torch.tensor([0.6, 0.8])
    assert verify(a, b, 1.0 + 1e-6).same
    assert not verify(a, b, 0.99).same
    assert verify(a, a, 0.0).same


def test_F1_both_errors_are_counts_of_pairs():
    vectors, labels = people()
    rates = error_rates(vectors, labels, count=11)
    same, different = pair_distances(vectors, labels)
    assert (len(same), len(different)) == (6 * 10, 15 * 25)
    for tau, accepts, rejects in zip(rates.thresholds, rates.false_accepts, rates.false_rejects, strict=True):
        assert accepts == pytest.approx(sum(bool(d <= tau) for d in different) / len(different))
        assert rejects == pytest.approx(sum(bool(d > tau) for d in same) / len(same), abs=1e-6)
    assert (rates.false_accepts.diff() >= 0).all()
    assert (rates.false_rejects.diff() <= 0).all()
    with pytest.raises(ValueError, match="pairs"):
        error_rates(vectors[:3], labels[:3])


def test_F1_recognition_names_the_nearest_within_tau():
    gallery = torch.tensor([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]])
    found = recognise(torch.tensor([0.9, 0.0]), gallery, 0.5)
    assert (found.index, found.order) == (1, (1, 0, 2))
    assert found.distances.tolist() == pytest.approx([0.81, 0.01, 41.81])
    assert recognise(torch.tensor([3.0, 2.0]), gallery, 0.5).index is None
    with pytest.raises(ValueError, match="gallery"):
        recognise(torch.zeros(2), torch.zeros(0, 2), 1.0)


def test_F1_the_error_grows_with_the_gallery():
    vectors, labels = people(count=40, each=4, spread=0.8)
    tau = error_rates(vectors, labels).equal_error[0]
    errors = gallery_errors(vectors, labels, (1, 5, 20, 40), tau, trials=400)
    assert [e.people for e in errors] == [1, 5, 20, 40]
    assert errors[0].mistaken == 0  # nobody else is there to be taken for
    assert errors[0].wrong < errors[1].wrong < errors[3].wrong
    assert errors[0].independent < errors[1].independent < errors[2].independent < errors[3].independent
    same, _ = pair_distances(vectors, labels)
    assert errors[0].wrong == pytest.approx(float((same > tau).float().mean()), abs=0.06)
    assert gallery_errors(vectors, labels, (5,), tau, trials=400) == errors[1:2]
    with pytest.raises(ValueError, match="from 1 to 40"):
        gallery_errors(vectors, labels, (41,), tau)


def test_F2_one_picture_a_person_is_enough_to_enrol():
    vectors, labels = people(count=8, each=4, spread=0.15)
    gallery = vectors[::4]  # the first picture of each
    named = [recognise(vector, gallery, 1.0).index for vector in vectors]
    assert named == labels.tolist()


def test_F2_embed_takes_any_pictures_and_leaves_the_model_as_it_was():
    record = builtin_record("faces-siamese")
    model = record.build().train()
    vectors = embed(model, [torch.zeros(3, 90, 60, dtype=torch.uint8), torch.ones(1, 1, 1)], record=record)
    assert vectors.shape == (2, 64)
    assert vectors.norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    assert not vectors.requires_grad
    plain = SiameseNet(dimension=4).eval()
    batch = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(embed(plain, batch), plain(batch))


@pytest.mark.parametrize("images", [[], [torch.zeros(1, 0, 3)], [torch.zeros(1, 8, 8), torch.zeros(1, 9, 8)]])
def test_pictures_that_cannot_be_embedded_are_refused(images):
    with pytest.raises(ValueError, match="wanted"):
        embed(SiameseNet(), images)
