"""The one list of architectures, and the function that builds any of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from cnn.models.alexnet import AlexNet
from cnn.models.classroom_zoo import CLASSROOM_MODELS
from cnn.models.mobilenet_v1 import MobileNetV1
from cnn.models.record import IMAGENET_MEAN, IMAGENET_STD, ModelRecord
from cnn.models.resnet_plain import plain_resnet
from cnn.models.torchvision_zoo import TORCHVISION_MODELS
from cnn.models.xception import Xception

__all__ = ["MODELS", "ModelRecord", "build_model", "model_record", "model_skeleton"]

_BUILD_LOCK = threading.Lock()


def _imagenet(
    name: str,
    labels: tuple[str, str],
    family: str,
    paper: str,
    url: str,
    size: int,
    parameters: int | None,
    builder: Callable[[int], nn.Module],
    minimum_size: int = 32,
) -> ModelRecord:
    return ModelRecord(
        name=name,
        labels={"en": labels[0], "ko": labels[1]},
        family=family,
        task="classification",
        paper=paper,
        url=url,
        input_shape=(3, size, size),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        categories="imagenet",
        num_classes=1000,
        parameters=parameters,
        licence="Apache-2.0",
        source="convscope",
        builder=builder,
        minimum_size=minimum_size,
    )


_HE = ("He et al. 2015, Deep residual learning, section 3.3", "https://arxiv.org/abs/1512.03385")

_BY_HAND: tuple[ModelRecord, ...] = (
    _imagenet(
        "alexnet",
        ("AlexNet (2012, two streams)", "AlexNet (2012, 두 갈래)"),
        "alexnet",
        "Krizhevsky, Sutskever, Hinton 2012, ImageNet classification with deep convolutional neural networks",
        "https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
        227,
        60_965_224,
        AlexNet,
        minimum_size=227,
    ),
    _imagenet(
        "xception",
        ("Xception", "Xception"),
        "inception",
        "Chollet 2017, Xception",
        "https://arxiv.org/abs/1610.02357",
        299,
        22_855_952,
        Xception,
    ),
    _imagenet(
        "mobilenet_v1",
        ("MobileNet v1", "MobileNet v1"),
        "mobilenet",
        "Howard et al. 2017, MobileNets",
        "https://arxiv.org/abs/1704.04861",
        224,
        4_231_976,
        MobileNetV1,
    ),
    *(
        _imagenet(
            f"plain{depth}",
            (f"Plain-{depth} (no shortcuts)", f"Plain-{depth} (지름길 없음)"),
            "resnet",
            *_HE,
            224,
            None,
            lambda num_classes, depth=depth: plain_resnet(depth, num_classes),  # type: ignore[misc]
        )
        for depth in (18, 34, 50, 152)
    ),
)

MODELS: tuple[ModelRecord, ...] = (*CLASSROOM_MODELS, *_BY_HAND, *TORCHVISION_MODELS)

_BY_NAME = {record.name: record for record in MODELS}


def model_record(name: str) -> ModelRecord:
    """The record of that name.

    Raises:
        KeyError: naming the nearest names, when there is none.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    near = ", ".join(sorted(n for n in _BY_NAME if n[:3] == name[:3])) or ", ".join(sorted(_BY_NAME))
    raise KeyError(f"wanted a registered architecture, got {name!r}; known: {near}")


def build_model(name: str, *, num_classes: int | None = None, seed: int = 0) -> nn.Module:
    """The architecture in evaluation mode, with random weights drawn from the seed.

    The global random state is left as it was. The same name, classes and seed give the same weights.

    Args:
        name: of a record in ``MODELS``.
        num_classes: outputs, at least 1; the record's own number when None.
        seed: of the weights.

    Raises:
        KeyError: no such architecture.
        ValueError: ``num_classes`` below 1, or given for a network without classes.
    """
    record = model_record(name)
    classes = _checked_classes(record, num_classes)
    with _BUILD_LOCK, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = record.builder(classes)
    return model.eval()


def model_skeleton(name: str, *, num_classes: int | None = None) -> nn.Module:
    """The architecture in evaluation mode without memory for its weights: names and shapes only, made in no
    time.

    Parameters and buffers are on the ``meta`` device, but for index tables a network computes from its sizes.

    Raises:
        KeyError, ValueError: as :func:`build_model`.
    """
    record = model_record(name)
    classes = _checked_classes(record, num_classes)
    with _BUILD_LOCK, torch.random.fork_rng(devices=[]), _WithoutMemory():
        model = record.builder(classes)
    return model.eval()


def _checked_classes(record: ModelRecord, num_classes: int | None) -> int:
    if num_classes is not None and record.num_classes == 0:
        raise ValueError(f"{record.name} has no classes, so num_classes cannot be {num_classes}")
    if num_classes is not None and num_classes < 1:
        raise ValueError(f"wanted num_classes of at least 1, got {num_classes}")
    return record.num_classes if num_classes is None else num_classes


class _WithoutMemory(TorchFunctionMode):
    """Puts what would be filled with weights on the meta device; tensors computed from numbers stay real."""

    _MAKERS = frozenset((torch.empty, torch.zeros, torch.ones))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in self._MAKERS and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
