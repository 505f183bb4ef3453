"""The live functions of the screens, by slug, in one list; a screen's module is loaded at its first request."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from app.pictures import CurrentPicture
from app.routes.camera import CAMERA_KINDS, Answer, CameraFrame, CameraKind
from app.routes.live import KINDS, LIGHT, LiveKind

MODULES = {
    "gallery": "app.figures.home.gallery",
    "convolution": "app.figures.convolution.convolution",
    "receptive_field": "app.figures.convolution.receptive_field",
    "architectures": "app.figures.networks.architectures",
    "region_proposals": "app.figures.detection.region_proposals",
    "layer_explorer": "app.figures.networks.layer_explorer",
    "learned_filters": "app.figures.convolution.learned_filters",
    "transposed_convolution": "app.figures.convolution.transposed_convolution",
    "connections": "app.figures.convolution.connections",
    "detect": "app.figures.detection.detect",
    "boxes": "app.figures.detection.boxes",
    "yolo_grid": "app.figures.detection.yolo_grid",
    "sliding_window": "app.figures.detection.sliding_window",
    "segment": "app.figures.segmentation.segment",
    "unet": "app.figures.segmentation.unet",
    "style_transfer": "app.figures.style.style_transfer",
    "fast_style": "app.figures.style.fast_style",
}
"""Modules with `live_block(parameters, picture) -> bytes`."""

QUICK = ("convolution",)
"""Those that answer within milliseconds; all others run networks and must not make these wait."""

CAMERAS: dict[str, str] = {
    "detect": "app.figures.detection.detect_camera",
    "fast_style": "app.figures.style.fast_style_camera",
    "segment": "app.figures.segmentation.segment_camera",
}
"""Modules with `camera_answer(parameters, frame) -> (header, arrays)`: see `app/routes/camera.py`."""


def register() -> None:
    """Fill `KINDS` and `CAMERA_KINDS`; called once by the server before it answers."""
    LIGHT.update(QUICK)
    for slug, module in MODULES.items():
        KINDS[slug] = _kind(module)
    load_cameras()


def load_cameras() -> None:
    """Fill `CAMERA_KINDS`, all that a camera's process needs."""
    for slug, module in CAMERAS.items():
        CAMERA_KINDS[slug] = _camera_kind(module)


def _kind(module: str) -> LiveKind:
    def answer(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
        block: bytes = importlib.import_module(module).live_block(parameters, picture)
        return block

    return answer


def _camera_kind(module: str) -> CameraKind:
    def answer(parameters: Mapping[str, Any], frame: CameraFrame) -> Answer:
        result: Answer = importlib.import_module(module).camera_answer(parameters, frame)
        return result

    return answer
