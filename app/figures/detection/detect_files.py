"""The detection screen's files, and the PyTorch code that finds the same boxes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from app.figures.detection.detect import raw_of
from app.figures.detection.detect_settings import DetectSettings
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture, as_photo, picture_of
from app.video_runs import VideoRun
from cnn.detection.detect import Detections, detections
from cnn.detection.drawing import drawn
from cnn.detection.reading import reading_of
from cnn.detection.video import coco_json, detections_csv
from cnn.detection.video_run import frames_found, plain_thresholds
from cnn.images.encode import png_bytes, to_hwc
from cnn.images.gallery import PICTURE_IDS
from cnn.models.yolo import YOLO

File = tuple[str, str, Callable[[], bytes], str]


def found_in(network: OpenNetwork, picture: CurrentPicture, settings: DetectSettings) -> Detections:
    """Return what is found at the page's thresholds, as the browser shows it."""
    raw = raw_of(network, picture)
    return detections(raw, **plain_thresholds(settings.to_browser(), raw.reading.categories))


def detect_files(
    network: OpenNetwork,
    picture: CurrentPicture,
    settings: DetectSettings,
    run: VideoRun | None,
    pictures: Sequence[Mapping[str, str]] = (),
) -> tuple[File, ...]:
    """Return (label's key, file name, maker, MIME type) of every download: of the video where one was worked off and
    is looked at, else of the picture, and with `pictures`, the cards of several, of them all."""
    if settings.source == "video" and run is not None:
        parameters = settings.to_browser()

        def records() -> list[tuple[int, Detections]]:
            return list(frames_found(run.frames.frames(), parameters))

        return _tables("", "detections", records)
    name = picture.key if picture.key in PICTURE_IDS else "picture"

    def one() -> list[tuple[str, Detections]]:
        return [(name, found_in(network, picture, settings))]

    def png() -> bytes:
        return png_bytes(to_hwc(drawn(as_photo(picture), one()[0][1], labels=settings.tags)))

    own = (("png", f"{name}-detections.png", png, "image/png"), *_tables("", f"{name}-detections", one))

    def several() -> list[tuple[str, Detections]]:
        keys = [card["key"] for card in pictures]
        names = [key if key in PICTURE_IDS else f"picture {place}" for place, key in enumerate(keys, start=1)]
        return [(n, found_in(network, picture_of(k), settings)) for n, k in zip(names, keys, strict=True)]

    return (*own, *_tables("_all", "detections", several)) if pictures else own


def _tables(
    kind: str, name: str, records: Callable[[], Sequence[tuple[str | int, Detections]]]
) -> tuple[File, ...]:
    return (
        (f"csv{kind}", f"{name}.csv", lambda: detections_csv(records()).encode(), "text/csv"),
        (
            f"coco{kind}",
            f"{name}.json",
            lambda: json.dumps(coco_json(records())).encode(),
            "application/json",
        ),
    )


def pytorch_code(network: OpenNetwork, picture: CurrentPicture, settings: DetectSettings) -> str:
    """Return code that prints the boxes on screen: the network, the threshold, the suppression."""
    image = (
        f'from cnn.images.gallery import picture\n\nimage = picture("{picture.key}")'
        if picture.key in PICTURE_IDS
        else 'from cnn.images import load_image\n\nimage = load_image("picture.jpg")'
    )
    hidden = f"shown = ~torch.isin(labels, torch.tensor({list(settings.hide)}))\n" if settings.hide else ""
    chosen = "boxes, scores, labels = boxes[shown], scores[shown], labels[shown]\n" if hidden else ""
    body = (_yolo_body if isinstance(network.model, YOLO) else _torchvision_body)(network, settings)
    lines = (
        "import torch",
        "",
        image,
        "",
        *network.code,
        "",
        body + hidden + chosen + _ending(network, settings),
    )
    return "\n".join(lines)


def _yolo_body(network: OpenNetwork, settings: DetectSettings) -> str:
    reading = reading_of(network.model, network.record)
    return (
        "from cnn.models.yolo import decode, letterbox\n\n"
        f"canvas, scale = letterbox(image.expand(3, -1, -1) / 255, {reading.size})  # longer side to {reading.size} px\n"
        f"mean, std = torch.tensor({reading.mean}).view(3, 1, 1), torch.tensor({reading.std}).view(3, 1, 1)\n"
        "with torch.inference_mode():\n"
        "    output = model(((canvas - mean) / std)[None])  # every cell, every anchor: t_x t_y t_w t_h, objectness, classes\n"
        "boxes, scores = decode(output, model.anchors)\n"
        f"place, labels = (scores[0] > {settings.score:g}).nonzero(as_tuple=True)\n"
        "boxes, scores = boxes[0][place], scores[0][place, labels]\n"
    )


def _torchvision_body(network: OpenNetwork, settings: DetectSettings) -> str:
    overlap = f", iou_threshold={settings.iou:g}" if settings.iou else ""
    return (
        "from cnn.detection.detect import detect\n\n"
        "# the boxes of model([image / 255])[0]; suppression apart, so that its threshold can be chosen\n"
        f"found = detect(model, image, score_threshold={settings.score:g}{overlap})\n"
        "boxes, scores, labels, scale = found.boxes, found.scores, found.labels, 1.0\n"
    )


def _ending(network: OpenNetwork, settings: DetectSettings) -> str:
    reading = reading_of(network.model, network.record)
    names = f"names = {list(reading.categories)}\n"
    if isinstance(network.model, YOLO):
        overlap = settings.iou or 0.5
        names += (
            "from torchvision.ops import batched_nms\n\n"
            f"keep = batched_nms(boxes, scores, labels, {overlap:g})[:100]\n"
            "boxes, scores, labels = boxes[keep] / scale, scores[keep], labels[keep]\n"
            "height, width = image.shape[1:]\n"
            "boxes = torch.minimum(boxes.clamp(min=0), torch.tensor([width, height, width, height]))\n"
        )
    return names + (
        "for box, score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist()):\n"
        '    print(f"{names[label]:12s} {score:.4f}  " + "  ".join(f"{value:.1f}" for value in box))\n'
    )
