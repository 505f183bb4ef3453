"""Selective search against a slow merging, and on pictures with known objects."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from cnn.detection.reading import DetectorError
from cnn.detection.region_merging import described, merged, neighbours
from cnn.detection.region_proposals import STRATEGIES, Strategy, grouping, merge_steps, selective_search
from cnn.detection.rpn import PIPELINES, rpn_proposals
from tests.cnn.detection.detectors import detector, picture


def blocks() -> torch.Tensor:
    image = torch.full((3, 90, 120), 0.2)
    image[0, 20:60, 15:55] = 0.9
    image[1, 30:75, 70:105] = 0.8
    return image


def slow(sizes, boxes, colour, texture, pairs, area):  # type: ignore[no-untyped-def]
    """The paper's Algorithm 1 with sets, all four similarities."""
    regions = {i: (sizes[i], boxes[i], colour[i], texture[i]) for i in range(len(sizes))}

    def alike(a: int, b: int) -> float:
        (na, ba, ca, ta), (nb, bb, cb, tb) = regions[a], regions[b]
        hull = np.concatenate([np.minimum(ba[:2], bb[:2]), np.maximum(ba[2:], bb[2:])])
        gap = (hull[2] - hull[0]) * (hull[3] - hull[1]) - na - nb
        shared = sum(min(x, y) for x, y in zip(ca, cb, strict=True))
        shared += sum(min(x, y) for x, y in zip(ta, tb, strict=True))
        return shared + 1 - (na + nb) / area + 1 - gap / area

    touching = {(int(a), int(b)): alike(int(a), int(b)) for a, b in pairs}
    made = []
    while touching:
        a, b = max(touching, key=touching.__getitem__)
        new = len(regions)
        made.append((a, b, touching[a, b]))
        (na, ba, ca, ta), (nb, bb, cb, tb) = regions[a], regions[b]
        hull = np.concatenate([np.minimum(ba[:2], bb[:2]), np.maximum(ba[2:], bb[2:])])
        regions[new] = (na + nb, hull, (ca * na + cb * nb) / (na + nb), (ta * na + tb * nb) / (na + nb))
        around = {p for pair in touching if {a, b} & set(pair) for p in pair} - {a, b}
        touching = {pair: value for pair, value in touching.items() if not {a, b} & set(pair)}
        touching |= {(other, new): alike(other, new) for other in around}
    return made


def test_O8_merging_is_the_papers_algorithm() -> None:
    generator = np.random.default_rng(0)
    rows = generator.random((24, 30, 3)).astype(np.float32)
    segments = (np.arange(24)[:, None] // 6 * 5 + np.arange(30)[None] // 6).astype(np.int64)
    facts = described(rows, segments, 20)
    pairs = neighbours(segments)
    steps, boxes, sizes = merged(*facts, pairs, 720.0, np.ones(4))
    wanted = slow(*facts, pairs, 720.0)
    assert [(int(a), int(b)) for a, b, _ in steps] == [(a, b) for a, b, _ in wanted]
    assert steps[:, 2] == pytest.approx([value for _, _, value in wanted])
    assert len(steps) == 19
    assert boxes[-1].tolist() == [0, 0, 30, 24]
    assert sizes[-1] == 720


def test_O8_descriptions_are_counts() -> None:
    rows = np.random.default_rng(1).random((10, 12, 3)).astype(np.float32)
    segments = (np.arange(12)[None] // 4 + np.zeros((10, 1), int)).astype(np.int64)
    sizes, boxes, colour, texture = described(rows, segments, 3)
    assert sizes.tolist() == [40, 40, 40]
    assert boxes[1].tolist() == [4, 0, 8, 10]
    slow_count = [np.histogram(rows[:, 4:8, c], bins=25, range=(0, 1))[0] for c in range(3)]
    assert colour[1] == pytest.approx(np.concatenate(slow_count) / 120)
    assert texture.sum(1) == pytest.approx([1, 1, 1])
    assert neighbours(segments).tolist() == [[0, 1], [1, 2]]


def test_O8_the_objects_of_a_picture_are_among_the_regions() -> None:
    regions = selective_search(blocks())
    truth = torch.tensor([[15.0, 20, 55, 60], [70.0, 30, 105, 75]])
    assert (box_iou(truth, regions.boxes).max(1).values > 0.9).all()
    assert len(regions.boxes.unique(dim=0)) == len(regions.boxes)
    assert regions.boxes[:, 2].max() <= 120
    again = selective_search(blocks())
    assert torch.equal(again.boxes, regions.boxes)


def test_O8_about_two_thousand_regions_of_a_photo_sized_picture() -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.nn.functional.interpolate(
        torch.rand(1, 3, 60, 80, generator=generator), (240, 320), mode="bilinear"
    )[0]
    selective_search(picture(20, 20))  # compiled
    regions = selective_search(image)
    assert 1000 < len(regions.boxes) <= 2000
    assert regions.seconds < 12  # 3 s on an idle machine, see the benchmark
    assert set(regions.strategy.tolist()) == set(range(len(STRATEGIES)))


def test_O8_steps_grow_until_one_region_is_the_picture() -> None:
    group = grouping(blocks(), STRATEGIES[0])
    steps = list(merge_steps(group))
    assert [step.number for step in steps] == list(range(1, group.first_regions))
    assert steps[-1].box == (0, 0, 120, 90)
    assert group.mask(steps[-1].made).all()
    for step in steps[:5]:
        both = group.mask(step.first) | group.mask(step.second)
        assert torch.equal(both, group.mask(step.made))
        rows, columns = both.nonzero(as_tuple=True)
        hull = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert step.box == tuple(map(float, hull))
    with pytest.raises(IndexError, match="wanted a region"):
        group.mask(10**6)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (30, 30)])
def test_A6_flat_and_tiny_pictures_are_one_region(size: tuple[int, int]) -> None:
    regions = selective_search(torch.full((1, *size), 77, dtype=torch.uint8))
    assert [0, 0, size[1], size[0]] in regions.boxes.tolist()
    assert regions.boxes.isfinite().all()


def test_unknown_colours_and_no_strategies_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted colours"):
        grouping(blocks(), Strategy("cmyk", 10))
    with pytest.raises(ValueError, match="wanted a strategy"):
        selective_search(blocks(), strategies=())


def test_O8_proposals_are_those_the_network_works_with() -> None:
    model, image = detector("faster"), picture(60, 80)
    seen = []
    handle = model.rpn.register_forward_hook(lambda *args: seen.append(args[2][0][0]))
    with torch.inference_mode():
        model([image])
    handle.remove()
    found = rpn_proposals(model, image)
    scale = torch.tensor([80 / 128, 60 / 96] * 2)
    assert found.boxes.shape == (len(seen[0]), 4)
    mine = found.boxes[found.boxes.sum(1).argsort()]
    theirs = (seen[0] * scale)[(seen[0] * scale).sum(1).argsort()]
    torch.testing.assert_close(mine, theirs, atol=1e-2, rtol=1e-4)
    assert (found.scores[:-1] >= found.scores[1:]).all()
    assert found.anchors == sum(h * w * 6 for h, w in found.levels)
    with pytest.raises(DetectorError, match="R-CNN"):
        rpn_proposals(detector("ssd"), image)


def test_O8_what_each_generation_computes() -> None:
    old, fast, faster = PIPELINES
    assert old.network_passes() == 2000
    assert fast.network_passes() == faster.network_passes() == 1
    assert old.multiply_adds(100, 3) == 2000 * 103
    assert fast.multiply_adds(100, 3) == 100 + 6000
    assert faster.multiply_adds(100, 3, regions=300) == 100 + 900
