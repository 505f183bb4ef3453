"""What the connections screen shows: a picture and its shifted copy through three layers, a sound, a video; the card."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.figures.colours import palette
from app.figures.exchange import live_answer
from app.pictures import CurrentPicture, as_photo
from app.wire import pack
from cnn.checks import ShapeError
from cnn.convolution.axis_filters import (
    SOUND_FILTERS,
    SOUND_RATE,
    VIDEO_FILTERS,
    bundled_sound,
    bundled_video,
    sound_bank,
    video_bank,
)
from cnn.convolution.connection_settings import SHIFT_FILTERS, ConnectionSettings
from cnn.convolution.connections import TranslationStudy, translation_study
from cnn.convolution.filters import FILTERS, filter_weight
from cnn.images.encode import resize_to

LONGEST = 200
OUTPUTS = 64


def screen_words(language: str) -> dict[str, Any]:
    """Return the names that the controls list."""
    names = {record.name: record.label[language] for record in FILTERS}
    return {
        "shift_filters": [[name, names[name]] for name in SHIFT_FILTERS],
        "sound_filters": list(SOUND_FILTERS),
        "video_filters": list(VIDEO_FILTERS),
    }


def working_gray(picture: CurrentPicture) -> Tensor:
    """Return the picture that is shifted, float32 (1, H, W) of whole gray levels, 200 pixels a side at most."""
    photo = as_photo(picture)
    longest = max(photo.shape[-2:])
    photo = resize_to(photo, LONGEST) if longest > LONGEST or longest < 48 else photo
    return photo.float().mean(0, keepdim=True).round()


def study_of(picture: CurrentPicture, settings: ConnectionSettings) -> TranslationStudy:
    """Return the picture and its shifted copy through convolution, pooling and a fully connected layer.

    Raises:
        ShapeError: the picture is too narrow.
    """
    weight = filter_weight(settings.filter)
    return translation_study(
        working_gray(picture), weight, (settings.down, settings.right), pool=settings.pool, relu=settings.relu,
        outputs=OUTPUTS,
    )  # fmt: skip


def connection_block(
    picture: CurrentPicture, settings: ConnectionSettings, *, known: Collection[str] = (),
    header: Mapping[str, Any] | None = None,
) -> bytes:  # fmt: skip
    """Return what the view asks for; sound and video are left out where `known` has them."""
    block: dict[str, Any] = {**(header or {}), "settings": settings.to_mapping(), "alt": picture.alt}
    arrays: dict[str, np.ndarray] = {}
    if settings.view == "shift":
        try:
            study = study_of(picture, settings)
        except ShapeError as error:
            return pack({**block, "error": {"code": error.code}}, {})
        block["shift"] = _shares(study)
        arrays = {
            "images": torch.cat(study.images).to(torch.uint8).numpy(),
            "maps": torch.cat(study.maps).numpy(),
            "pooled": torch.cat(study.pooled).numpy(),
            "dense": torch.stack(study.dense).numpy(),
        }
    if settings.view == "sound":
        block["sound"] = {"id": "sound", "rate": SOUND_RATE}
        arrays["bank"] = sound_bank(settings.taps)[:, 0].numpy()
        if "sound" not in known:
            arrays["samples"] = bundled_sound()[0].numpy()
    if settings.view == "video":
        block["video"] = {"id": "video", "rate": 12.5}
        arrays["bank"] = video_bank()[:, 0].numpy()
        if "video" not in known:
            arrays["frames"] = bundled_video()[0].numpy()
    return pack(block, arrays)


live_block = live_answer(ConnectionSettings.from_mapping, connection_block)


def _shares(study: TranslationStudy) -> dict[str, Any]:
    names = ("map_equal", "pooled_equal", "dense_equal", "map_change", "pooled_change", "dense_change")
    return {"shift": list(study.shift), **{name: getattr(study, name) for name in names}}


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): where the edges differ after a shift, and where pooled ones do."""
    small = resize_to(photo, 320).float().mean(0, keepdim=True)
    study = translation_study(small, filter_weight("sobel_x"), (0, 1), pool=8, outputs=2)
    before, after = study.maps[0][0], study.maps[1][0]
    pooled = (study.pooled[1] - study.pooled[0])[0].repeat_interleave(8, 0).repeat_interleave(8, 1)
    difference = (after - before)[: pooled.shape[0], : pooled.shape[1]].clone()
    half = pooled.shape[1] // 2
    difference[:, half:] = pooled[:, half:]
    limit = float(before.abs().flatten().kthvalue(max(1, int(before.numel() * 0.98))).values) or 1.0
    levels = (difference * (127.0 / limit)).round().add(128).clamp(1, 255).to(torch.uint8).numpy()
    return palette("signed")[levels]
