"""How a segmenter is read: its classes, and a picture made into its input."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights
from torchvision.models.segmentation._utils import _SimpleSegmentationModel
from torchvision.models.segmentation.lraspp import LRASPP

from cnn.checks import expect_image
from cnn.models.record import IMAGENET_MEAN, IMAGENET_STD
from cnn.models.unet import UNet
from cnn.weights.builtin import BUILTIN, Builtin

__all__ = ["Reading", "SegmenterError", "fitted", "normalised", "reading_of"]

TORCHVISION_SIDE = 520
LONGEST_INPUT = 1333
LEAST_INPUT = 32


class SegmenterError(TypeError):
    """A network whose outputs are no classes of pixels that are known here."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a network's outputs mean, and the input it reads."""

    categories: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: int
    size: int  # pixels: of the shorter side for torchvision, of the longer side for a U-Net
    shorter: bool


def reading_of(model: nn.Module, record: Builtin | None) -> Reading:
    """How this network is read; `record`: of a U-Net that did not ship. Raises: SegmenterError."""
    if isinstance(model, UNet):
        channels = int(next(model.parameters()).shape[1])
        count = model.head.out_channels
        known = record or next(
            (
                r
                for r in BUILTIN
                if r.task == "segmentation" and r.channels == channels and len(r.categories) == count
            ),
            None,
        )
        if known is None:
            names = tuple(f"class {index}" for index in range(count))
            return Reading(names, (0.5,) * channels, (0.25,) * channels, channels, 512, False)
        return Reading(known.categories, known.mean, known.std, channels, max(known.input_size), False)
    if not isinstance(model, _SimpleSegmentationModel | LRASPP):
        raise SegmenterError(
            f"wanted an FCN, DeepLabV3 or LRASPP of torchvision or our U-Net, got {type(model).__name__}"
        )
    layers = [m for m in model.classifier.modules() if isinstance(m, nn.Conv2d)]
    count = layers[-1].out_channels
    voc = tuple(DeepLabV3_ResNet50_Weights.DEFAULT.meta["categories"])
    names = voc if count == len(voc) else tuple(f"class {index}" for index in range(count))
    return Reading(names, IMAGENET_MEAN, IMAGENET_STD, 3, TORCHVISION_SIDE, True)


def fitted(image: Tensor, reading: Reading) -> Tensor:
    """(1, C, h, w) float in 0..1, scaled as the network wants it; the sides keep their proportion where they
    can."""
    picture = expect_image(image)
    if picture.shape[0] not in (1, 3):
        raise ValueError(f"wanted a picture of 1 or 3 channels, got {picture.shape[0]}")
    if not (picture.dtype == torch.uint8 or picture.is_floating_point()):
        raise TypeError(f"wanted a picture as uint8 or float in 0..1, got {picture.dtype}")
    if picture.is_floating_point() and not bool(((picture >= 0) & (picture <= 1)).all()):
        raise ValueError("wanted a float picture with values in 0..1, got others")
    height, width = picture.shape[1:]
    scale = reading.size / (min(height, width) if reading.shorter else max(height, width))
    scale = min(scale, LONGEST_INPUT / max(height, width))
    size = tuple(max(LEAST_INPUT, round(side * scale)) for side in (height, width))
    scaled = _scaled(picture, (size[0], size[1]))
    if reading.channels == 1 and scaled.shape[1] == 3:
        weights = torch.tensor([0.299, 0.587, 0.114], device=scaled.device).view(1, 3, 1, 1)
        return (scaled * weights).sum(1, keepdim=True)
    return scaled.expand(-1, reading.channels, -1, -1)


def normalised(x: Tensor, reading: Reading) -> Tensor:
    """(N, C, h, w) in 0..1, less the mean, over the deviation."""
    return (x - _channels(reading.mean, x)) / _channels(reading.std, x)


def _scaled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, C, *size) float in 0..1; large ones by area first, so that no large float copy is made."""
    if picture.shape[1] * picture.shape[2] > 16 * size[0] * size[1]:
        rows = picture.permute(1, 2, 0).contiguous().cpu().numpy()
        rows = cv2.resize(rows, (2 * size[1], 2 * size[0]), interpolation=cv2.INTER_AREA)
        picture = (
            torch.from_numpy(rows).view(2 * size[0], 2 * size[1], -1).permute(2, 0, 1).to(picture.device)
        )
    values = picture[None].float() / 255 if picture.dtype == torch.uint8 else picture[None].float()
    if tuple(values.shape[2:]) == size:
        return values
    return F.interpolate(values, size, mode="bilinear", antialias=True).clamp(0, 1)


def _channels(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device).view(-1, 1, 1)
