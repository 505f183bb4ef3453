"""What the architectures screen runs: a registered network, a block or the person's own layers, on the current picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor, nn

from app.cache import BoundedCache, tensor_bytes
from app.figures.networks.architectures_settings import ArchitectureSettings
from app.pictures import CurrentPicture, as_photo
from cnn.hooks import locked
from cnn.models.cache import MODEL_CACHE
from cnn.models.registry import build_model, model_record, model_skeleton
from cnn.networks.blocks import BlockSettings, block_record, build_block, picture_maps
from cnn.networks.builder import build_network, parsed_network
from cnn.networks.layer_table import TableRow, drawn_convolutions, layer_table, row_values, visible_rows
from cnn.networks.prediction import prepared_picture
from cnn.weights.builtin import available, builtin_record, load_builtin

MOST_BYTES = 280 * 2**20
"""Weights of a network that is run whole; a larger one runs up to its fully connected layers."""

TRAINED = {
    "lenet5": "lenet5-mnist", "fashion_cnn": "fashion-cnn", "imagenette_resnet": "imagenette-resnet",
    "plain_twin": "plain-twin",
    "unet": "unet-membrane", "separable_unet": "unet-street",
}  # fmt: skip
_HIDDEN = ("pad", "getitem", "zeros")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A network on a picture.

    Attributes:
        key: names everything it came from. rows: its layers. values: what they made, by name, where they were run.
        image: (C, H, W) float, what the network read. picture: uint8 of it. input_row: the row that is the picture.
        weights: "trained", "random" or "first" (the fully connected layers have none).
    """

    key: tuple[object, ...]
    rows: tuple[TableRow, ...]
    values: Mapping[str, Tensor]
    image: Tensor
    picture: Tensor
    weights: str

    @property
    def pictures(self) -> dict[str, Tensor]:
        """The rows that are shown as a picture."""
        return {self.rows[0].name: self.picture} if self.image.shape[0] in (1, 3) else {}


_RUNS: BoundedCache[Run] = BoundedCache(
    120_000_000, lambda run: sum(map(tensor_bytes, run.values.values())) + tensor_bytes(run.image)
)


def square_of(picture: CurrentPicture) -> Tensor:
    """Return the middle square of the picture, uint8 (C, S, S)."""
    photo = as_photo(picture)
    side = min(photo.shape[1:])
    top, left = (photo.shape[1] - side) // 2, (photo.shape[2] - side) // 2
    return photo[:, top : top + side, left : left + side].contiguous()


def run_of(picture: CurrentPicture, settings: ArchitectureSettings) -> Run:
    """Return the run of the settings' tab, kept for a while. Raises: BuilderError, for layers that do not fit."""
    if settings.tab == "networks":
        key: tuple[object, ...] = (picture.identity, "net", settings.net)
        return _RUNS.get_or_make(key, lambda: _network_run(key, picture, settings.net))
    if settings.tab == "builder":
        key = (picture.identity, "built", settings.stack, settings.size, settings.seed)
        return _RUNS.get_or_make(key, lambda: _built_run(key, picture, settings))
    chosen = block_settings(settings)
    key = (picture.identity, "block", settings.block, chosen)
    return _RUNS.get_or_make(key, lambda: _block_run(key, picture, settings.block, chosen))


def weights_of(name: str) -> str:
    """Return which weights a registered network is run with."""
    if TRAINED.get(name) in available():
        return "trained"
    return "random" if _bytes(name) <= MOST_BYTES else "first"


@lru_cache(maxsize=32)
def _bytes(name: str) -> int:
    return 4 * sum(p.numel() for p in model_skeleton(name).parameters())


def network_of(name: str) -> nn.Module:
    """Return the registered network with the weights that it is run with."""
    weights = weights_of(name)
    if weights == "trained":
        return MODEL_CACHE.get(("builtin", TRAINED[name]), lambda: load_builtin(TRAINED[name]))
    if weights == "random":
        return MODEL_CACHE.get(("random", name, 0), lambda: build_model(name, seed=0))
    return MODEL_CACHE.get(("first layers", name), lambda: drawn_convolutions(model_skeleton(name)))


