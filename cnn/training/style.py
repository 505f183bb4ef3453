"""Fast style transfer: one network for one painting, taught by the features of `imagenette-resnet`."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torchmetrics import MeanMetric

from cnn.models.imagenette_resnet import ImagenetteResNet
from cnn.models.perceptual import PerceptualFeatures, content_loss, gram, style_loss, total_variation
from cnn.training.packs import DataMissing, decode, picture_tensor, read_files, square
from cnn.weights.builtin import WEIGHTS_FOLDER, Builtin, load_builtin

PAINTINGS_FOLDER = WEIGHTS_FOLDER.parent / "images"
PAINTING_SIDE = 288
PHOTO_PACKS = ("flowers160", "imagenette160")
SCORED_PHOTOS, SCORED_SIZE, GATYS_STEPS, GATYS_RATE = 4, 160, 200, 0.03


@cache
def perceptual_features() -> PerceptualFeatures:
    """The features of the shipped classifier, loaded once. Raises BuiltinError."""
    network = load_builtin("imagenette-resnet")
    assert isinstance(network, ImagenetteResNet)
    return PerceptualFeatures(network).to(memory_format=torch.channels_last)


def painting(name: str) -> Tensor:
    """The painting of ``style-NAME``, float ``(1, 3, H, W)`` in 0..1, its longer side scaled to `PAINTING_SIDE`."""
    file = PAINTINGS_FOLDER / f"painting_{name.removeprefix('style-').replace('-', '_')}.jpg"
    image = decode(file.read_bytes())
    scale = PAINTING_SIDE / max(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return picture_tensor(image.resize(size, Image.Resampling.LANCZOS))[None].float() / 255


def photos(data: Path, split: str, size: int) -> Tensor:
    """uint8 ``(N, 3, size, size)`` photos of the first pack that is there.

    Raises:
        DataMissing: none of the packs has the split.
    """
    failures = []
    for folder in PHOTO_PACKS:
        try:
            files = {n: s for n, s in read_files(data, folder, split).items() if n.endswith(".jpg")}
        except DataMissing as error:
            failures.append(str(error))
            continue
        return torch.stack([picture_tensor(square(decode(source), size)) for source in files.values()])
    raise DataMissing(failures[0])


@dataclass(frozen=True, slots=True)
class StyleTransfer:
    """Content, style and smoothness losses on photos.

    `content` and `style` are the weights of the maps of `PerceptualFeatures`, in their order.
    """

    record: Builtin
    content: tuple[float, ...]
    style: tuple[float, ...]
    smoothness: float
    size: int = 128
    steps_per_epoch: int = 50

    def load(self, data: Path, split: str) -> Tensor:
        return photos(data, split, SCORED_SIZE)

    def steps(self, data: Tensor, batch_size: int) -> int:
        return self.steps_per_epoch

    def batches(
        self, data: Tensor, batch_size: int, progress: float, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, tuple[int, int]]]:
        room = data.shape[-1] - self.size
        for _ in range(self.steps_per_epoch):
            chosen = torch.randint(len(data), (batch_size,), generator=generator)
            y, x, down, right = torch.randint(2**31, (4,), generator=generator).tolist()
            y, x = y % (room + 1), x % (room + 1)
            images = data[chosen, :, y : y + self.size, x : x + self.size].float() / 255
            yield (images.flip(-1) if down % 3 == 0 else images), (down % 4, right % 4)

    def loss(self, model: nn.Module, batch: tuple[Tensor, tuple[int, int]], device: torch.device) -> Tensor:
        images, (down, right) = batch
        images = images.to(device, memory_format=torch.channels_last)
        # Both are cut by 0..3 pixels, so that no pattern tied to the strides of the features pays off.
        return self.picture_loss(model(images)[..., down:, right:], images[..., down:, right:])["total"]

    def picture_loss(self, images: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """The losses of pictures ``(N, 3, H, W)`` against the photos they were made of."""
        features = perceptual_features().to(images.device)
        with torch.no_grad():
            goal = features(wanted)
        maps = [m.float() for m in features(images)]
        content = content_loss(maps, [m.float() for m in goal], self.content)
        style = style_loss(maps, style_grams(self.record.name, images.device), self.style)
        smooth = self.smoothness * total_variation(images.float())
        return {"total": content + style + smooth, "content": content, "style": style}

    def scores(self, model: nn.Module, data: Tensor, device: torch.device) -> dict[str, float]:
        """The network's losses as multiples of those of 200 Gatys steps (Adam, from the photo)."""
        chosen = data[:: max(1, len(data) // SCORED_PHOTOS)][:SCORED_PHOTOS].float().to(device) / 255
        ratios = {name: MeanMetric() for name in ("total", "content", "style")}
        for photo in torch.split(chosen, 1):
            with torch.no_grad():
                fast = self.picture_loss(model(photo), photo)
            slow = self.picture_loss(self.gatys(photo), photo)
            for name, metric in ratios.items():
                metric.update(fast[name].detach().cpu() / slow[name].detach().cpu())
        return {f"{name} loss against Gatys": float(metric.compute()) for name, metric in ratios.items()}

    def gatys(self, photo: Tensor) -> Tensor:
        """The picture after 200 steps of optimising the photo ``(1, 3, H, W)`` itself, by the same losses."""
        image = photo.clone().requires_grad_()
        optimizer = torch.optim.Adam([image], lr=GATYS_RATE)
        for _ in range(GATYS_STEPS):
            optimizer.zero_grad()
            torch.autograd.backward(self.picture_loss(image, photo)["total"])
            optimizer.step()
            with torch.no_grad():
                image.clamp_(0, 1)
        return image.detach()


@cache
def style_grams(name: str, device: torch.device) -> list[Tensor]:
    """Gram matrices of the painting of a style network, one a map."""
    with torch.no_grad():
        return [gram(m) for m in perceptual_features().to(device)(painting(name).to(device))]
