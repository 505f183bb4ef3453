import pytest
import torch
from torch import nn
from torchmetrics.functional.segmentation import dice_score

from cnn.training.recipes import recipe
from cnn.training.segmentation import IGNORED, dice_loss


class Answers(nn.Module):
    """Says each picture's own red channel, as a class."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        classes = ((x[:, 0] * 0.25 + 0.5) * 255).round().long()
        return nn.functional.one_hot(classes, 11).permute(0, 3, 1, 2).float()


def test_S1_accuracy_and_iou_are_those_of_a_slow_count_without_the_void():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 11, (2, 6, 7), generator=generator)
    said = torch.where(torch.rand(truth.shape, generator=generator) < 0.6, truth, (truth + 1) % 11)
    masks = truth.clone()
    masks[0, :2] = IGNORED
    pictures = said[:, None].expand(-1, 3, -1, -1).byte()
    scores = recipe("unet-street").task.scores(Answers(), (pictures, masks.byte()), torch.device("cpu"))
    valid = masks != IGNORED
    ious = []
    for k in range(11):
        t, s = (truth == k) & valid, (said == k) & valid
        ious.append(float((t & s).sum() / (t | s).sum()))
    assert scores["mean IoU"] == pytest.approx(sum(ious) / 11, rel=1e-5)
    assert scores["pixel accuracy"] == pytest.approx(float((truth == said)[valid].float().mean()), rel=1e-5)
    assert next(iter(scores)) == "mean IoU"


def test_the_dice_loss_of_certain_answers_agrees_with_torchmetrics():
    truth = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(1))
    said = torch.where(torch.rand(truth.shape, generator=torch.Generator().manual_seed(2)) < 0.7, truth, 0)
    logits = nn.functional.one_hot(said, 3).permute(0, 3, 1, 2).float() * 100
    one_picture = (t.reshape(1, 16, 8) for t in (said, truth))
    expected = dice_score(*one_picture, 3, average=None, input_format="index").mean()
    assert float(dice_loss(logits, truth)) == pytest.approx(1 - float(expected), abs=1e-4)


def test_masks_follow_their_pictures_through_the_augmentation():
    task = recipe("unet-membrane").task
    masks = torch.zeros(4, 512, 512, dtype=torch.uint8)
    masks[:, 100:300, 150:420] = 1
    images = (masks * 250)[:, None]
    x, y = next(task.batches((images, masks), 4, 0.5, torch.Generator().manual_seed(3)))
    inside = y != IGNORED
    bright = (x[:, 0] * 0.25 + 0.5) > 0.35
    assert inside.float().mean() > 0.5
    assert ((bright == (y == 1)) | ~inside).float().mean() > 0.97


def test_half_size_windows_come_first():
    task = recipe("unet-street").task
    data = (torch.zeros(2, 3, 180, 240, dtype=torch.uint8), torch.zeros(2, 180, 240, dtype=torch.uint8))
    early, late = (next(task.batches(data, 2, p, torch.Generator()))[0].shape for p in (0.0, 0.99))
    assert tuple(late[2:]) == task.crop
    assert tuple(early[2:]) == (task.crop[0] // 2, task.crop[1] // 2)


def test_a_mask_of_0_and_255_is_one_of_two_classes():
    task = recipe("unet-membrane").task
    assert task._classes(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [0, 1]
