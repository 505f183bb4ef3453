"""The three generations against hand-counted layers and the detector's own proposals."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnn.detection.generations import CROP_SIDE, generations
from cnn.detection.reading import DetectorError
from cnn.detection.region_proposals import STRATEGIES, grouping, ranked, selective_search
from cnn.detection.rpn import rpn_proposals
from tests.cnn.detection.detectors import detector, picture

BOXES = torch.tensor([[0.0, 0, 40, 30], [5, 5, 70, 55], [10, 2, 12, 3]])


def test_O8_counts_are_those_of_the_layers() -> None:
    model, image = detector("faster"), picture(60, 80)
    found = generations(model, image, BOXES.repeat(100, 1), 0.5, sample=3)
    old, fast, faster = found.rows
    conv1, conv2 = model.backbone.conv1.weight.numel(), model.backbone.conv2.weight.numel()

    def backbone(height: int, width: int) -> int:
        return conv1 * (height // 8) * (width // 8) + conv2 * (height // 16) * (width // 16)

    head = sum(m.weight.numel() for m in model.roi_heads.modules() if isinstance(m, nn.Linear))
    assert old.multiply_adds == 300 * (backbone(CROP_SIDE, CROP_SIDE) + head)
    assert fast.multiply_adds == backbone(96, 128) + 300 * head
    rpn = sum(m.weight.numel() for m in model.rpn.head.modules() if isinstance(m, nn.Conv2d))
    proposed = rpn_proposals(model, image)
    places = sum(h * w for h, w in proposed.levels)
    assert faster.multiply_adds == backbone(96, 128) + rpn * places + faster.regions * head
    assert [row.passes for row in found.rows] == [300, 1, 1]
    assert [row.proposal_seconds for row in found.rows] == [0.5, 0.5, 0.0]
    assert faster.regions == len(proposed.boxes)
    assert torch.equal(found.proposals, proposed.boxes)
    assert all(row.seconds > 0 and row.measured == 3 for row in found.rows)


def test_O8_crops_are_the_regions() -> None:
    image = torch.zeros(3, 60, 80, dtype=torch.uint8)
    image[0, 5:55, 5:70] = 255
    found = generations(detector("faster"), image, BOXES, 0.0)
    assert found.crops.shape == (3, 3, CROP_SIDE, CROP_SIDE)
    assert (found.crops[1, 0] == 1).all()
    assert not found.crops[1, 1:].any()
    assert found.pooled.shape[0] == 3


def test_another_network_or_no_region_is_refused() -> None:
    with pytest.raises(DetectorError, match="Faster"):
        generations(detector("ssd"), picture(20, 20), BOXES, 0.0)
    with pytest.raises(ValueError, match="region"):
        generations(detector("faster"), picture(20, 20), BOXES[:0], 0.0)


def test_O8_trees_put_together_are_the_search() -> None:
    image = picture(40, 60)
    trees = tuple(grouping(image, strategy) for strategy in STRATEGIES[:2])
    boxes, owners = ranked(trees, (40, 60), limit=50, seed=3)
    whole = selective_search(image, strategies=STRATEGIES[:2], limit=50, seed=3)
    assert torch.equal(boxes, whole.boxes)
    assert torch.equal(owners, whole.strategy)
