"""The YOLO grid: which cell and which anchor answer for an object, and what they have to say (curriculum O4,
O7)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.checks import expect_integer
from cnn.detection.boxes import expect_boxes, expect_labels
from cnn.detection.targets import Target, TargetLoss, entry_names, squared_error
from cnn.models.anchors import size_iou

__all__ = ["Assignment", "GridTarget", "grid_boxes", "grid_loss", "grid_target", "output_depth"]

MOST_CELLS = 10_000


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where one object went.

    Attributes:
        object: its number in the order given. label: its class.
        row, column: the cell that holds its centre. anchor: the one whose shape fits best.
        anchor_iou: IoU of its shape with each anchor's; (1.0,) without anchors.
        b_x, b_y: its centre, 0..1 of the cell. b_h, b_w: its size in cells, which may exceed 1.
        taken_by: None, or the earlier object that answers from this cell and anchor: a collision. This
        object has
            no place in the target then.
    """

    object: int
    label: int
    row: int
    column: int
    anchor: int
    anchor_iou: tuple[float, ...]
    b_x: float
    b_y: float
    b_h: float
    b_w: float
    taken_by: int | None


@dataclass(frozen=True, slots=True, eq=False)
class GridTarget:
    """The target tensor of a picture.

    Attributes:
        values: (rows, columns, n, 5 + C) float32; along the last axis p_c, c1…, b_x, b_y, b_h, b_w.
        cares: bool, the same shape; where p_c = 0 only p_c counts.
        names: of the last axis. assignments: one for each object, in the order given.
        anchors: (n, 2) width and height in pixels, None without anchors.
    """

    values: Tensor
    cares: Tensor
    names: tuple[str, ...]
    assignments: tuple[Assignment, ...]
    anchors: Tensor | None

    @property
    def depth(self) -> int:
        """Channels of the network's output: n·(5 + C)."""
        return self.values.shape[2] * self.values.shape[3]

    @property
    def collisions(self) -> tuple[Assignment, ...]:
        """The objects that found their cell and anchor taken."""
        return tuple(a for a in self.assignments if a.taken_by is not None)


def output_depth(anchors: int, num_classes: int) -> int:
    """n·(5 + classes)."""
    return expect_integer(anchors, "anchors", minimum=1) * (
        5 + expect_integer(num_classes, "num_classes", minimum=1)
    )


def grid_target(
    boxes: Tensor,
    labels: Tensor,
    grid: tuple[int, int],
    image_size: tuple[int, int],
    num_classes: int,
    anchors: Tensor | None = None,
) -> GridTarget:
    """The target of a picture with any number of objects.

    Each object goes to the cell that holds its centre and there to the anchor whose shape has the highest
    IoU with
    its own (of equal ones the first). Of two that claim the same place the first keeps it.

    Args:
        boxes: (N, 4), x1 y1 x2 y2 in pixels, inside the picture. labels: (N,) in 0…C − 1.
        grid: (rows, columns), at most 10,000 cells. image_size: (height, width) in pixels.
        anchors: (n, 2), width and height in pixels; None for one object a cell.

    Raises:
        TypeError, ValueError: a box outside the picture or without area, a label or size that does not fit.
    """
    rows, columns = (expect_integer(side, "grid", minimum=1) for side in grid)
    height, width = (expect_integer(side, "image_size", minimum=1) for side in image_size)
    if rows * columns > MOST_CELLS:
        raise ValueError(f"wanted at most {MOST_CELLS} cells, got {rows}×{columns}")
    found = expect_boxes(boxes)
    classes = expect_labels(labels, len(found))
    _expect_inside(found, classes, (height, width), num_classes)
    shapes = _expect_anchors(anchors)
    values = torch.zeros(rows, columns, len(shapes) if shapes is not None else 1, 5 + num_classes)
    cares = torch.zeros(values.shape, dtype=torch.bool)
    cares[..., 0] = True
    assignments: list[Assignment] = []
    owners: dict[tuple[int, int, int], int] = {}
    for index, (box, label) in enumerate(zip(found.double(), classes.tolist(), strict=True)):
        place = _place(index, label, box, (height / rows, width / columns), (rows, columns), shapes, owners)
        assignments.append(place)
        if place.taken_by is None:
            owners[place.row, place.column, place.anchor] = index
            entry = values[place.row, place.column, place.anchor]
            entry[0] = entry[1 + label] = 1.0
            entry[1 + num_classes :] = torch.tensor([place.b_x, place.b_y, place.b_h, place.b_w])
            cares[place.row, place.column, place.anchor] = True
    return GridTarget(values, cares, entry_names(num_classes), tuple(assignments), shapes)


