"""B10: segmentation as a person meets it: a photo in, its classes drawn; a camera's frames over the real route."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.bench_detect import camera_line
from benchmarks.measure import Line, best_of
from cnn.images.camera_frame import camera_frame
from cnn.images.encode import jpeg_bytes, to_hwc
from cnn.images.gallery import picture
from cnn.segmentation.colours import class_colours, overlaid
from cnn.segmentation.segment import network_input, segment
from cnn.weights import load_builtin
from tests.browser.conftest import start_server

BUDGETS = ("B10",)
NETWORK = "unet-street"


def measure() -> list[Line]:
    """Return the lines of B10 about classes of pixels."""
    model, image = load_builtin(NETWORK), picture("temple")
    x = network_input(model, image)
    with tempfile.TemporaryDirectory() as folder:
        server = start_server(Path(folder))
        try:
            camera = camera_line(server, model, x, image, kind="segment", name=NETWORK, side=480)
            return [drawing_line(model, x, image), camera]
        finally:
            server.process.terminate()
            server.process.wait(10)


def drawing_line(model: nn.Module, x: Tensor, image: Tensor) -> Line:
    """JPEG in, JPEG under the classes' colours out, beside the bare eager network on its own input."""
    data = jpeg_bytes(to_hwc(image), quality=90)

    @torch.inference_mode()
    def forward() -> object:
        return model(x)

    def whole() -> bytes:
        frame = camera_frame(data)
        found = segment(model, frame, precision="fast", probabilities=False)
        drawn = overlaid(frame, found.labels, class_colours(found.categories), 0.6)
        return jpeg_bytes(to_hwc(drawn), quality=85)

    whole()
    ours, theirs = best_of([whole, forward], repeats=15)
    return Line("B10", f"{NETWORK}: JPEG in → classes drawn, JPEG out", ours * 1e3, "ms", 1.25, theirs * 1e3)
