"""PyTorch code that gives the boxes screen's result in a fresh interpreter, with the downloaded picture beside it."""

from __future__ import annotations

from app.figures.detection.boxes import drawing
from app.figures.detection.yolo_picture import ShownPicture
from cnn.detection.box_settings import BoxSettings

_PICTURE = (
    'pixels = np.array(Image.open("picture.png").convert("RGB"))  # from Downloads',
    "picture = torch.from_numpy(pixels).permute(2, 0, 1)  # uint8 (3, H, W)",
)


def pytorch_code(shown: ShownPicture, settings: BoxSettings) -> str:
    """Return code whose `kept` are the boxes that stay, best first, `boxes[kept]` their corners."""
    made = _detector(shown) if settings.source == "detector" else _drawn(shown, settings)
    bound = (
        f"just below {settings.iou:g}: an IoU of exactly {settings.iou:g} goes too"
        if settings.inclusive
        else "above it"
    )
    classes = "labels[index]" if settings.per_class else "torch.zeros_like(index)"
    lines = [
        *made,
        f"index = (scores > {settings.score!r}).nonzero()[:, 0]  # p_c ≤ {settings.score:g} is discarded",
        f"threshold = {settings.exact_threshold!r}  # {bound}",
        f"kept = index[batched_nms(boxes[index], scores[index], {classes}, threshold)]",
        "for i in kept.tolist():",
        "    print(names[labels[i]], scores[i].item(), boxes[i].tolist())",
    ]
    if settings.soft != "none":
        labels = "labels[index]" if settings.per_class else "None"
        lines += [
            "",
            "from cnn.detection.soft_nms import soft_nms_steps",
            "",
            f"steps = soft_nms_steps(boxes[index], scores[index], {labels}, method={settings.soft!r},",
            f"                       sigma={settings.sigma!r}, iou_threshold={settings.iou!r})",
            "soft = {int(index[step.kept]): step.score for step in steps}  # box: its score at the end",
        ]
    return "\n".join(lines)


def _detector(shown: ShownPicture) -> list[str]:
    reading = shown.output.reading
    return [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        "from torchvision.ops import batched_nms",
        "",
        "from cnn.models.yolo import decode, letterbox",
        "from cnn.weights.builtin import load_builtin",
        "",
        *_PICTURE,
        f"model = load_builtin({shown.model!r})",
        f"names = {list(reading.categories)}",
        f"canvas, scale = letterbox(picture, {reading.size})",
        "with torch.inference_mode():",
        f"    raw = model(((canvas - {reading.mean[0]}) / {reading.std[0]})[None])  # (1, A·(5 + C), rows, columns)",
        "    places, ratings = decode(raw, model.anchors)  # σ(t_obj)·σ(class) for every anchor of every cell",
        f"boxes = (places[0] / scale).repeat_interleave({len(reading.categories)}, 0)  # (M, 4), pixels of the picture",
        "scores = ratings[0].flatten()  # (M,)",
        f"labels = torch.arange({len(reading.categories)}).repeat(len(places[0]))  # (M,)",
        "",
    ]


def _drawn(shown: ShownPicture, settings: BoxSettings) -> list[str]:
    boxes = drawing(shown, settings)
    return [
        "import torch",
        "from torchvision.ops import batched_nms, box_iou",
        "",
        f"names = {list(shown.categories)}",
        "boxes = torch.tensor([",
        *(f"    {list(box.corners)}," for box in boxes),
        "]).reshape(-1, 4)  # x1, y1, x2, y2 in pixels of the picture",
        f"scores = torch.tensor({[box.score for box in boxes]})",
        f"labels = torch.tensor({[box.label for box in boxes]}, dtype=torch.int64)",
        "print(box_iou(boxes, boxes))",
        "",
    ]
