"""Networks to transfer from: which there are, their head, the features in front of it, and files of the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from cnn.weights.builtin import BUILTIN, Builtin, available, builtin_record, load_builtin

__all__ = [
    "RANDOM", "Backbone", "backbones", "build_backbone", "built_classifier", "features", "head_name", "inputs",
    "model_file", "probabilities", "replace_head", "unfreeze",
]  # fmt: skip

RANDOM = "random"
"""The id of the network with random weights: what transfer learning is compared with."""
_RANDOM_BODY = "imagenette-resnet"
MOST_MEGABYTES = 60.0
"""Of downloaded weights: what is larger learns too slowly to watch."""
_OTHER_ENDS = ("googlenet", "inception", "squeezenet", "vit", "vgg")


@dataclass(frozen=True, slots=True)
class Backbone:
    """A classifier to transfer from.

    Attributes:
        name: of a built-in network, of torchvision's weights ("resnet18/IMAGENET1K_V1"), `RANDOM`, or a key of
            the person's own network, whose tensors then come along.
        architecture: the built-in record that builds it, else the name in `cnn.models.registry`.
        size: height and width it reads, in pixels.
        learn_size: the same while all its layers learn: four fifths, for speed, where it takes photos of any size.
        channels: 1 or 3.
        mean, std: per channel, of pixels in 0..1.
        categories: what its own outputs mean; empty for `RANDOM`.
    """

    name: str
    architecture: str
    size: int
    learn_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    categories: tuple[str, ...]

    @classmethod
    def of(cls, record: Builtin) -> Backbone:
        """The backbone of a network that ships."""
        size = record.input_size[0]
        learn_size = size * 4 // 5 if size >= 128 else size
        return cls(
            record.name,
            record.name,
            size,
            learn_size,
            record.channels,
            record.mean,
            record.std,
            record.categories,
        )


def backbones() -> tuple[Backbone, ...]:
    """The classifiers whose weights are there, photos' ones first, and last the network with random weights."""
    there = set(available())
    records = [record for record in BUILTIN if record.task == "classification"]
    ready = [Backbone.of(record) for record in records if record.name in there]
    ready.sort(key=lambda backbone: (backbone.name != _RANDOM_BODY, -backbone.channels))
    body = Backbone.of(builtin_record(_RANDOM_BODY))
    return (*ready, *_downloaded(), replace(body, name=RANDOM, categories=()))


def _downloaded() -> tuple[Backbone, ...]:
    """Torchvision's classifiers whose weights lie in its folder, up to `MOST_MEGABYTES` and ending in one layer."""
    if not any((Path(torch.hub.get_dir()) / "checkpoints").glob("*.pth")):
        return ()
    from cnn.weights.pretrained import PRETRAINED, is_there

    return tuple(
        Backbone(r.name, r.model, r.crop, r.crop, 3, r.mean, r.std, r.categories)
        for r in PRETRAINED
        if r.task == "classification"
        and r.megabytes <= MOST_MEGABYTES
        and not r.architecture.startswith(_OTHER_ENDS)
        and is_there(r)
    )


def build_backbone(
    backbone: Backbone, *, seed: int = 0, body: Mapping[str, Tensor] | None = None
) -> nn.Module:
    """The network with its weights, float32, in evaluation mode; random ones are drawn from `seed`.

    Args:
        backbone: which.
        seed: of random weights.
        body: the tensors, where the network is a person's own.

    Raises:
        BuiltinError, WeightsError: the weights are missing or damaged.
    """
    if body is not None:
        return built_classifier(backbone, len(backbone.categories), body).eval()
    if backbone.name == RANDOM:
        return _built(backbone.architecture, seed)
    if "/" in backbone.name:
        from cnn.weights.pretrained import load_pretrained, pretrained_record

        return load_pretrained(pretrained_record(backbone.name)).requires_grad_(False)
    return load_builtin(backbone.name)


