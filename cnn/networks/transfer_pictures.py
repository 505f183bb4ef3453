"""Labelled pictures for transfer learning: the flowers that ship, and how pictures are squared and held out."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from cnn.images.encode import resize_to

__all__ = ["FLOWERS_FILE", "STORED_SIDE", "LabelledPictures", "Skipped", "flowers", "held_out", "squared"]

STORED_SIDE = 160
"""Pixels a side of every picture that is kept."""
HELD_OUT_SHARE = 0.2
FLOWERS_FILE = Path(__file__).resolve().parents[2] / "assets" / "images" / "flowers" / "flowers.tar"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out: the end of its name (the person's text), and why, by language."""

    name: str
    en: str
    ko: str


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPictures:
    """Pictures of `categories`, part of them held out for validation.

    Attributes:
        pictures: uint8 (N, 3, 160, 160).
        labels: int64 (N,), places in `categories`.
        held_out: bool (N,), True for validation.
        categories: names in order.
        skipped: files that were left out.
    """

    pictures: Tensor
    labels: Tensor
    held_out: Tensor
    categories: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def training(self) -> tuple[Tensor, Tensor]:
        """Pictures and labels to learn from."""
        return self.pictures[~self.held_out], self.labels[~self.held_out]

    @property
    def validation(self) -> tuple[Tensor, Tensor]:
        """Pictures and labels that no training sees."""
        return self.pictures[self.held_out], self.labels[self.held_out]


def squared(image: Tensor, side: int = STORED_SIDE) -> Tensor:
    """The middle square of a picture, uint8 (1 or 3, H, W) → uint8 (3, side, side)."""
    _, height, width = image.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    cut = image[:, top : top + edge, left : left + edge]
    small = cut if edge == side else resize_to(cut.contiguous(), side)
    return small.expand(3, -1, -1).contiguous()


def held_out(labels: Sequence[int], given: Sequence[bool | None], *, seed: int = 0) -> Tensor:
    """Which pictures validate, bool (N,).

    A category keeps the split it came with if it has pictures on both sides; of any other one fifth, at least
    one picture, is drawn.

    Args:
        labels: category of each picture.
        given: True for validation, False for training, None where nothing was said.
        seed: of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in sorted(set(labels)):
        places = [place for place, other in enumerate(labels) if other == label]
        validating = [place for place in places if given[place]]
        if 0 < len(validating) < len(places):
            chosen[validating] = True
            continue
        count = max(1, round(HELD_OUT_SHARE * len(places)))
        drawn = torch.randperm(len(places), generator=generator)[:count].tolist()
        chosen[[places[place] for place in drawn]] = True
    return chosen


def flowers(path: Path = FLOWERS_FILE) -> LabelledPictures:
    """The five kinds of flowers that ship: 48 pictures each to learn from, 12 each held out.

    Raises:
        FileNotFoundError: the file is not where the app keeps it.
    """
    pictures, names, validating = [], [], []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None:
                continue
            split, name, _ = member.name.split("/")
            pixels = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
            if pixels is None:
                raise ValueError(f"wanted a JPEG, got a damaged {member.name} in {path.name}")
            planes = torch.from_numpy(np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1)))
            pictures.append(squared(planes))
            names.append(name)
            validating.append(split == "val")
    categories = tuple(sorted(set(names)))
    labels = torch.tensor([categories.index(name) for name in names])
    return LabelledPictures(torch.stack(pictures), labels, torch.tensor(validating), categories)
