"""IoU and Dice against torchmetrics and counted sets; areas and outlines by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from cnn.segmentation.regions import areas, instance_labels, outlines, pieces
from cnn.segmentation.scores import mask_scores


def test_S2_mean_iou_is_torchmetrics_and_dice_counts_sets() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (30, 40), generator=generator)
    mask = torch.where(torch.rand(30, 40, generator=generator) < 0.6, labels, 3 - labels)
    mask[:3] = 255
    result = mask_scores(labels.byte(), mask.byte(), 4)
    oracle = MulticlassJaccardIndex(4, average="macro", ignore_index=255)(labels, mask)
    assert result.mean_iou == pytest.approx(float(oracle), rel=1e-5)
    counts = mask != 255
    for score in result.classes:
        mine = {tuple(p) for p in ((labels == score.label) & counts).nonzero().tolist()}
        real = {tuple(p) for p in ((mask == score.label) & counts).nonzero().tolist()}
        assert score.dice == pytest.approx(2 * len(mine & real) / (len(mine) + len(real)))
        assert score.iou == pytest.approx(len(mine & real) / len(mine | real))
        assert (score.both, score.predicted_only, score.mask_only) == (
            len(mine & real),
            len(mine - real),
            len(real - mine),
        )
    assert result.pixels == 27 * 40
    assert result.accuracy == pytest.approx(float((labels == mask)[counts].float().mean()))


def test_S2_classes_that_do_not_occur_do_not_count_and_nothing_is_nan() -> None:
    ones = torch.ones(4, 4, dtype=torch.uint8)
    assert mask_scores(ones, ones, 5).mean_iou == 1
    assert [c.label for c in mask_scores(ones, ones, 5).classes] == [1]
    assert math.isnan(mask_scores(ones, ones * 255, 5).mean_dice)


def test_masks_that_do_not_fit_are_refused() -> None:
    ones = torch.ones(4, 4, dtype=torch.uint8)
    for mask, classes in ((torch.ones(4, 5, dtype=torch.uint8), 2), (ones.float(), 2), (ones * 2, 2)):
        with pytest.raises(ValueError, match="wanted"):
            mask_scores(ones, mask, classes)


def test_S1_areas_and_outlines_of_a_square() -> None:
    labels = torch.zeros(20, 30, dtype=torch.uint8)
    labels[5:11, 8:18] = 2
    found = areas(labels, ("sky", "road", "car"))
    assert [(a.name, a.pixels) for a in found] == [("sky", 540), ("car", 60)]
    assert sum(a.share for a in found) == pytest.approx(1)
    car = next(o for o in outlines(labels) if o.label == 2)
    assert car.points.amin(0).tolist() == [8, 5]
    assert car.points.amax(0).tolist() == [17, 10]
    assert car.area == 9 * 5
    with pytest.raises(ValueError, match="below 2"):
        areas(labels, ("sky", "road"))


def test_S1_instances_of_one_class_are_told_apart() -> None:
    masks = torch.zeros(2, 4, 6, dtype=torch.bool)
    masks[0, :, :4], masks[1, :, 3:] = True, True
    assert instance_labels(masks, torch.tensor([0.5, 0.9]))[0].tolist() == [1, 1, 1, 2, 2, 2]
    assert instance_labels(masks)[0].tolist() == [1, 1, 1, 1, 2, 2]
    assert instance_labels(torch.zeros(0, 4, 6, dtype=torch.bool)).sum() == 0


def test_S1_pieces_are_what_hangs_together() -> None:
    labels = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 0], [0, 2, 0, 2], [0, 0, 2, 0]])
    found = pieces(labels, without=(0,))
    assert found.classes.tolist() == [1, 2, 1]
    assert found.labels.tolist() == [[1, 1, 0, 3], [1, 0, 0, 0], [0, 2, 0, 2], [0, 0, 2, 0]]
    large = pieces(labels, smallest=3)
    assert sorted(large.classes.tolist()) == [0, 1, 2]
    assert int((large.labels == 0).sum()) == 1
