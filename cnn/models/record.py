"""What the registry knows of one architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One architecture that :func:`cnn.models.registry.build_model` can build.

    Attributes:
        name: the id used in code, addresses and files.
        labels: what a person reads, by language ("en", "ko").
        family: the id of the group it is listed under, e.g. "resnet".
        task: "classification", "segmentation", "detection", "embedding" or "style".
        paper: authors, year and title of the paper.
        url: where the paper is.
        input_shape: (C, H, W) the network was made for.
        mean, std: per channel, of pixels in 0..1; the normalisation the network expects.
        categories: the id of its list of classes, or "" where it has none.
        num_classes: outputs unless ``build_model`` is told otherwise; 0 where it has none.
        parameters: the published number of parameters at ``num_classes``; None where none was published.
        licence: of the code that builds it.
        source: "torchvision" or "convscope".
        builder: called with the number of classes.
        minimum_size: the smallest height and width it computes.
    """

    name: str
    labels: Mapping[str, str]
    family: str
    task: str
    paper: str
    url: str
    input_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    categories: str
    num_classes: int
    parameters: int | None
    licence: str
    source: str
    builder: Callable[[int], nn.Module]
    minimum_size: int = 1
