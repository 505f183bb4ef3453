"""The camera's frames: candidates of each, as fast as the machine allows; the browser thresholds and draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from app.figures.detection.detect_settings import DetectSettings
from app.open_models import open_network
from app.routes.camera import CameraFrame
from app.session_devices import device_of
from cnn.detection.detect import raw_detections
from cnn.detection.record import raw_block
from cnn.detection.video_run import MOST_OF_A_FRAME


def camera_answer(
    parameters: Mapping[str, Any], frame: CameraFrame
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return one frame's candidates as `cnn.detection.record.raw_block` gives them."""
    network = open_network(str(parameters.get("net")), frame.session, str(parameters.get("net_as") or ""))
    network = network.on(device_of(frame.session))
    settings = DetectSettings.of(parameters)
    raw = network.ran(lambda on: raw_detections(on.model, frame.pixels, precision="fast", record=on.record))
    raw = replace(raw, timings=replace(raw.timings, decode=frame.decode_seconds))
    found, arrays = raw_block(
        raw, score_threshold=settings.score, iou_threshold=settings.iou or None, most=MOST_OF_A_FRAME
    )
    return {"candidates": found}, arrays
