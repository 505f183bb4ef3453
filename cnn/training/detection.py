"""Detection: pictures with labelled boxes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.detection import MeanAveragePrecision
from torchvision.ops import batched_nms

from cnn.models.yolo import decode, letterbox
from cnn.training.augment import colour_jitter
from cnn.training.detection_loss import detection_loss
from cnn.training.packs import DataMissing, picture_tensor, read_files
from cnn.training.packs import decode as decode_picture
from cnn.weights.builtin import Builtin, normalised


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One picture uint8 (3, H, W) with boxes (K, 4) in its pixels and their labels (K,)."""

    picture: Tensor
    boxes: Tensor
    labels: Tensor


Scenes = list[Scene]
Batch = tuple[Tensor, list[Tensor], list[Tensor]]


@dataclass(frozen=True, slots=True)
class Detection:
    """The YOLO loss on scenes that are scaled, moved, mirrored, and put together four at a time."""

    record: Builtin
    folder: str
    canvas: tuple[int, int]
    mosaic: float = 0.0
    zoom: tuple[float, float] = (0.7, 1.4)
    flip_vertical: bool = False
    jitter: float = 0.3
    repeats: int = 1  # passes over the pictures that make one epoch

    def load(self, data: Path, split: str) -> Scenes:
        files = read_files(data, self.folder, split)
        listing = next((name for name in files if name.endswith("annotations.json")), None)
        if listing is None:
            raise DataMissing(f"wanted annotations.json in the split {split!r} of {self.folder}")
        by_end = {name.rsplit("/", 1)[-1]: source for name, source in files.items()}
        scenes = []
        for entry in json.loads(files[listing]):
            boxes = torch.tensor([o["bbox"] for o in entry["objects"]], dtype=torch.float32).view(-1, 4)
            labels = torch.tensor([self.record.categories.index(o["label"]) for o in entry["objects"]]).long()
            picture = picture_tensor(decode_picture(by_end[entry["file"].rsplit("/", 1)[-1]]))
            scenes.append(Scene(picture, boxes, labels))
        return scenes

    def steps(self, data: Scenes, batch_size: int) -> int:
        return max(1, len(data) * self.repeats // batch_size)

    def batches(
        self, data: Scenes, batch_size: int, progress: float, generator: torch.Generator
    ) -> Iterator[Batch]:
        mosaic = self.mosaic if progress < 0.85 else 0.0
        orders = [torch.randperm(len(data), generator=generator) for _ in range(self.repeats + 1)]
        order = torch.cat(orders)
        random = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
        for step in range(self.steps(data, batch_size)):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            scenes = [self._scene(data, int(i), mosaic, random) for i in chosen]
            x = torch.stack([s.picture for s in scenes]).float() / 255
            x = colour_jitter(x, self.jitter, generator=generator)
            yield normalised(x, self.record), [s.boxes for s in scenes], [s.labels for s in scenes]

    def _scene(self, data: Scenes, index: int, mosaic: float, random: np.random.Generator) -> Scene:
        height, width = self.canvas
        if random.random() >= mosaic:
            return self._placed(data[index], (0, 0, width, height), random)
        x, y = int(width * random.uniform(0.35, 0.65)), int(height * random.uniform(0.35, 0.65))
        areas = ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
        others = [index, *random.integers(len(data), size=3)]
        parts = [self._placed(data[i], area, random) for i, area in zip(others, areas, strict=True)]
        canvas = torch.zeros(3, height, width, dtype=torch.uint8)
        for part, (x1, y1, x2, y2) in zip(parts, areas, strict=True):
            canvas[:, y1:y2, x1:x2] = part.picture
        offsets = [torch.tensor([x1, y1, x1, y1]) for x1, y1, _, _ in areas]
        boxes = torch.cat([part.boxes + offset for part, offset in zip(parts, offsets, strict=True)])
        return Scene(canvas, boxes, torch.cat([part.labels for part in parts]))

    def _placed(self, scene: Scene, area: tuple[int, int, int, int], random: np.random.Generator) -> Scene:
        """The scene scaled, stretched, moved and mirrored into an area; boxes mostly outside are dropped."""
        width, height = area[2] - area[0], area[3] - area[1]
        _, own_height, own_width = scene.picture.shape
        fit = min(width / own_width, height / own_height) * random.uniform(*self.zoom)
        scale = np.array([fit * random.uniform(0.88, 1.14), fit])
        if random.random() < 0.5:
            scale[0] = -scale[0]
        if self.flip_vertical and random.random() < 0.5:
            scale[1] = -scale[1]
        room = np.array([width, height]) - np.abs(scale) * [own_width, own_height]
        centre = np.array([width, height]) / 2 + room / 2 * random.uniform(-1, 1, 2)
        shift = centre - scale * np.array([own_width, own_height]) / 2
        matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
        source = np.ascontiguousarray(scene.picture.permute(1, 2, 0).numpy())
        small = cv2.INTER_AREA if fit < 0.6 else cv2.INTER_LINEAR
        drawn = cv2.warpAffine(source, matrix, (width, height), flags=small, borderValue=(128, 128, 128))
        picture = torch.from_numpy(drawn).permute(2, 0, 1)
        boxes, kept = moved_boxes(scene.boxes, scale, shift, (width, height))
        return Scene(picture, boxes, scene.labels[kept])

    def loss(self, model: nn.Module, batch: Batch, device: torch.device) -> Tensor:
        raw = model(batch[0].to(device, memory_format=torch.channels_last))
        return detection_loss(raw, batch[1], batch[2], model.anchors)  # type: ignore[arg-type]

    @torch.inference_mode()
    def scores(self, model: nn.Module, data: Scenes, device: torch.device) -> dict[str, float]:
        """AP at IoU 0.5, the mean of the classes, as pycocotools counts it; and each class's."""
        metric = MeanAveragePrecision(iou_type="bbox", iou_thresholds=[0.5], class_metrics=True)
        metric.warn_on_many_detections = False
        for scene in data:
            found = self.found(model, scene.picture, device)
            metric.update([found], [{"boxes": scene.boxes, "labels": scene.labels}])
        result = metric.compute()
        each = zip(
            result["classes"].view(-1).tolist(), result["map_per_class"].view(-1).tolist(), strict=True
        )
        names = self.record.categories
        return {"AP@0.5": float(result["map_50"])} | {f"AP@0.5 {names[int(i)]}": value for i, value in each}

    def found(self, model: nn.Module, picture: Tensor, device: torch.device) -> dict[str, Tensor]:
        """Boxes in the picture's pixels, scores and labels, at most 100 after per-class NMS at IoU 0.5."""
        canvas, scale = letterbox(picture, self.record.input_size[0])
        raw = model(normalised(canvas[None], self.record).to(device)).float()
        boxes, scores = (t[0].cpu() for t in decode(raw, model.anchors))  # type: ignore[arg-type]
        best, labels = (scores > 0.01).nonzero(as_tuple=True)
        values = scores[best, labels]
        kept = batched_nms(boxes[best], values, labels, 0.5)[:100]
        height, width = picture.shape[1:]
        limits = torch.tensor([width, height, width, height], dtype=torch.float32)
        inside = torch.minimum((boxes[best[kept]] / scale).clamp(min=0), limits)
        return {"boxes": inside, "scores": values[kept], "labels": labels[kept]}


def moved_boxes(
    boxes: Tensor, scale: np.ndarray, shift: np.ndarray, size: tuple[int, int], *, visible: float = 0.35
) -> tuple[Tensor, Tensor]:
    """Boxes scaled (a negative scale mirrors), moved and cut at (width, height); and which of them stay.

    A box stays where at least `visible` of its area and 4 pixels of each side are inside.
    """
    factor = torch.tensor([*scale, *scale], dtype=torch.float32)
    offset = torch.tensor([*shift, *shift], dtype=torch.float32)
    moved = boxes * factor + offset
    moved = torch.cat(
        [torch.minimum(moved[:, :2], moved[:, 2:]), torch.maximum(moved[:, :2], moved[:, 2:])], 1
    )
    limits = torch.tensor([size[0], size[1], size[0], size[1]], dtype=torch.float32)
    cut = torch.minimum(moved.clamp(min=0), limits)
    sides, whole = cut[:, 2:] - cut[:, :2], moved[:, 2:] - moved[:, :2]
    kept = (sides.prod(1) > visible * whole.prod(1)) & (sides.min(1).values > 4)
    return cut[kept], kept
