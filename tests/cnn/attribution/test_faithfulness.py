"""Deletion and insertion on a network whose scores are known in closed form."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from cnn.attribution.faithfulness import faithfulness_steps


class Counts(nn.Module):
    """Scores: the mean of the picture's left half, and 0."""

    def forward(self, x: Tensor) -> Tensor:
        score = x[:, :, :, : x.shape[3] // 2].mean(dim=(1, 2, 3)) * 8
        return torch.stack([score, torch.zeros_like(score)], dim=1)


def test_curves_follow_the_pixels_that_count() -> None:
    image = torch.ones(1, 8, 8)
    right = torch.zeros(8, 8)
    right[:, :4] = 1
    found = list(faithfulness_steps(Counts(), image, right, 0, steps=4))
    assert [step.fraction for step in found] == [0, 0.25, 0.5, 0.75, 1]
    wanted = [torch.sigmoid(torch.tensor(8.0 * share)).item() for share in (1, 0.5, 0, 0, 0)]
    assert [step.deletion for step in found] == pytest.approx(wanted, abs=1e-6)
    area = sum((a + b) / 2 for a, b in itertools.pairwise(wanted)) / 4
    assert found[-1].deletion_area == pytest.approx(area, abs=1e-6)


def test_a_right_map_beats_a_wrong_one() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 16, 16, generator=generator) - 0.2
    image[:, :, :8] += (torch.rand(1, 16, 8, generator=generator) > 0.5) * 2.0
    good = image[0].clone()
    good[:, 8:] = -1
    best = list(faithfulness_steps(Counts(), image, good, 0))[-1]
    worst = list(faithfulness_steps(Counts(), image, -good, 0))[-1]
    assert best.deletion_area < worst.deletion_area
    assert best.insertion_area > worst.insertion_area


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(8, 8\), got \(4, 4\)"):
        next(faithfulness_steps(Counts(), torch.ones(1, 8, 8), torch.zeros(4, 4), 0))
