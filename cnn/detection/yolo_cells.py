"""The small YOLO's true output for a picture, cell by cell and anchor by anchor (curriculum O4, O7)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.detection.network import expect_picture
from cnn.detection.reading import Reading, reading_of
from cnn.hooks import evaluating, locked
from cnn.models.yolo import STRIDE, YOLO, cell_boxes, letterbox, split_raw
from cnn.weights.builtin import Builtin

__all__ = ["AnchorReading", "YoloOutput", "yolo_output"]


@dataclass(frozen=True, slots=True, eq=False)
class AnchorReading:
    """What one anchor of one cell says.

    Attributes:
        anchor: its number. anchor_size: (width, height) in pixels of the network's input.
        raw: (5 + C,) as the network gave it: t_x, t_y, t_w, t_h, t_obj and the class logits.
        p_object: σ(t_obj). p_classes: (C,) σ of the logits. scores: (C,) their products.
        centre: (b_x, b_y) in cells from the cell's corner, −0.5…1.5: σ(t)·2 − ½.
        size: (b_w, b_h) in pixels of the network's input: anchor·e^t.
        box: x1 y1 x2 y2 in pixels of the picture.
    """

    anchor: int
    anchor_size: tuple[float, float]
    raw: Tensor
    p_object: float
    p_classes: Tensor
    scores: Tensor
    centre: tuple[float, float]
    size: tuple[float, float]
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class YoloOutput:
    """The whole output.

    Attributes:
        raw: (A·(5 + C), R, K), the network's output tensor. anchors: (A, 2) in pixels of its input.
        boxes: (A, R, K, 4) in pixels of the picture. scores: (A, R, K, C).
        stride: pixels of the input a cell. scale: pixels of the input for each of the picture.
        extent: (rows, columns) of cells that the picture covers; the rest is padding.
        reading: the classes.
    """

    raw: Tensor
    anchors: Tensor
    boxes: Tensor
    scores: Tensor
    stride: int
    scale: float
    extent: tuple[float, float]
    reading: Reading

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        return int(self.raw.shape[1]), int(self.raw.shape[2])

    @property
    def depth(self) -> int:
        """Channels: A·(5 + C)."""
        return int(self.raw.shape[0])

    def cell(self, row: int, column: int) -> tuple[AnchorReading, ...]:
        """What each anchor of a cell says. Raises: IndexError outside the grid."""
        rows, columns = self.grid
        if not (0 <= row < rows and 0 <= column < columns):
            raise IndexError(f"wanted a cell inside {rows}×{columns}, got ({row}, {column})")
        values = split_raw(self.raw[None], self.anchors)[0, :, row, column]
        return tuple(self._anchor(index, values[index], row, column) for index in range(len(values)))

    def _anchor(self, index: int, raw: Tensor, row: int, column: int) -> AnchorReading:
        width, height = self.anchors[index].tolist()
        x, y = (raw[:2].sigmoid() * 2 - 0.5).tolist()
        grown = raw[2:4].clamp(-6, 4).exp() * self.anchors[index]
        x1, y1, x2, y2 = self.boxes[index, row, column].tolist()
        return AnchorReading(
            anchor=index,
            anchor_size=(width, height),
            raw=raw,
            p_object=float(raw[4].sigmoid()),
            p_classes=raw[5:].sigmoid(),
            scores=self.scores[index, row, column],
            centre=(x, y),
            size=(float(grown[0]), float(grown[1])),
            box=(x1, y1, x2, y2),
        )


def yolo_output(model: YOLO, image: Tensor, *, record: Builtin | None = None) -> YoloOutput:
    """The network's output tensor for a picture, decoded beside it.

    Args:
        model: used under its lock. image: uint8 or float in 0..1, (C, H, W) with 1 or 3 channels.
        record: of a YOLO that did not ship.

    Raises:
        DetectorError: no YOLO of ours. TypeError, ValueError: no picture.
    """
    reading = reading_of(model, record)
    if not reading.size:
        raise TypeError(f"wanted our YOLO, got {type(model).__name__}")
    with locked(model), evaluating(model), torch.inference_mode():
        picture = expect_picture(image).to(model.anchors.device)
        canvas, scale = letterbox(picture, reading.size)
        mean = torch.tensor(reading.mean, device=canvas.device).view(-1, 1, 1)
        std = torch.tensor(reading.std, device=canvas.device).view(-1, 1, 1)
        raw = model(((canvas - mean) / std)[None]).float()
        cells = split_raw(raw, model.anchors)
        boxes = cell_boxes(cells, model.anchors)[0] / scale
        scores = (cells[..., 4:5].sigmoid() * cells[..., 5:].sigmoid())[0]
    shrunk = image.shape[-1] / picture.shape[-1]
    return YoloOutput(
        raw=raw[0].cpu().clone(),
        anchors=model.anchors.float().cpu().clone(),
        boxes=(boxes * shrunk).cpu().clone(),
        scores=scores.cpu().clone(),
        stride=STRIDE,
        scale=scale / shrunk,
        extent=(picture.shape[1] * scale / STRIDE, picture.shape[2] * scale / STRIDE),
        reading=reading,
    )