def network_input(picture: CurrentPicture, name: str) -> tuple[Tensor, Tensor]:
    """Return (uint8 picture, normalised float), both (C, H, W), as the network reads them: the picture's middle square."""
    record = builtin_record(TRAINED[name]) if weights_of(name) == "trained" else model_record(name)
    channels, *sides = model_record(name).input_shape
    side = min(max(sides), 256)
    mean, std = (tuple(values) for values in (record.mean, record.std))
    made = prepared_picture(square_of(picture), (channels, side, side), mean, std)
    return made.cropped, made.batch[0]


def _network_run(key: tuple[object, ...], picture: CurrentPicture, name: str) -> Run:
    shown, image = network_input(picture, name)
    model = network_of(name)
    meta = torch.empty(1, *image.shape, device="meta")
    trained = weights_of(name) == "trained"
    with locked(model):
        described = layer_table(model, image) if trained else layer_table(model_skeleton(name), meta)
        rows = visible_rows(described, _HIDDEN)
        values = row_values(model, image, [row.name for row in rows])
    return Run(key, rows, values, image, shown, weights_of(name))


def block_settings(settings: ArchitectureSettings) -> BlockSettings:
    """Return the block's settings: those it uses, as they were set, the rest as it opens."""
    record = block_record(settings.block)
    usual = record.usual
    asked = {
        "in_channels": settings.cin or usual.in_channels,
        "out_channels": settings.cout or usual.out_channels,
        "size": max(settings.side, 8) if settings.side else usual.size,
        "kernel_size": int(settings.k),
        "stride": usual.stride if settings.stride == "usual" else int(settings.stride),
        "factor": settings.factor,
        "shortcut": settings.shortcut,
        "bottleneck": settings.bottleneck,
        "expansion": settings.t,
    }
    chosen = replace(usual, seed=settings.seed, **{n: v for n, v in asked.items() if n in record.uses})
    return replace(chosen, out_channels=chosen.in_channels) if settings.block == "residual" else chosen


def block_input(picture: CurrentPicture, name: str, chosen: BlockSettings) -> tuple[Tensor, Tensor]:
    """Return (uint8 picture, float input), both (C, H, W): maps of the picture, or itself for a U-Net."""
    made = prepared_picture(square_of(picture), (3, chosen.size, chosen.size), (0, 0, 0), (1, 1, 1))
    image = made.batch[0]
    return made.cropped, image if "unet" in name else picture_maps(
        image, chosen.in_channels, seed=chosen.seed
    )


def _block_run(key: tuple[object, ...], picture: CurrentPicture, name: str, chosen: BlockSettings) -> Run:
    shown, image = block_input(picture, name, chosen)
    block = build_block(name, chosen)
    rows = visible_rows(layer_table(block, image), block_record(name).hidden)
    return Run(key, rows, row_values(block, image, [r.name for r in rows]), image, shown, "random")


def built_input(picture: CurrentPicture, settings: ArchitectureSettings) -> tuple[Tensor, Tensor]:
    """Return (uint8 picture, float input in −1..1), both (C, S, S), for the person's own layers."""
    square, side = square_of(picture), int(settings.size)
    channels = square.shape[0]
    made = prepared_picture(square, (channels, side, side), (0.5,) * channels, (0.5,) * channels)
    return made.cropped, made.batch[0]


def _built_run(key: tuple[object, ...], picture: CurrentPicture, settings: ArchitectureSettings) -> Run:
    shown, image = built_input(picture, settings)
    channels, height, width = image.shape
    model = build_network(parsed_network(settings.stack), (channels, height, width), seed=settings.seed)
    rows = layer_table(model, image)
    return Run(key, rows, row_values(model, image, [row.name for row in rows]), image, shown, "random")
