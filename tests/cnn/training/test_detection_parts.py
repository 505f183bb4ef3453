import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from cnn.models.yolo import STRIDE
from cnn.training.detection import Scene, moved_boxes
from cnn.training.detection_loss import assign, detection_loss
from cnn.training.recipes import recipe

ANCHORS = torch.tensor([[20.0, 20.0], [60.0, 60.0], [100.0, 50.0]])


def test_O4_the_cell_of_the_centre_answers_with_the_anchor_of_the_best_iou():
    owners = assign([torch.tensor([[70.0, 34.0, 92.0, 55.0]])], [torch.tensor([2])], ANCHORS, (8, 10))
    places = set(zip(owners.anchor.tolist(), owners.row.tolist(), owners.column.tolist(), strict=True))
    assert (0, int(44.5 // STRIDE), int(81 // STRIDE)) in places
    assert {anchor for anchor, _, _ in places} == {0}
    assert len(places) == 3  # with the nearer neighbour across and down
    assert owners.labels.tolist() == [2, 2, 2]


def test_every_place_is_claimed_once_and_within_reach_of_its_box():
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(40, 2, generator=generator) * 100
    boxes = torch.cat([corner, corner + 10 + torch.rand(40, 2, generator=generator) * 80], 1).clamp(max=159)
    owners = assign([boxes[:20], boxes[20:]], [torch.zeros(20).long()] * 2, ANCHORS, (10, 10))
    places = list(
        zip(*(t.tolist() for t in (owners.picture, owners.anchor, owners.row, owners.column)), strict=True)
    )
    assert len(set(places)) == len(places)
    centres = (owners.boxes[:, :2] + owners.boxes[:, 2:]) / 2 / STRIDE
    reach = centres - torch.stack([owners.column, owners.row], 1)
    assert reach.min() >= -0.5
    assert reach.max() <= 1.5


def test_a_picture_without_boxes_teaches_that_there_is_nothing():
    raw = torch.zeros(1, 3 * 7, 4, 4, requires_grad=True)
    loss = detection_loss(raw, [torch.zeros(0, 4)], [torch.zeros(0).long()], ANCHORS)
    loss.backward()
    gradient = raw.grad.view(1, 3, 7, 4, 4)
    assert (gradient[:, :, 4] > 0).all()
    assert gradient[:, :, :4].abs().sum() == 0


def test_gradient_steps_on_the_output_move_the_boxes_onto_the_objects():
    boxes, labels = [torch.tensor([[20.0, 24.0, 70.0, 80.0]])], [torch.tensor([1])]
    raw = torch.zeros(1, 3 * 7, 8, 8, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        detection_loss(raw, boxes, labels, ANCHORS).backward()
        optimizer.step()
    from cnn.models.yolo import decode

    found, scores = decode(raw.detach(), ANCHORS)
    best = scores[0].max(1).values.argmax()
    assert box_iou(found[0, best, None], boxes[0]) > 0.9
    assert scores[0, best].argmax() == 1
    assert scores[0, best, 1] > 0.7


def test_boxes_move_as_a_slow_loop_over_their_corners_says():
    boxes = torch.tensor([[10.0, 20, 30, 60], [0, 0, 5, 5]])
    scale, shift = np.array([-2.0, 0.5]), np.array([100.0, 3.0])
    moved, kept = moved_boxes(boxes, scale, shift, (90, 40))
    assert kept.tolist() == [True, False]
    assert moved.tolist() == [[100 - 60, 20 * 0.5 + 3, 100 - 20, 60 * 0.5 + 3]]


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_the_boxes_of_an_augmented_scene_lie_on_the_objects(mosaic):
    task = recipe("yolo-cells").task
    picture = torch.full((3, 96, 128), 10, dtype=torch.uint8)
    picture[:, 30:70, 40:90] = 250
    scene = Scene(picture, torch.tensor([[40.0, 30, 90, 70]]), torch.tensor([0]))
    random = np.random.default_rng(0)
    for _ in range(12):
        made = task._scene([scene], 0, mosaic, random)
        assert made.picture.shape == (3, *task.canvas)
        bright = (made.picture[0] > 200).float()
        for x1, y1, x2, y2 in made.boxes.round().long().tolist():
            assert bright[y1:y2, x1:x2].mean() > 0.85