def built_classifier(
    backbone: Backbone, classes: int, state: Mapping[str, Tensor] | None, *, seed: int = 0
) -> nn.Module:
    """The backbone's architecture with a head for `classes`: weights of `state`, else random ones of `seed`."""
    model = replace_head(_built(backbone.architecture, seed), classes, seed=seed)
    if state is not None:
        model.load_state_dict(dict(state))
    return model


def _built(architecture: str, seed: int) -> nn.Module:
    if all(record.name != architecture for record in BUILTIN):
        from cnn.models.registry import build_model

        return build_model(architecture, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return builtin_record(architecture).build().eval()


def head_name(model: nn.Module) -> str:
    """The name of the last layer, which must be `nn.Linear`.

    Raises:
        ValueError: the network ends in another kind of layer.
    """
    leaves = [
        (name, module) for name, module in model.named_modules() if list(module.parameters(recurse=False))
    ]
    name, module = leaves[-1] if leaves else ("", model)
    if not isinstance(module, nn.Linear):
        raise ValueError(f"wanted a network that ends in nn.Linear, got {type(module).__name__} {name!r}")
    return name


def replace_head(model: nn.Module, classes: int, *, seed: int = 0) -> nn.Module:
    """Put a new last layer with `classes` outputs, weights of `seed`, in place of the old one; returns the model."""
    name = head_name(model)
    parent, _, last = name.rpartition(".")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        head = nn.Linear(model.get_submodule(name).in_features, classes)  # type: ignore[arg-type]
    setattr(model.get_submodule(parent), last, head)
    return model


def features(model: nn.Module, images: Tensor) -> Tensor:
    """What the head is given, (N, D), for normalised pictures (N, C, S, S); the model in evaluation mode."""
    seen: list[Tensor] = []
    hook = model.get_submodule(head_name(model)).register_forward_pre_hook(
        lambda _, given: seen.append(given[0])
    )
    try:
        with torch.inference_mode():
            model(images)
    finally:
        hook.remove()
    return seen[-1]


def unfreeze(model: nn.Module, depth: str) -> None:
    """Let the layers learn: "all" of them, or the last "half" of those that have weights.

    Raises:
        ValueError: another depth.
    """
    if depth not in ("all", "half"):
        raise ValueError(f"wanted all or half, got {depth!r}")
    layers = [module for module in model.modules() if list(module.parameters(recurse=False))]
    first = 0 if depth == "all" else len(layers) // 2
    for place, layer in enumerate(layers):
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(place >= first)


def inputs(pictures: Tensor, backbone: Backbone, *, size: int | None = None) -> Tensor:
    """Pictures as the network reads them: uint8 or float 0..1 (N, 3, S, S) → normalised (N, C, size, size)."""
    size = size or backbone.size
    x = pictures.float().div(255) if pictures.dtype == torch.uint8 else pictures
    if x.shape[-1] != size:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    if backbone.channels == 1:
        x = (x * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (backbone.mean, backbone.std))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def probabilities(model: nn.Module, pictures: Tensor, backbone: Backbone, *, batch: int = 32) -> Tensor:
    """Softmax of the model's outputs, float32 (N, K), for pictures uint8 (N, 3, S, S)."""
    parts = [
        model(inputs(pictures[at : at + batch], backbone)).softmax(1) for at in range(0, len(pictures), batch)
    ]
    return torch.cat(parts)


def model_file(
    backbone: Backbone, categories: tuple[str, ...], state: Mapping[str, Tensor], made_by: str
) -> bytes:
    """The trained network as safetensors; its metadata say what it is and what its outputs mean."""
    details = {
        "format": "pt",
        "architecture": backbone.architecture,
        "categories": json.dumps(categories, ensure_ascii=False),
        "input": json.dumps(
            {"size": backbone.size, "channels": backbone.channels, "mean": backbone.mean, "std": backbone.std}
        ),
        "made_by": made_by,
    }
    return save({name: tensor.contiguous() for name, tensor in state.items()}, metadata=details)
