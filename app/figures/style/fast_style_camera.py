"""The camera's frames in the chosen styles, as fast as the machine allows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.figures.style.fast_style_choices import fast_choices
from app.routes.camera import CameraFrame
from cnn.images.encode import jpeg_bytes, resize_to, to_hwc
from cnn.style.colour import colours_kept
from cnn.style.fast import stylize


def camera_answer(
    parameters: Mapping[str, Any], frame: CameraFrame
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return one frame, styled, as JPEG."""
    choices = fast_choices(parameters)
    content = resize_to(frame.pixels, min(choices.values["size"], max(frame.pixels.shape[1:])))
    began = time.perf_counter()
    made = stylize(choices.models(), content)
    if choices.values["colours"]:
        made = colours_kept(made, content)
    seconds = time.perf_counter() - began
    jpeg = np.frombuffer(jpeg_bytes(to_hwc(made), quality=88), np.uint8)
    return {"seconds": seconds, "size": list(made.shape[1:])}, {"jpeg": jpeg}
