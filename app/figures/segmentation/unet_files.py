"""What the U-Net screen gives away: picture, result and classes as PNG, the block's maps as NPZ; and the code for them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.figures.segmentation.unet_network import (
    UNetSettings,
    block_of,
    labels_of,
    maps_of,
    shown_picture,
    strongest,
)
from app.pictures import CurrentPicture, as_photo
from cnn.images.encode import palette_png, png_bytes, to_hwc
from cnn.segmentation.colours import class_colours, overlaid
from cnn.weights.builtin import builtin_record

UNetFile = tuple[str, str, Callable[[], bytes], str]


def unet_files(picture: CurrentPicture, settings: UNetSettings) -> list[UNetFile]:
    """Return (label id, file name, maker, MIME type) of each download; makers run when they are asked for."""
    return [
        ("picture", "picture.png", lambda: png_bytes(to_hwc(as_photo(picture))), "image/png"),
        ("overlay", "result.png", lambda: _overlay(picture, settings), "image/png"),
        ("labels", "classes.png", lambda: _indexed(picture, settings), "image/png"),
        ("npz", "maps.npz", lambda: _maps(picture, settings), "application/octet-stream"),
    ]


def _overlay(picture: CurrentPicture, settings: UNetSettings) -> bytes:
    labels = labels_of(maps_of(picture, settings))
    palette = class_colours(builtin_record(settings.net).categories)
    return png_bytes(to_hwc(overlaid(shown_picture(picture), labels, palette, settings.opacity / 100)))


def _indexed(picture: CurrentPicture, settings: UNetSettings) -> bytes:
    palette = indexed_palette(builtin_record(settings.net).categories)
    return palette_png(labels_of(maps_of(picture, settings)).numpy(), palette)


def indexed_palette(categories: Sequence[str]) -> NDArray[np.uint8]:
    """Return the (256, 3) palette of an indexed picture of classes: the classes' colours, then black."""
    found = np.zeros((256, 3), dtype=np.uint8)
    found[: len(categories)] = class_colours(categories).numpy()
    return found


def _maps(picture: CurrentPicture, settings: UNetSettings) -> bytes:
    maps = maps_of(picture, settings)
    file = io.BytesIO()
    np.savez_compressed(
        file, maps=block_of(maps, settings.block).numpy(), labels=labels_of(maps).numpy(), skips=np.array(settings.skips)
    )  # fmt: skip
    return file.getvalue()


def pytorch_code(picture: CurrentPicture, settings: UNetSettings) -> str:
    """Return code whose `labels` (H, W) are the result's classes, and whose `channel` (h, w) is the channel shown."""
    values = block_of(maps_of(picture, settings), settings.block)
    index = strongest(values.float()) if settings.channel < 0 else min(settings.channel, len(values) - 1)
    arm, _, depth = settings.block.partition(".")
    place = f"levels[{depth}].{arm}" if depth else arm
    height, width = values.shape[1:]
    return "\n".join(
        [
            "import numpy as np",
            "import torch",
            "from PIL import Image",
            "from cnn.segmentation.segment import network_input",
            "from cnn.segmentation.unet_view import unet_maps",
            "from cnn.weights.builtin import load_builtin",
            "",
            'pixels = np.array(Image.open("picture.png"))  # from Downloads',
            "image = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1)  # uint8 (C, H, W)",
            f"model = load_builtin({settings.net!r})",
            "x = network_input(model, image)  # (1, C, h, w): scaled and normalised as it was trained",
            f"skips = {settings.skips}  # level 1 first; False passes zeros",
            "",
            "with torch.inference_mode():",
            "    logits = model.with_skips(x, skips)[0]  # (classes, h, w)",
            "labels = logits.argmax(0)",
            "print(labels.unique(return_counts=True))",
            "",
            "maps = unet_maps(model, x, skips)",
            f"channel = maps.{place}[{index}, :{height}, :{width}]  # without what was padded to the picture",
            "print(channel.shape, channel.min().item(), channel.max().item())",
        ]
    )
