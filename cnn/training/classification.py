"""Classification: pictures with one label each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.classification import multiclass_accuracy

from cnn.training.augment import colour_jitter, mixup, random_affine, random_erase, random_resized_crop
from cnn.training.packs import labelled_pictures, read_arrays
from cnn.weights.builtin import Builtin, normalised

Pictures = tuple[Tensor, Tensor]  # uint8 (N, C, S, S), int64 (N,)


@dataclass(frozen=True, slots=True)
class Classification:
    """Cross-entropy with label smoothing on augmented pictures.

    `sizes` are the sides of the training pictures as the training goes on, in equal shares of its time or by
    `size_changes`, the progress at which each next one begins.
    """

    record: Builtin
    folder: str
    sizes: tuple[int, ...] = ()
    size_changes: tuple[float, ...] = ()
    crop: tuple[float, float] | None = None
    affine: tuple[float, float, float, float] | None = None  # degrees, shift, zoom, shear
    flip: bool = False
    jitter: float = 0.0
    erase: float = 0.0
    mix: float = 0.0
    smoothing: float = 0.0

    def load(self, data: Path, split: str) -> Pictures:
        """The split at the record's size: arrays padded to it with zeros, photos cut and scaled to it."""
        size = self.record.input_size[0]
        if self.record.channels == 1:
            x, y = read_arrays(data, self.folder, split)
            border = (size - x.shape[-1]) // 2
            return F.pad(torch.from_numpy(x)[:, None], [border] * 4), torch.from_numpy(y)
        stored = 160 if split == "train" else size
        return labelled_pictures(data, self.folder, split, size=stored, categories=self.record.categories)

    def steps(self, data: Pictures, batch_size: int) -> int:
        return max(1, len(data[0]) // batch_size)

    def batches(
        self, data: Pictures, batch_size: int, progress: float, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = data
        size = self._size(progress)
        order = torch.randperm(len(images), generator=generator)
        for step in range(self.steps(data, batch_size)):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            x = self._augmented(images[chosen].float().div_(255), size, generator)
            classes = len(self.record.categories)
            targets = F.one_hot(labels[chosen], classes).float()
            if self.mix:
                x, targets = mixup(x, targets, self.mix, generator=generator)
            yield normalised(x, self.record), targets * (1 - self.smoothing) + self.smoothing / classes

    def _size(self, progress: float) -> int:
        if not self.sizes:
            return self.record.input_size[0]
        return self.sizes[sum(progress >= change for change in self.size_changes)]

    def _augmented(self, x: Tensor, size: int, generator: torch.Generator) -> Tensor:
        if self.crop:
            x = random_resized_crop(x, size, scale=self.crop, flip=self.flip, generator=generator)
        elif self.flip:
            mirror = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
            x = torch.where(mirror, x.flip(-1), x)
        if self.affine:
            degrees, shift, zoom, shear = self.affine
            x = random_affine(x, degrees=degrees, shift=shift, zoom=zoom, shear=shear, generator=generator)
        if self.jitter:
            x = colour_jitter(x, self.jitter, generator=generator)
        return random_erase(x, self.erase, generator=generator) if self.erase else x

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor], device: torch.device) -> Tensor:
        x = batch[0].to(device, memory_format=torch.channels_last)
        return F.cross_entropy(model(x).float(), batch[1].to(device))

    @torch.inference_mode()
    def scores(self, model: nn.Module, data: Pictures, device: torch.device) -> dict[str, float]:
        """Share of pictures whose most probable class is right."""
        images, labels = data
        logits = torch.cat(
            [
                model(normalised(x.float() / 255, self.record).to(device)).float().cpu()
                for x in torch.split(images, 100)
            ]
        )
        accuracy = multiclass_accuracy(logits, labels, num_classes=logits.shape[1], average="micro")
        return {"accuracy": float(accuracy)}
