"""PyTorch code that gives the YOLO grid screen's numbers in a fresh interpreter, with the downloaded picture beside it."""

from __future__ import annotations

from app.figures.detection.yolo_grid import objects_of, pinned_cell, points_for, target_of
from app.figures.detection.yolo_picture import ShownPicture
from cnn.detection.grid_settings import CATEGORIES, GridSettings, anchor_shapes, answer_numbers, guessed


def pytorch_code(shown: ShownPicture, settings: GridSettings) -> str:
    """Return code for the view: `raw` and `cells` of the network, `target` and `loss` of the objects, or `y` of the points."""
    if settings.view == "output":
        return "\n".join(_output(shown, settings))
    if settings.view == "target":
        return "\n".join(_target(shown, settings))
    return "\n".join(_landmarks(shown, settings))


def _output(shown: ShownPicture, settings: GridSettings) -> list[str]:
    reading, rows, columns = shown.output.reading, *shown.output.grid
    row, column = (
        min(max(at, 0), most - 1) for at, most in ((settings.row, rows), (settings.column, columns))
    )
    return [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        "",
        "from cnn.models.yolo import cell_boxes, letterbox, split_raw",
        "from cnn.weights.builtin import load_builtin",
        "",
        'pixels = np.array(Image.open("picture.png").convert("RGB"))  # from Downloads',
        "picture = torch.from_numpy(pixels).permute(2, 0, 1)  # uint8 (3, H, W)",
        f"model = load_builtin({shown.model!r})",
        f"names = {list(reading.categories)}",
        f"canvas, scale = letterbox(picture, {reading.size})",
        "with torch.inference_mode():",
        f"    raw = model(((canvas - {reading.mean[0]}) / {reading.std[0]})[None])  # (1, A·(5 + C), rows, columns)",
        "cells = split_raw(raw, model.anchors)[0]  # (A, rows, columns, 5 + C): t_x, t_y, t_w, t_h, t_obj, classes",
        "boxes = cell_boxes(cells[None], model.anchors)[0] / scale  # (A, rows, columns, 4), pixels of the picture",
        "scores = cells[..., 4:5].sigmoid() * cells[..., 5:].sigmoid()  # (A, rows, columns, C)",
        "",
        f"row, column = {row}, {column}",
        "for anchor, (width, height) in enumerate(model.anchors.tolist()):",
        "    t = cells[anchor, row, column]",
        "    b_x, b_y = (t[:2].sigmoid() * 2 - 0.5).tolist()  # cells, from the cell's corner",
        "    b_w, b_h = (t[2:4].clamp(-6, 4).exp() * model.anchors[anchor]).tolist()  # pixels of the input",
        "    print(anchor, t.tolist(), b_x, b_y, b_w, b_h, scores[anchor, row, column].tolist())",
    ]


def _target(shown: ShownPicture, settings: GridSettings) -> list[str]:
    objects, shapes = objects_of(settings, shown.size), anchor_shapes(settings.anchors, shown.size)
    target = target_of(settings, shown.size)
    numbers = answer_numbers(settings.answer, 5 + len(CATEGORIES))
    lines = [
        "import torch",
        "",
        "from cnn.detection.grid import grid_loss, grid_target",
        "",
        f"names = {list(CATEGORIES)}",
        "boxes = torch.tensor([",
        *(f"    {list(box.corners)}," for box in objects),
        "]).reshape(-1, 4)  # x1, y1, x2, y2 in pixels of the picture",
        f"labels = torch.tensor({[box.label for box in objects]}, dtype=torch.int64)",
        f"anchors = torch.tensor({[list(shape) for shape in shapes]})  # width, height"
        if shapes
        else "anchors = None",
        f"target = grid_target(boxes, labels, ({settings.rows}, {settings.columns}), {shown.size}, {len(CATEGORIES)}, anchors)",
        "for place in target.assignments:",
        "    print(names[place.label], place.row, place.column, place.anchor, place.b_x, place.b_y, place.b_h, place.b_w)",
        "",
        f"answer = torch.tensor({list(guessed(settings.guess, len(CATEGORIES)))})",
        "answer = answer.expand(target.values.shape).clone()  # the imagined network's, the same everywhere",
    ]
    if numbers:
        lines.append(f"answer[{pinned_cell(settings, target)}] = torch.tensor({list(numbers)})")
    return [
        *lines,
        "loss = grid_loss(answer, target)  # don't-cares count nothing",
        "print(target.values.shape, target.depth, loss.total)",
    ]


def _landmarks(shown: ShownPicture, settings: GridSettings) -> list[str]:
    points = [[round(value, 3) for value in point] for point in points_for(shown, settings)]
    given = "points" if settings.face else "None"
    return [
        "import torch",
        "",
        "from cnn.detection.targets import landmark_target",
        "",
        "points = torch.tensor([",
        *(f"    {point}," for point in points),
        "])  # (64, 2), x and y in pixels",
        f"target = landmark_target({given}, {shown.size})",
        "y = target.values  # (129,): face, l_1x, l_1y, …",
        "print(len(y), int(target.cares.sum()), y[:5])",
    ]
