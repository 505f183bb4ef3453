"""The lecture's target vectors and their loss."""

from __future__ import annotations

import pytest
import torch

from cnn.detection.targets import landmark_target, localisation_target, squared_error


def test_O1_the_vector_of_a_car_in_the_middle_of_the_right_half() -> None:
    target = localisation_target(1, (50.0, 40.0, 90.0, 60.0), (100, 100))
    assert target.names == ("p_c", "c1", "c2", "c3", "b_x", "b_y", "b_h", "b_w")
    assert target.values.tolist() == pytest.approx([1, 0, 1, 0, 0.7, 0.5, 0.2, 0.4])
    assert target.cares.all()


def test_O1_loss_counts_everything_with_an_object_and_only_pc_without() -> None:
    predicted = torch.tensor([0.8, 0.1, 0.7, 0.2, 0.6, 0.5, 0.3, 0.4])
    with_object = localisation_target(1, (50.0, 40.0, 90.0, 60.0), (100, 100))
    loss = squared_error(predicted, with_object)
    by_hand = 0.2**2 + 0.1**2 + 0.3**2 + 0.2**2 + 0.1**2 + 0 + 0.1**2 + 0
    assert loss.total == pytest.approx(by_hand, rel=1e-5)
    background = squared_error(predicted, localisation_target(None, None, (100, 100)))
    assert background.total == pytest.approx(0.8**2, rel=1e-5)
    assert background.terms[1:].tolist() == [0] * 7


def test_O2_sixty_four_points_make_129_outputs() -> None:
    points = torch.rand(64, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([200.0, 100.0])
    target = landmark_target(points, (100, 200))
    assert target.values.shape == (129,)
    assert len(target.names) == 129
    assert target.values[0] == 1
    torch.testing.assert_close(target.values[1:].view(64, 2) * torch.tensor([200.0, 100.0]), points)
    nobody = landmark_target(None, (100, 200))
    assert nobody.cares.sum() == 1
    assert squared_error(torch.ones(129), nobody).total == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (3, (0.0, 0.0, 1.0, 1.0), (10, 10)),
        (0, (0.0, 0.0, 11.0, 1.0), (10, 10)),
        (0, (5.0, 5.0, 5.0, 9.0), (10, 10)),
        (0, (0.0, 0.0, float("nan"), 1.0), (10, 10)),
        (0, None, (10, 10)),
        (None, (0.0, 0.0, 1.0, 1.0), (10, 10)),
    ],
)
def test_O1_what_is_no_object_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        localisation_target(*arguments)  # type: ignore[arg-type]


def test_predictions_that_do_not_fit_are_refused() -> None:
    target = localisation_target(None, None, (4, 4))
    with pytest.raises(ValueError, match=r"shape \(8,\), got \(7,\)"):
        squared_error(torch.zeros(7), target)
    with pytest.raises(ValueError, match="finite"):
        squared_error(torch.full((8,), float("inf")), target)
    with pytest.raises(ValueError, match="points"):
        landmark_target(torch.full((64, 2), 11.0), (10, 10))
