"""The networks that ship with the app: one record each, and their verified weights."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from cnn.models.fashion_cnn import FashionCNN
from cnn.models.imagenette_resnet import ImagenetteResNet
from cnn.models.lenet5 import LeNet5
from cnn.models.siamese import SiameseNet
from cnn.models.style_net import StyleNet
from cnn.models.tiny_vgg import TinyVGG
from cnn.models.unet import SeparableUNet, UNet
from cnn.models.yolo import YOLO

WEIGHTS_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "weights"


class BuiltinError(Exception):
    """A shipped model's file is missing, damaged or not the one its card names."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """One network that ships: how it is built, what it reads and what its outputs mean.

    `input_size` is (height, width) in pixels, 0 where any size goes; the input is `(x − mean) / std` per
    channel of a picture in 0..1. `categories` name the outputs in order. `task` is one of classification,
    detection, segmentation, embedding and style.
    """

    name: str
    task: str
    build: Callable[[], nn.Module]
    input_size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    categories: tuple[str, ...]


def _photo(
    name: str, task: str, build: Callable[[], nn.Module], size: int, categories: tuple[str, ...]
) -> Builtin:
    return Builtin(name, task, build, (size, size), 3, (0.5,) * 3, (0.25,) * 3, categories)


DIGITS = tuple("0123456789")
FASHION = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle_boot",
)
IMAGENETTE = (
    "cassette_player",
    "chain_saw",
    "church",
    "english_springer",
    "french_horn",
    "garbage_truck",
    "gas_pump",
    "golf_ball",
    "parachute",
    "tench",
)
FLOWERS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
CELLS = ("RBC", "WBC", "Platelets")
EVERYDAY = ("apple", "banana", "orange", "kangaroo", "raccoon")
STREET = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign_symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)

STYLES = ("style-starry-night", "style-great-wave", "style-composition-vii", "style-scream")

# By cnn.models.anchors.kmeans_anchors from each training split, in pixels of the network's input.
CELL_ANCHORS = ((20, 19), (51, 44), (49, 52), (59, 55), (108, 98))
EVERYDAY_ANCHORS = ((51, 51), (86, 80), (112, 119), (176, 124), (184, 183))


def _yolo_cells() -> nn.Module:
    return YOLO(len(CELLS), CELL_ANCHORS)


def _yolo_everyday() -> nn.Module:
    return YOLO(len(EVERYDAY), EVERYDAY_ANCHORS)


def _unet_membrane() -> nn.Module:
    return UNet(1, 2, widths=(12, 24, 48, 96, 128))


def _unet_street() -> nn.Module:
    return SeparableUNet(
        3, len(STREET), widths=(32, 64, 144, 256, 320), depths=(1, 1, 2, 2, 2), stem_stride=2
    )


def _plain_twin() -> nn.Module:
    return ImagenetteResNet(shortcuts=False)


def _flowers() -> nn.Module:
    return ImagenetteResNet(len(FLOWERS))


def _faces() -> nn.Module:
    return SiameseNet(grid=2)


def _omniglot() -> nn.Module:
    return SiameseNet(widths=(48, 64, 96, 128), grid=1)


BUILTIN: tuple[Builtin, ...] = (
    Builtin("lenet5-mnist", "classification", LeNet5, (32, 32), 1, (0.1,), (0.28,), DIGITS),
    Builtin("fashion-cnn", "classification", FashionCNN, (28, 28), 1, (0.286,), (0.353,), FASHION),
    _photo("tiny-vgg", "classification", TinyVGG, 64, IMAGENETTE),
    _photo("imagenette-resnet", "classification", ImagenetteResNet, 144, IMAGENETTE),
    _photo("plain-twin", "classification", _plain_twin, 144, IMAGENETTE),
    _photo("flowers-transfer", "classification", _flowers, 144, FLOWERS),
    _photo("yolo-cells", "detection", _yolo_cells, 320, CELLS),
    _photo("yolo-everyday", "detection", _yolo_everyday, 256, EVERYDAY),
    Builtin(
        "unet-membrane", "segmentation", _unet_membrane, (512, 512), 1, (0.5,), (0.25,), ("membrane", "cell")
    ),
    Builtin("unet-street", "segmentation", _unet_street, (180, 240), 3, (0.5,) * 3, (0.25,) * 3, STREET),
    Builtin("faces-siamese", "embedding", _faces, (56, 46), 1, (0.5,), (0.25,), ()),
    *(Builtin(name, "style", StyleNet, (0, 0), 3, (0.0,) * 3, (1.0,) * 3, ()) for name in STYLES),
    Builtin("omniglot-siamese", "embedding", _omniglot, (28, 28), 1, (0.1,), (0.25,), ()),
)


def builtin_record(name: str) -> Builtin:
    """The record of a shipped network.

    Raises:
        KeyError: no such name; the message lists those there are.
    """
    for record in BUILTIN:
        if record.name == name:
            return record
    raise KeyError(f"no built-in model {name!r}; there are {', '.join(r.name for r in BUILTIN)}")


def normalised(images: Tensor, record: Builtin) -> Tensor:
    """`(x − mean) / std` per channel of pictures `(..., C, H, W)` in 0..1."""
    mean = torch.tensor(record.mean, device=images.device).view(-1, 1, 1)
    std = torch.tensor(record.std, device=images.device).view(-1, 1, 1)
    return (images - mean) / std


def available() -> tuple[str, ...]:
    """Names of the records whose weight file and card are there."""
    return tuple(
        record.name
        for record in BUILTIN
        if all((WEIGHTS_FOLDER / f"{record.name}.{ending}").is_file() for ending in ("safetensors", "json"))
    )


def card(name: str, *, folder: Path = WEIGHTS_FOLDER) -> dict[str, Any]:
    """The model's card: data, command, seed, minutes, scores, licence, what it must not be used for, sha256.

    Raises:
        KeyError: no such model. BuiltinError: the card is missing or not JSON.
    """
    path = folder / f"{builtin_record(name).name}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BuiltinError(f"the card of {name} cannot be read: wanted {path}") from error
    return dict(content)


def load_builtin(name: str, *, folder: Path = WEIGHTS_FOLDER) -> nn.Module:
    """A shipped network in eval mode on the CPU, float32, its parameters without gradients.

    Raises:
        KeyError: no such model.
        BuiltinError: the file is missing, or its sha256 is not the card's.
    """
    record = builtin_record(name)
    path = folder / f"{name}.safetensors"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BuiltinError(
            f"the weights of {name} are missing: wanted {path}; "
            f"`python -m cnn.training.builtin {name} --data DIR` trains them"
        ) from error
    wanted, got = card(name, folder=folder).get("sha256"), hashlib.sha256(content).hexdigest()
    if got != wanted:
        raise BuiltinError(
            f"the weights of {name} are damaged: wanted sha256 {wanted}, got {got} from {path}"
        )
    model = record.build()
    model.load_state_dict(restored(load_safetensors(content)))
    return model.eval().requires_grad_(False)


def restored(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as the network holds them: half precision on disk, float32 in memory."""
    return {name: value.float() if value.dtype.is_floating_point else value for name, value in stored.items()}
