"""The small architectures that the project trains and ships, as registry records."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from cnn.models.fashion_cnn import FashionCNN
from cnn.models.imagenette_resnet import ImagenetteResNet
from cnn.models.lenet5 import LeNet5
from cnn.models.record import ModelRecord
from cnn.models.siamese import SiameseNet
from cnn.models.style_net import StyleNet
from cnn.models.tiny_vgg import TinyVGG
from cnn.models.unet import SeparableUNet, UNet
from cnn.models.yolo import YOLO

_ANCHORS = ((20.0, 19.0), (51.0, 44.0), (49.0, 52.0), (59.0, 55.0), (108.0, 98.0))


def _plain_twin(num_classes: int) -> nn.Module:
    return ImagenetteResNet(num_classes, shortcuts=False)


def _unet(num_classes: int) -> nn.Module:
    return UNet(1, num_classes, widths=(12, 24, 48, 96, 128))


def _separable_unet(num_classes: int) -> nn.Module:
    return SeparableUNet(
        3, num_classes, widths=(32, 64, 144, 256, 320), depths=(1, 1, 2, 2, 3), stem_stride=2
    )


def _yolo(num_classes: int) -> nn.Module:
    return YOLO(num_classes, _ANCHORS)


def _siamese(num_classes: int) -> nn.Module:
    return SiameseNet()


def _style_net(num_classes: int) -> nn.Module:
    return StyleNet()


def _record(
    name: str,
    labels: tuple[str, str],
    family: str,
    task: str,
    paper: tuple[str, str],
    input_shape: tuple[int, int, int],
    scaling: tuple[float, float],
    categories: str,
    num_classes: int,
    builder: Callable[[int], nn.Module],
    *,
    minimum_size: int = 32,
) -> ModelRecord:
    channels = input_shape[0]
    return ModelRecord(
        name=name,
        labels={"en": labels[0], "ko": labels[1]},
        family=family,
        task=task,
        paper=paper[0],
        url=paper[1],
        input_shape=input_shape,
        mean=(scaling[0],) * channels,
        std=(scaling[1],) * channels,
        categories=categories,
        num_classes=num_classes,
        parameters=None,
        licence="Apache-2.0",
        source="convscope",
        builder=builder,
        minimum_size=minimum_size,
    )


_LECUN = (
    "LeCun et al. 1998, Gradient-based learning applied to document recognition",
    "https://doi.org/10.1109/5.726791",
)
_FASHION = ("The lectures' network for Fashion-MNIST (Géron 2019, chapter 14)", "")
_VGG = ("Simonyan, Zisserman 2014, Very deep networks, made small", "https://arxiv.org/abs/1409.1556")
_RESNET = ("He et al. 2015, Deep residual learning, made small", "https://arxiv.org/abs/1512.03385")
_UNET = ("Ronneberger, Fischer, Brox 2015, U-Net", "https://arxiv.org/abs/1505.04597")
_YOLO = ("Redmon, Farhadi 2016, YOLO9000, made small", "https://arxiv.org/abs/1612.08242")
_TRIPLET = ("Schroff, Kalenichenko, Philbin 2015, FaceNet, made small", "https://arxiv.org/abs/1503.03832")
_STYLE = ("Johnson, Alahi, Fei-Fei 2016, Perceptual losses", "https://arxiv.org/abs/1603.08155")
_PHOTO = (0.5, 0.25)

CLASSROOM_MODELS: tuple[ModelRecord, ...] = (
    _record(
        "lenet5",
        ("LeNet-5", "LeNet-5"),
        "lenet",
        "classification",
        _LECUN,
        (1, 32, 32),
        (0.1, 0.28),
        "mnist",
        10,
        LeNet5,
    ),
    _record(
        "fashion_cnn",
        ("Fashion-MNIST CNN", "Fashion-MNIST CNN"),
        "fashion",
        "classification",
        _FASHION,
        (1, 28, 28),
        (0.286, 0.353),
        "fashion_mnist",
        10,
        FashionCNN,
        minimum_size=28,
    ),
    _record(
        "tiny_vgg",
        ("Tiny VGG", "작은 VGG"),
        "vgg",
        "classification",
        _VGG,
        (3, 64, 64),
        _PHOTO,
        "imagenette",
        10,
        TinyVGG,
    ),
    _record(
        "imagenette_resnet",
        ("Small ResNet", "작은 ResNet"),
        "resnet",
        "classification",
        _RESNET,
        (3, 160, 160),
        _PHOTO,
        "imagenette",
        10,
        ImagenetteResNet,
    ),
    _record(
        "plain_twin",
        ("Small ResNet without shortcuts", "지름길 없는 작은 ResNet"),
        "resnet",
        "classification",
        _RESNET,
        (3, 160, 160),
        _PHOTO,
        "imagenette",
        10,
        _plain_twin,
    ),
    _record(
        "unet", ("U-Net", "U-Net"), "unet", "segmentation", _UNET, (1, 512, 512), _PHOTO, "membrane", 2, _unet
    ),
    _record(
        "separable_unet",
        ("U-Net of separable residual blocks", "분리 합성곱 잔차 U-Net"),
        "unet",
        "segmentation",
        _UNET,
        (3, 180, 240),
        _PHOTO,
        "camvid",
        11,
        _separable_unet,
    ),
    _record(
        "yolo",
        ("Small YOLO", "작은 YOLO"),
        "yolo",
        "detection",
        _YOLO,
        (3, 320, 320),
        _PHOTO,
        "cells",
        3,
        _yolo,
    ),
    _record(
        "siamese",
        ("Siamese network", "샴 네트워크"),
        "siamese",
        "embedding",
        _TRIPLET,
        (1, 112, 92),
        _PHOTO,
        "",
        0,
        _siamese,
    ),
    _record(
        "style_net",
        ("Feed-forward style network", "전방향 스타일 네트워크"),
        "style",
        "style",
        _STYLE,
        (3, 256, 256),
        (0.0, 1.0),
        "",
        0,
        _style_net,
    ),
)
