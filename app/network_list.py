"""Which networks can be chosen: those that ship, trained in this session, downloaded, or any architecture at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from app.session_models import SESSION_MODELS
from cnn.models.record import ModelRecord
from cnn.models.registry import MODELS, model_record, model_skeleton
from cnn.weights.builtin import BUILTIN, available

DEFAULTS = {
    "classification": "imagenette-resnet",
    "segmentation": "unet-street",
    "detection": "yolo-everyday",
}
MOST_BYTES = 600 * 2**20
"""Of a network's weights: what is larger is not offered, because the others must stay in memory too."""
_LABELS: dict[str, tuple[str, str]] = {
    "lenet5-mnist": ("LeNet-5 (digits)", "LeNet-5 (숫자)"),
    "fashion-cnn": ("Fashion CNN (clothes)", "패션 CNN (옷)"),
    "tiny-vgg": ("Tiny VGG (10 photo classes)", "작은 VGG (사진 10종)"),
    "imagenette-resnet": ("ResNet (10 photo classes)", "ResNet (사진 10종)"),
    "plain-twin": ("Plain twin, no shortcuts (10 photo classes)", "지름길 없는 쌍둥이 (사진 10종)"),
    "flowers-transfer": ("ResNet (5 flowers, transferred)", "ResNet (꽃 5종, 전이 학습)"),
    "yolo-cells": ("YOLO (blood cells)", "YOLO (혈액 세포)"),
    "yolo-everyday": ("YOLO (fruit and animals)", "YOLO (과일과 동물)"),
    "unet-membrane": ("U-Net (cell membranes)", "U-Net (세포막)"),
    "unet-street": ("U-Net, separable (street scenes)", "U-Net, 분리형 (거리)"),
    "faces-siamese": ("Siamese network (faces)", "샴 신경망 (얼굴)"),
    "omniglot-siamese": ("Siamese network (handwritten letters)", "샴 신경망 (손글씨 글자)"),
    "style-starry-night": ("Style network (The Starry Night)", "화풍 신경망 (별이 빛나는 밤)"),
    "style-great-wave": ("Style network (The Great Wave)", "화풍 신경망 (가나가와 해변의 높은 파도)"),
    "style-composition-vii": ("Style network (Composition VII)", "화풍 신경망 (구성 VII)"),
    "style-scream": ("Style network (The Scream)", "화풍 신경망 (절규)"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A network that can be opened at once. `labels` by language; a person's own words may be in them."""

    key: str
    labels: Mapping[str, str]
    origin: str
    task: str


def builtin_labels(name: str) -> dict[str, str]:
    """Return what a network that ships is called, by language."""
    return dict(zip(("en", "ko"), _LABELS.get(name, (name, name)), strict=True))


def pretrained_labels(name: str) -> dict[str, str]:
    """Return what published weights are called, by language."""
    architecture, _, weights = name.partition("/")
    try:
        labels = model_record({"alexnet": "alexnet_torchvision"}.get(architecture, architecture)).labels
    except KeyError:
        labels = {"en": architecture, "ko": architecture}
    return {language: f"{labels[language]} ({weights})" for language in ("en", "ko")}


def offers(tasks: Sequence[str], session: str) -> tuple[Offer, ...]:
    """Return the networks that can be opened at once: those that ship, trained in this session, and downloaded."""
    there = set(available())
    found = [
        Offer(
            r.name,
            builtin_labels(r.name),
            "builtin",
            r.task,
        )
        for r in BUILTIN
        if r.task in tasks and r.name in there
    ]
    found.sort(key=lambda offer: (tasks.index(offer.task), offer.key != DEFAULTS.get(offer.task)))
    if "classification" in tasks:
        found += [
            Offer(
                m.key, {language: m.name(language) for language in ("en", "ko")}, "session", "classification"
            )
            for m in SESSION_MODELS.of_session(session)
        ]
    return (*found, *_downloaded(tasks))


def _downloaded(tasks: Sequence[str]) -> tuple[Offer, ...]:
    if not any((Path(torch.hub.get_dir()) / "checkpoints").glob("*.pth")):
        return ()
    from cnn.weights.pretrained import PRETRAINED, is_there

    return tuple(
        Offer(r.name, pretrained_labels(r.name), "pretrained", r.task)
        for r in PRETRAINED
        if r.task in tasks and r.megabytes <= MOST_BYTES / 2**20 and is_there(r)
    )


def random_architectures(tasks: Sequence[str], *, bare: bool = False) -> tuple[ModelRecord, ...]:
    """Return the registered architectures that can be opened with random weights; of any size as `bare` skeletons."""
    return tuple(r for r in MODELS if r.task in tasks and (bare or weight_bytes(r.name) <= MOST_BYTES))


@lru_cache(maxsize=256)
def weight_bytes(name: str) -> int:
    """Return the bytes of a registered architecture's weights."""
    record = model_record(name)
    if record.parameters is not None:
        return 4 * record.parameters
    return 4 * sum(p.numel() for p in model_skeleton(name).parameters())


def random_key(architecture: str, seed: int) -> str:
    """Return the key of an architecture with weights drawn from `seed`."""
    return f"random.{architecture}.{seed}"
