"""Every classification network of torchvision, as registry records."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, NamedTuple

import torchvision
from torch import nn
from torchvision.models import WeightsEnum, get_model, get_model_weights, list_models

from cnn.models.googlenet import GoogLeNet
from cnn.models.record import ModelRecord


class _Family(NamedTuple):
    prefix: str
    family: str
    label: str
    paper: str
    arxiv: str


_FAMILIES = (
    _Family("alexnet", "alexnet", "AlexNet (one stream)", "Krizhevsky 2014, One weird trick", "1404.5997"),
    _Family("convnext", "convnext", "ConvNeXt", "Liu et al. 2022, A ConvNet for the 2020s", "2201.03545"),
    _Family(
        "densenet", "densenet", "DenseNet-", "Huang et al. 2017, Densely connected networks", "1608.06993"
    ),
    _Family(
        "efficientnet_v2", "efficientnet", "EfficientNetV2", "Tan, Le 2021, EfficientNetV2", "2104.00298"
    ),
    _Family("efficientnet", "efficientnet", "EfficientNet", "Tan, Le 2019, EfficientNet", "1905.11946"),
    _Family(
        "googlenet",
        "inception",
        "GoogLeNet",
        "Szegedy et al. 2015, Going deeper with convolutions",
        "1409.4842",
    ),
    _Family(
        "inception_v3", "inception", "Inception-v3", "Szegedy et al. 2016, Rethinking Inception", "1512.00567"
    ),
    _Family("maxvit", "transformer", "MaxViT", "Tu et al. 2022, MaxViT", "2204.01697"),
    _Family("mnasnet", "mobilenet", "MNASNet ", "Tan et al. 2019, MnasNet", "1807.11626"),
    _Family("mobilenet_v2", "mobilenet", "MobileNetV2", "Sandler et al. 2018, MobileNetV2", "1801.04381"),
    _Family(
        "mobilenet_v3",
        "mobilenet",
        "MobileNetV3",
        "Howard et al. 2019, Searching for MobileNetV3",
        "1905.02244",
    ),
    _Family("regnet_x", "regnet", "RegNetX", "Radosavovic et al. 2020, Network design spaces", "2003.13678"),
    _Family("regnet_y", "regnet", "RegNetY", "Radosavovic et al. 2020, Network design spaces", "2003.13678"),
    _Family("resnet", "resnet", "ResNet-", "He et al. 2015, Deep residual learning", "1512.03385"),
    _Family(
        "resnext", "resnet", "ResNeXt-", "Xie et al. 2017, Aggregated residual transformations", "1611.05431"
    ),
    _Family("shufflenet_v2", "shufflenet", "ShuffleNetV2", "Ma et al. 2018, ShuffleNet V2", "1807.11164"),
    _Family("squeezenet", "squeezenet", "SqueezeNet ", "Iandola et al. 2016, SqueezeNet", "1602.07360"),
    _Family("swin_v2", "transformer", "Swin V2", "Liu et al. 2022, Swin Transformer V2", "2111.09883"),
    _Family("swin", "transformer", "Swin", "Liu et al. 2021, Swin Transformer", "2103.14030"),
    _Family("vgg", "vgg", "VGG-", "Simonyan, Zisserman 2014, Very deep networks", "1409.1556"),
    _Family(
        "vit", "transformer", "ViT", "Dosovitskiy et al. 2020, An image is worth 16×16 words", "2010.11929"
    ),
    _Family(
        "wide_resnet",
        "resnet",
        "Wide ResNet-",
        "Zagoruyko, Komodakis 2016, Wide residual networks",
        "1605.07146",
    ),
)
_RENAMED = {"alexnet": "alexnet_torchvision"}
# GoogLeNet's published figure leaves its side branches out; the network built here has them.
_PARAMETERS = {"googlenet": 13_004_888}


def _family(name: str) -> _Family:
    return max((f for f in _FAMILIES if name.startswith(f.prefix)), key=lambda f: len(f.prefix))


def _build(name: str, num_classes: int) -> nn.Module:
    if name == "googlenet":
        return GoogLeNet(num_classes)
    options: dict[str, Any] = {"init_weights": False} if name == "inception_v3" else {}
    return get_model(name, weights=None, num_classes=num_classes, **options)


def _label(name: str, family: _Family) -> str:
    rest = name[len(family.prefix) :].strip("_")
    if family.family in {"mobilenet", "regnet", "shufflenet", "squeezenet"}:
        rest = re.sub(r"(\d)_(\d)", r"\1.\2", rest)
    separator = "" if family.label[-1] in "- " or not rest else "-"
    short = len(rest) < 5 and family.family != "regnet"
    return f"{family.label}{separator}{rest.upper() if short else rest}".replace("_", "-")


def _weights(name: str) -> WeightsEnum:
    """The default weights; for a ViT those of the 224 px network that is built here."""
    weights = get_model_weights(name)
    if name.startswith("vit"):
        return next(w for w in (weights.DEFAULT, *weights) if w.transforms().crop_size == [224])
    return weights.DEFAULT


def _record(name: str) -> ModelRecord:
    weights = _weights(name)
    transform = weights.transforms()
    family = _family(name)
    label = _label(name, family)
    size = transform.crop_size[0]
    minimum = max(weights.meta["min_size"])
    return ModelRecord(
        name=_RENAMED.get(name, name),
        labels={"en": label, "ko": label},
        family=family.family,
        task="classification",
        paper=family.paper,
        url=f"https://arxiv.org/abs/{family.arxiv}",
        input_shape=(3, size, size),
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        categories="imagenet",
        num_classes=1000,
        parameters=_PARAMETERS.get(name, weights.meta["num_params"]),
        licence="BSD-3-Clause (torchvision)",
        source="torchvision",
        builder=partial(_build, name),
        minimum_size=size if family.prefix in {"vit", "maxvit"} else max(minimum, 32),
    )


TORCHVISION_MODELS: tuple[ModelRecord, ...] = tuple(
    _record(name) for name in list_models(module=torchvision.models)
)
