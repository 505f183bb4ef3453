"""Tiny data packs in the real packs' formats, made of shapes that can be learned in a few steps."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from cnn.weights.builtin import CELLS, EVERYDAY, FLOWERS, IMAGENETTE


def _png(array: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind)
    return stream.getvalue()


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def digits(folder: Path, splits: tuple[str, ...], name: str = "mnist", each: int = 4) -> None:
    """Class k is a bright bar at height 2k + 4."""
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {"classes": np.array([str(k) for k in range(10)])}
    for split in splits:
        labels = np.tile(np.arange(10), each).astype(np.uint8)
        images = random.integers(0, 40, (len(labels), 28, 28)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label + 4 : 2 * label + 6] = 255
        arrays |= {f"x_{split}": images, f"y_{split}": labels}
    path = folder / name / f"{name}_{'_'.join(splits)}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def characters(folder: Path, splits: tuple[str, ...]) -> None:
    """Each character is its own random pattern with a little noise."""
    random = np.random.default_rng(1)
    arrays = {}
    for split in splits:
        patterns = random.integers(0, 2, (6, 7, 7)).repeat(8, 1).repeat(8, 2) * 200
        labels = np.repeat(np.arange(6), 4).astype(np.int16)
        arrays[f"x_{split}"] = (patterns[labels] + random.integers(0, 50, (24, 56, 56))).astype(np.uint8)
        arrays[f"y_{split}"] = labels
    path = folder / "omniglot56" / "omniglot56_test.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def photos(folder: Path, splits: tuple[str, ...], name: str, classes: tuple[str, ...], each: int = 2) -> None:
    """Class k is one colour with noise."""
    random = np.random.default_rng(2)
    files = {"classes.json": json.dumps({"classes": classes}).encode()}
    for split in splits:
        for k, label in enumerate(classes):
            for i in range(each):
                colour = np.array([k * 25, 255 - k * 25, (k * 90) % 256])
                image = (colour + random.integers(-20, 20, (160, 170, 3))).clip(0, 255).astype(np.uint8)
                files[f"{split}/{label}/{i}.jpg"] = _png(image, "JPEG")
    write_tar(folder / name / f"{name}_{splits[0]}.tar", files)


def boxes(folder: Path, splits: tuple[str, ...], name: str, classes: tuple[str, ...], count: int = 4) -> None:
    """Bright squares on a dark ground."""
    random = np.random.default_rng(3)
    files = {}
    for split in splits:
        listing = []
        for i in range(count):
            image = np.full((96, 128, 3), 30, np.uint8)
            x, y = (int(v) for v in random.integers(4, 40, 2))
            image[y : y + 50, x : x + 50] = 220
            label = classes[i % len(classes)]
            box = {"label": label, "bbox": [x, y, x + 50, y + 50]}
            listing.append({"file": f"{split}/images/{i}.jpg", "width": 128, "height": 96, "objects": [box]})
            files[f"{split}/images/{i}.jpg"] = _png(image, "JPEG")
        files[f"{split}/annotations.json"] = json.dumps(listing).encode()
    write_tar(folder / name / f"{name}_{splits[-1]}.tar", files)


def masks(folder: Path, splits: tuple[str, ...], name: str, *, street: bool, count: int = 3) -> None:
    """The class of a pixel is its brightness; the street's last class is void."""
    random = np.random.default_rng(4)
    files = {}
    for split in splits:
        for i in range(count):
            classes = random.integers(0, 12 if street else 2, (6, 8)).repeat(30 if street else 64, 0)
            classes = classes.repeat(30 if street else 64, 1).astype(np.uint8)
            image = (classes * (20 if street else 200)).astype(np.uint8)
            picture = np.stack([image] * 3, -1) if street else image
            files[f"{split}/images/{i}.png"] = _png(picture)
            files[f"{split}/masks/{i}.png"] = _png(classes if street else classes * 255)
    write_tar(folder / name / f"{name}_{splits[-1]}.tar", files)


def faces(folder: Path, splits: tuple[str, ...]) -> None:
    """Each person is one random pattern."""
    random = np.random.default_rng(5)
    files = {}
    for split in splits:
        for person in range(4):
            pattern = random.integers(0, 2, (7, 6)).repeat(16, 0).repeat(16, 1)[:112, :92] * 180
            for i in range(4):
                image = (pattern + random.integers(0, 60, (112, 92))).astype(np.uint8)
                files[f"{split}/s{person:02}/{i}.png"] = _png(image)
    write_tar(folder / "faces_orl" / f"orl_{splits[-1]}.tar", files)


def write_all(folder: Path, splits: tuple[str, ...]) -> None:
    """Every pack, with the splits named."""
    digits(folder, splits)
    digits(folder, splits, "fashion_mnist")
    characters(folder, splits)
    photos(folder, splits, "imagenette160", IMAGENETTE)
    photos(folder, splits, "flowers160", FLOWERS)
    boxes(folder, splits, "bccd", CELLS)
    boxes(folder, splits, "everyday_det", EVERYDAY)
    masks(folder, splits, "membrane", street=False)
    masks(folder, splits, "camvid240", street=True)
    faces(folder, splits)
