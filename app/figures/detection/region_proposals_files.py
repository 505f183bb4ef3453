"""What a person takes away from the region-proposals screen: regions as CSV, pictures, and PyTorch code."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from app.figures.detection.region_proposals_runs import proposed, regions_of
from app.figures.detection.region_proposals_settings import MOST_REGIONS, ProposalSettings
from app.pictures import CurrentPicture, as_photo
from cnn.detection.iou import iou
from cnn.detection.proposal_run import is_trained
from cnn.images.encode import png_bytes, to_hwc

File = tuple[str, str, Callable[[], bytes], str]
_YELLOW, _WHITE, _PINK = (255, 221, 51), (255, 255, 255), (184, 18, 123)


def listed(picture: CurrentPicture, settings: ProposalSettings) -> tuple[Tensor, list[object]]:
    """Return the boxes (R, 4) as they are drawn, likeliest first, and each one's strategy or score."""
    if settings.source == "network":
        found, _ = proposed(picture, settings.net)
        return found.boxes, [float(score) for score in found.scores]
    boxes, owners, _ = regions_of(picture, settings, settings.chosen)
    return boxes, [int(owner) for owner in owners]


def proposal_files(picture: CurrentPicture, settings: ProposalSettings) -> tuple[File, ...]:
    """Return (label id, file name, maker, MIME type) of each download."""
    return (
        ("csv", "regions.csv", lambda: _csv(picture, settings), "text/csv"),
        ("view", "regions.png", lambda: _view(picture, settings), "image/png"),
        ("picture", "picture.png", lambda: png_bytes(to_hwc(as_photo(picture))), "image/png"),
    )


def _targets(picture: CurrentPicture, settings: ProposalSettings) -> Tensor:
    height, width = (int(n) for n in picture.pixels.shape[1:])
    return torch.tensor(settings.boxes(height, width)).reshape(-1, 4)


def _csv(picture: CurrentPicture, settings: ProposalSettings) -> bytes:
    boxes, facts = listed(picture, settings)
    overlaps = iou(boxes, _targets(picture, settings))
    head = ["rank", "x1", "y1", "x2", "y2", "score" if settings.source == "network" else "strategy"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, *(f"iou_{place + 1}" for place in range(overlaps.shape[1]))])
    for rank, (box, fact, found) in enumerate(
        zip(boxes.tolist(), facts, overlaps.tolist(), strict=True), start=1
    ):
        writer.writerow([rank, *box, fact, *found])
    return text.getvalue().encode()


def _view(picture: CurrentPicture, settings: ProposalSettings) -> bytes:
    pixels = np.ascontiguousarray(np.atleast_3d(to_hwc(as_photo(picture))))
    pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels.copy()
    boxes, _ = listed(picture, settings)
    shown, targets = boxes[: settings.n], _targets(picture, settings)
    best = shown[iou(shown, targets).argmax(0)] if len(shown) and len(targets) else shown[:0]
    for group, colour, weight in ((shown.flip(0), _YELLOW, 1), (best, _WHITE, 2), (targets, _PINK, 3)):
        for x1, y1, x2, y2 in group.round().int().tolist():
            cv2.rectangle(pixels, (x1, y1), (max(x2 - 1, x1), max(y2 - 1, y1)), colour, weight)
    return png_bytes(pixels)


def pytorch_code(picture: CurrentPicture, settings: ProposalSettings) -> str:
    """Return code whose `boxes` are those of the screen, and for the generations whose `rows` are its counts."""
    lines = [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        "from cnn.detection.iou import iou",
        "",
        'pixels = np.atleast_3d(np.array(Image.open("picture.png")))  # from Downloads',
        "image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)  # uint8 (C, H, W)",
        "",
    ]
    network = settings.tab == "generations" or settings.source == "network"
    if network:
        lines += _detector(settings)
    if settings.tab == "regions" and settings.source == "network":
        lines += [
            "from cnn.detection.rpn import rpn_proposals",
            "",
            "boxes = rpn_proposals(model, image).boxes",
        ]
    else:
        lines += [
            "from cnn.detection.region_proposals import STRATEGIES, selective_search",
            "",
            f"strategies = [STRATEGIES[number] for number in {settings.chosen}]",
            f"found = selective_search(image, strategies=strategies, limit={MOST_REGIONS}, seed={settings.seed})",
            "boxes = found.boxes  # (R, 4), likeliest first",
        ]
    if settings.tab == "generations":
        return "\n".join([
            *lines,
            "from cnn.detection.generations import generations",
            "",
            "rows = generations(model, image, boxes, found.seconds, sample=6).rows",
            "for row in rows:",
            "    print(row.pipeline.name, row.passes, row.regions, row.multiply_adds, row.seconds)",
        ])  # fmt: skip
    targets = _targets(picture, settings).tolist()
    return "\n".join([
        *lines,
        f"targets = torch.tensor({targets}).reshape(-1, 4)  # the boxes that were drawn",
        f"best = iou(boxes[:{settings.n}], targets).amax(0)  # of the regions shown",
        "print(len(boxes), best.tolist())",
    ])  # fmt: skip


def _detector(settings: ProposalSettings) -> list[str]:
    if is_trained(settings.net):
        return [
            "from cnn.weights.pretrained import load_pretrained, pretrained_record",
            f"model = load_pretrained(pretrained_record({settings.net!r}))",
        ]
    return [
        "from torchvision.models import get_model",
        "torch.manual_seed(0)",
        f"model = get_model({settings.net!r}, weights=None, weights_backbone=None).eval()  # random weights",
    ]
