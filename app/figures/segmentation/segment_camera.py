"""The camera's frames segmented: the class of every pixel of each, as fast as the machine allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.open_models import open_network
from app.routes.camera import CameraFrame
from app.session_devices import device_of
from cnn.segmentation.segment import segment


def camera_answer(
    parameters: Mapping[str, Any], frame: CameraFrame
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the network's key, times and runtime, and `labels` (H, W) uint8 of one frame."""
    network = open_network(str(parameters.get("net")), frame.session, str(parameters.get("net_as") or ""))
    network = network.on(device_of(frame.session))
    found = network.ran(
        lambda on: segment(on.model, frame.pixels, precision="fast", record=on.record, probabilities=False)
    )
    header = {"net": network.key, "seconds": dict(found.seconds), "runtime": found.runtime}
    return header, {"labels": np.asarray(found.labels.numpy())}
