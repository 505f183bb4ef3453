"""The built-in pictures as tensors: photos of installed packages, files in `assets/images`, made by code."""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from cnn.images.pictures import PICTURES, Picture

__all__ = ["DEFAULT_PICTURE", "PICTURES", "PICTURE_IDS", "Picture", "picture"]

PICTURE_IDS: tuple[str, ...] = tuple(entry.id for entry in PICTURES)
DEFAULT_PICTURE = "temple"
_BY_ID = {entry.id: entry for entry in PICTURES}
_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "images"
_FOLDERS = {"scikit-image": ("skimage", "data"), "scikit-learn": ("sklearn", "datasets/images")}


def picture(id: str) -> Tensor:
    """A built-in picture, uint8 (C, H, W), C 1 or 3; a new tensor at every call.

    Raises:
        ValueError: no picture has that id.
        FileNotFoundError: the installed package does not carry the file.
    """
    if id not in _BY_ID:
        raise ValueError(f"wanted one of {', '.join(PICTURE_IDS)}, got {id!r}")
    source = _BY_ID[id].source
    if not isinstance(source, tuple):
        return source()
    path = _path(*source)
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise FileNotFoundError(f"wanted the picture {id!r} at {path}")
    planes = np.atleast_3d(pixels)[:, :, ::-1].transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes))


def _path(package: str, name: str) -> Path:
    if package == "assets":
        return _ASSETS / name
    module, folder = _FOLDERS[package]
    found = find_spec(module)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"wanted the package {package} for the picture {name}")
    return Path(found.origin).parent / folder / name