def _place(
    index: int,
    label: int,
    box: Tensor,
    cell: tuple[float, float],
    grid: tuple[int, int],
    anchors: Tensor | None,
    owners: dict[tuple[int, int, int], int],
) -> Assignment:
    x1, y1, x2, y2 = box.tolist()
    x, y = (x1 + x2) / 2 / cell[1], (y1 + y2) / 2 / cell[0]
    row, column = (
        min(int(y), grid[0] - 1),
        min(int(x), grid[1] - 1),
    )  # a centre on the far border is the last cell's
    overlaps = [1.0]
    if anchors is not None:
        overlaps = size_iou(torch.tensor([[x2 - x1, y2 - y1]]), anchors)[0].tolist()
    anchor = overlaps.index(max(overlaps))
    return Assignment(
        object=index,
        label=label,
        row=row,
        column=column,
        anchor=anchor,
        anchor_iou=tuple(overlaps),
        b_x=x - column,
        b_y=y - row,
        b_h=(y2 - y1) / cell[0],
        b_w=(x2 - x1) / cell[1],
        taken_by=owners.get((row, column, anchor)),
    )


def grid_boxes(values: Tensor, image_size: tuple[int, int]) -> Tensor:
    """The boxes that a target or a prediction (rows, columns, n, 5 + C) stands for, in pixels.

    Returns: (rows, columns, n, 4), x1 y1 x2 y2, also where p_c is 0. Raises: ValueError.
    """
    if values.ndim != 4 or values.shape[-1] < 6:
        raise ValueError(f"wanted values of shape (rows, columns, n, 5 + C), got {tuple(values.shape)}")
    rows, columns = values.shape[:2]
    cell_h, cell_w = image_size[0] / rows, image_size[1] / columns
    b_x, b_y, b_h, b_w = values[..., -4:].unbind(-1)
    x = (torch.arange(columns).view(1, columns, 1) + b_x) * cell_w
    y = (torch.arange(rows).view(rows, 1, 1) + b_y) * cell_h
    half_w, half_h = b_w * cell_w / 2, b_h * cell_h / 2
    return torch.stack([x - half_w, y - half_h, x + half_w, y + half_h], -1)


def grid_loss(predicted: Tensor, target: GridTarget) -> TargetLoss:
    """Squared error of a prediction of the target's shape; where p_c = 0 only p_c counts. Raises:
    ValueError."""
    return squared_error(predicted, Target(target.values, target.cares, target.names))


def _expect_inside(boxes: Tensor, labels: Tensor, size: tuple[int, int], num_classes: int) -> None:
    expect_integer(num_classes, "num_classes", minimum=1)
    limit = torch.tensor([size[1], size[0]]).to(boxes)
    fits = (boxes[:, :2] >= 0) & (boxes[:, 2:] <= limit) & (boxes[:, :2] < boxes[:, 2:])
    wrong = ((~fits.all(1)) | (labels < 0) | (labels >= num_classes)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"wanted boxes with an area inside {size[1]}×{size[0]} and labels in 0..{num_classes - 1}, "
            f"got {boxes[first].tolist()} with label {int(labels[first])}"
        )


def _expect_anchors(anchors: Tensor | None) -> Tensor | None:
    if anchors is None:
        return None
    if anchors.ndim != 2 or anchors.shape[1] != 2 or not len(anchors):
        raise ValueError(f"wanted anchors of shape (n, 2), width and height, got {tuple(anchors.shape)}")
    if not bool((anchors.isfinite() & (anchors > 0)).all()):
        raise ValueError(f"wanted anchors above 0, got {anchors.tolist()}")
    return anchors.float()
