"""Segmentation: pictures with one class for each pixel."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix

from cnn.training.augment import colour_jitter
from cnn.training.packs import DataMissing, decode, picture_tensor, read_files
from cnn.weights.builtin import Builtin, normalised

Masked = tuple[Tensor, Tensor]  # uint8 (N, C, H, W), uint8 (N, H, W)
IGNORED = 255


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Weighted cross-entropy and Dice on turned, scaled, bent and mirrored windows.

    Until the share `half_size_until` of the training is done, windows have half the side and pictures half
    the scale. `void` is the class index that is not scored; `headline` is the score printed first.
    """

    record: Builtin
    folder: str
    crop: tuple[int, int]
    zoom: tuple[float, float]
    degrees: float
    headline: str
    bend: float = 0.0
    flip_vertical: bool = False
    jitter: float = 0.2
    void: int = IGNORED
    weights: tuple[float, ...] = ()
    repeats: int = 1  # passes over the pictures that make one epoch
    half_size_until: float = 0.0
    dice: float = 1.0  # weight of the Dice loss, which favours rare classes

    def load(self, data: Path, split: str) -> Masked:
        files = read_files(data, self.folder, split)
        mode = "L" if self.record.channels == 1 else "RGB"
        masks = {
            name.rsplit("/", 1)[-1].rsplit(".", 1)[0]: source
            for name, source in files.items()
            if "masks/" in name
        }
        names = [name for name in files if "images/" in name]
        missing = [n for n in names if n.rsplit("/", 1)[-1].rsplit(".", 1)[0] not in masks]
        if missing or not names:
            raise DataMissing(
                f"wanted images/ and masks/ in {self.folder}, got none or no mask for {missing[:3]}"
            )
        pictures = [picture_tensor(decode(files[name], mode)) for name in names]
        targets = [
            picture_tensor(decode(masks[n.rsplit("/", 1)[-1].rsplit(".", 1)[0]], "L"))[0] for n in names
        ]
        return torch.stack(pictures), torch.stack([self._classes(target) for target in targets])

    def _classes(self, mask: Tensor) -> Tensor:
        if len(self.record.categories) == 2:
            return (mask > 127).byte() if mask.max() > 1 else mask
        return torch.where(mask == self.void, IGNORED, mask).byte()

    def steps(self, data: Masked, batch_size: int) -> int:
        return max(1, len(data[0]) * self.repeats // batch_size)

    def batches(
        self, data: Masked, batch_size: int, progress: float, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        images, masks = data
        order = torch.cat([torch.randperm(len(images), generator=generator) for _ in range(self.repeats)])
        shrink = 2 if progress < self.half_size_until else 1
        for step in range(self.steps(data, batch_size)):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            grid = self._grid(len(chosen), images.shape[-2:], shrink, generator)
            x = F.grid_sample(
                images[chosen].float() / 255, grid, padding_mode="reflection", align_corners=False
            )
            # less IGNORED, so that what is outside, zero, becomes the ignored class
            inverted = masks[chosen, None].float() - IGNORED
            y = F.grid_sample(inverted, grid, mode="nearest", align_corners=False)[:, 0] + IGNORED
            yield (
                normalised(colour_jitter(x, self.jitter, generator=generator), self.record),
                y.round().long(),
            )

    def _grid(self, n: int, size: torch.Size, shrink: int, generator: torch.Generator) -> Tensor:
        """Sampling positions in −1..1 of a random window of each picture ``(N, h, w, 2)``."""

        def draw(low: float, high: float) -> Tensor:
            return torch.empty(n).uniform_(low, high, generator=generator)

        height, width = self.crop
        zoom = draw(math.log(self.zoom[0]), math.log(self.zoom[1])).exp()
        angle = draw(-self.degrees, self.degrees) * math.pi / 180
        extent_x, extent_y = width / size[1] / zoom, height / size[0] / zoom
        shift_x = (1 - extent_x).clamp(min=0) * draw(-1, 1)
        shift_y = (1 - extent_y).clamp(min=0) * draw(-1, 1)
        mirror_x = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
        mirror_y = torch.where(draw(0, 1) < 0.5, -1.0, 1.0) if self.flip_vertical else torch.ones(n)
        aspect = size[0] / size[1]
        rows = [
            torch.stack([mirror_x * extent_x * angle.cos(), -extent_y * angle.sin() * aspect, shift_x], 1),
            torch.stack(
                [mirror_x * extent_x * angle.sin() / aspect, mirror_y * extent_y * angle.cos(), shift_y], 1
            ),
        ]
        height, width = height // shrink, width // shrink
        grid = F.affine_grid(torch.stack(rows, 1), [n, 1, height, width], align_corners=False)
        if self.bend:
            coarse = torch.empty(n, 2, 6, 6).uniform_(-self.bend, self.bend, generator=generator)
            bent = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
            grid = grid + bent.permute(0, 2, 3, 1)
        return grid

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor], device: torch.device) -> Tensor:
        x, y = batch[0].to(device, memory_format=torch.channels_last), batch[1].to(device)
        logits = model(x).float()
        weight = torch.tensor(self.weights, device=device) if self.weights else None
        cross_entropy = F.cross_entropy(logits, y, weight, ignore_index=IGNORED, label_smoothing=0.02)
        return cross_entropy + self.dice * dice_loss(logits, y) if self.dice else cross_entropy

    @torch.inference_mode()
    def scores(self, model: nn.Module, data: Masked, device: torch.device) -> dict[str, float]:
        """Pixel accuracy and mean IoU over the classes that occur, over all pixels of all pictures."""
        classes = len(self.record.categories)
        counts = MulticlassConfusionMatrix(classes, ignore_index=IGNORED).to(device)
        for image, mask in zip(*data, strict=True):
            logits = model(normalised(image[None].float() / 255, self.record).to(device))
            counts.update(logits.float(), mask[None].long().to(device))
        matrix = counts.compute().double().cpu()
        right, union = matrix.diag(), matrix.sum(0) + matrix.sum(1) - matrix.diag()
        values = {
            "pixel accuracy": float(right.sum() / matrix.sum()),
            "mean IoU": float((right / union)[union > 0].mean()),
        }
        each = {
            f"IoU {c}": float(r / u)
            for c, r, u in zip(self.record.categories, right, union, strict=True)
            if u > 0
        }
        return {self.headline: values.pop(self.headline)} | values | each


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 − the mean Dice of the classes that occur: logits ``(N, K, H, W)``, target ``(N, H, W)``."""
    valid = (target != IGNORED)[:, None]
    truth = F.one_hot(target.clamp(max=logits.shape[1] - 1), logits.shape[1]).permute(0, 3, 1, 2) * valid
    probability = logits.softmax(1) * valid
    overlap, total = (probability * truth).sum((0, 2, 3)), (probability + truth).sum((0, 2, 3))
    occurs = truth.sum((0, 2, 3)) > 0
    return 1 - (2 * overlap[occurs] / total[occurs]).mean()
