"""What the segmentation screen gives away: pictures, classes, probabilities, areas, outlines; and the code for them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import numpy as np

from app.figures.segmentation.segment_network import SegmentSettings, segmentation_of, shown_picture
from app.figures.segmentation.unet_files import indexed_palette
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture
from cnn.images.encode import palette_png, png_bytes, to_hwc
from cnn.segmentation.colours import class_colours, overlaid
from cnn.segmentation.regions import areas, outlines

SegmentFile = tuple[str, str, Callable[[], bytes], str]


def segment_files(
    picture: CurrentPicture, network: OpenNetwork, settings: SegmentSettings
) -> list[SegmentFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    png, octets = "image/png", "application/octet-stream"
    return [
        ("picture", "picture.png", lambda: png_bytes(to_hwc(shown_picture(picture))), png),
        ("overlay", "segmented.png", lambda: _overlay(picture, network, settings), png),
        ("labels", "classes.png", lambda: _indexed(picture, network), png),
        ("npz", "segmentation.npz", lambda: _npz(picture, network), octets),
        ("csv", "areas.csv", lambda: _areas(picture, network), "text/csv"),
        ("outlines", "outlines.json", lambda: _outlines(picture, network), "application/json"),
    ]


def _overlay(picture: CurrentPicture, network: OpenNetwork, settings: SegmentSettings) -> bytes:
    found = segmentation_of(picture, network)
    drawn = overlaid(
        shown_picture(picture), found.labels, class_colours(found.categories), settings.opacity / 100,
        contours=settings.view == "contours",
    )  # fmt: skip
    return png_bytes(to_hwc(drawn))


def _indexed(picture: CurrentPicture, network: OpenNetwork) -> bytes:
    found = segmentation_of(picture, network)
    return palette_png(found.labels.numpy(), indexed_palette(found.categories))


def _npz(picture: CurrentPicture, network: OpenNetwork) -> bytes:
    found = segmentation_of(picture, network)
    file = io.BytesIO()
    np.savez_compressed(
        file, labels=found.labels.numpy(), probabilities=found.probabilities.numpy(), categories=np.array(found.categories)
    )  # fmt: skip
    return file.getvalue()


def _areas(picture: CurrentPicture, network: OpenNetwork) -> bytes:
    found = segmentation_of(picture, network)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["label", "class", "pixels", "share"])
    for area in areas(found.labels, found.categories):
        writer.writerow([area.label, area.name, area.pixels, f"{area.share:.6f}"])
    return file.getvalue().encode()


def _outlines(picture: CurrentPicture, network: OpenNetwork) -> bytes:
    found = segmentation_of(picture, network)
    listed = [
        {"class": found.categories[o.label], "area": o.area, "points": o.points.tolist()}
        for o in outlines(found.labels, smallest=4)
    ]
    height, width = found.labels.shape
    return json.dumps({"width": width, "height": height, "outlines": listed}).encode()


def pytorch_code(network: OpenNetwork) -> str:
    """Return code whose `found` has the `labels` (H, W) and `probabilities` (K, H, W) of the screen."""
    record = ""
    lines = ["import numpy as np", "import torch", "from PIL import Image"]
    if network.record is not None:
        lines.append("from cnn.weights.builtin import builtin_record")
        record = f", record=builtin_record({network.record.name!r})"
    return "\n".join(
        [
            *lines,
            "from cnn.segmentation.regions import areas",
            "from cnn.segmentation.segment import segment",
            *network.code,
            "",
            'pixels = np.array(Image.open("picture.png"))  # from Downloads',
            "image = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1)  # uint8 (C, H, W)",
            f"found = segment(model, image{record})",
            "print(found.labels.shape, found.probabilities.shape)  # (H, W) and (classes, H, W)",
            "for area in areas(found.labels, found.categories):",
            '    print(f"{area.name:16} {100 * area.share:5.1f} %")',
        ]
    )
