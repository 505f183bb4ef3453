"""What the small YOLO learns from: which cells and anchors answer for a box, and the loss."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou, complete_box_iou_loss

from cnn.models.anchors import size_iou
from cnn.models.yolo import STRIDE, cell_boxes, split_raw


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """The (picture, anchor, row, column) that answer for a box, one entry each, with box and label."""

    picture: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    boxes: Tensor
    labels: Tensor


def assign(
    boxes: list[Tensor],
    labels: list[Tensor],
    anchors: Tensor,
    grid: tuple[int, int],
    *,
    minimum_iou: float = 0.45,
) -> Assignment:
    """Who answers for which box.

    The best anchor by IoU of the sizes, and every other above `minimum_iou`; in the cell of the box's centre
    and in the nearer neighbour across and down, because a centre may lie half a cell outside its cell. Where
    two boxes claim the same cell and anchor the smaller wins.
    """
    picture = torch.cat([torch.full((len(b),), i) for i, b in enumerate(boxes)])
    box, label = torch.cat(boxes), torch.cat(labels)
    overlaps = size_iou(box[:, 2:] - box[:, :2], anchors)
    wanted = overlaps >= overlaps.max(1, keepdim=True).values.clamp(max=minimum_iou)
    which, anchor = wanted.nonzero(as_tuple=True)
    centre = (box[which, :2] + box[which, 2:]) / 2 / STRIDE
    column, row = centre.floor().long().unbind(1)
    side = torch.where(centre % 1 < 0.5, -1, 1)
    columns = torch.cat([column, column + side[:, 0], column])
    rows = torch.cat([row, row, row + side[:, 1]])
    which, anchor = which.repeat(3), anchor.repeat(3)
    inside = (columns >= 0) & (rows >= 0) & (columns < grid[1]) & (rows < grid[0])
    which, anchor, rows, columns = which[inside], anchor[inside], rows[inside], columns[inside]
    key = ((picture[which] * len(anchors) + anchor) * grid[0] + rows) * grid[1] + columns
    order = (box[which, 2:] - box[which, :2]).prod(1).argsort(descending=True)
    last = torch.full((int(key.max()) + 1 if len(key) else 0,), -1).scatter_(0, key[order], order)
    kept = last[last >= 0]
    which = which[kept]
    return Assignment(picture[which], anchor[kept], rows[kept], columns[kept], box[which], label[which])


def detection_loss(
    raw: Tensor, boxes: list[Tensor], labels: list[Tensor], anchors: Tensor, *, ignore_iou: float = 0.6
) -> Tensor:
    """5·(1 − CIoU) + objectness + class, each summed over the cells that count and divided by those that
    answer.

    Cells that do not answer but whose box overlaps a real one by more than `ignore_iou` are left out of the
    objectness, as in YOLOv3. The objectness aimed at is the overlap that the cell's box has reached.

    Shapes: raw ``(N, A·(5 + C), H, W)``; boxes and labels a list of N, on the CPU.
    """
    cells = split_raw(raw.float(), anchors)
    predicted = cell_boxes(cells, anchors)
    owners = assign(boxes, labels, anchors.cpu(), (cells.shape[2], cells.shape[3]))
    place = tuple(t.to(raw.device) for t in (owners.picture, owners.anchor, owners.row, owners.column))
    goal = owners.boxes.to(raw.device)
    count = max(1, len(goal))
    box_loss = complete_box_iou_loss(predicted[place], goal, reduction="none")
    target = torch.zeros(cells.shape[:4], device=raw.device)
    weight = torch.ones_like(target)
    with torch.no_grad():
        for index, real in enumerate(boxes):
            if len(real):
                overlap = box_iou(predicted[index].flatten(0, 2), real.to(raw.device)).amax(1)
                weight[index] = (overlap < ignore_iou).float().view_as(weight[index])
        weight[place] = 1.0
        reached = (1 - box_loss.detach()).clamp(0, 1)
        target[place] = 0.5 + 0.5 * reached
    objectness = F.binary_cross_entropy_with_logits(cells[..., 4], target, weight, reduction="sum")
    classes = F.one_hot(owners.labels.to(raw.device), cells.shape[-1] - 5).float()
    class_loss = F.binary_cross_entropy_with_logits(cells[place][:, 5:], classes, reduction="sum")
    return (5 * box_loss.sum() + objectness + class_loss) / count
