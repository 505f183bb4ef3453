"""B10 and B3: detection as a person meets it: a photo in, the drawn picture out; a camera's frames over the real route.

The detector is the one that ships and opens the screen; beside it stands its bare eager forward on its own input, nothing
decoded, suppressed or drawn.
"""

from __future__ import annotations

import json
import struct
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn
from websockets.sync.client import connect

from benchmarks.bench_server import moves
from benchmarks.measure import Line, best_of, quantile
from cnn.detection.detect import detect
from cnn.detection.drawing import drawn
from cnn.detection.reading import reading_of
from cnn.images.camera_frame import camera_frame
from cnn.images.encode import jpeg_bytes, resize_to, to_hwc
from cnn.images.gallery import picture
from cnn.models.yolo import letterbox
from cnn.weights import load_builtin
from tests.browser.conftest import Server, start_server
from tests.browser.protocol import Visitor, live_token

BUDGETS = ("B3", "B10")
NETWORK = "yolo-cells"
FRAMES, ROUNDS = 12, 4


def measure() -> list[Line]:
    """Return the lines of B10 that are about whole ways, and of B3 beside cameras."""
    model = load_builtin(NETWORK).requires_grad_(False)
    image = picture("cells_neutrophil")
    with tempfile.TemporaryDirectory() as folder:
        server = start_server(Path(folder))
        try:
            return [
                *drawing_lines(model, image),
                camera_line(server, *bare(model, image), image),
                *crowd_lines(server, image),
            ]
        finally:
            server.process.terminate()
            server.process.wait(10)


def bare(model: nn.Module, image: Tensor) -> tuple[nn.Module, Tensor]:
    """The network and its input, normalised."""
    canvas, _ = letterbox(image, reading_of(model).size)
    return model, ((canvas - 0.5) / 0.25)[None]


def drawing_lines(model: nn.Module, image: Tensor) -> list[Line]:
    """JPEG in, JPEG with boxes out."""
    network, x = bare(model, image)
    data = jpeg_bytes(to_hwc(image), quality=90)

    @torch.inference_mode()
    def forward() -> object:
        return network(x)

    def whole() -> bytes:
        frame = camera_frame(data)
        found = detect(model, frame, score_threshold=0.4, precision="fast")
        return jpeg_bytes(to_hwc(drawn(frame, found)), quality=85)

    whole()
    ours, theirs = best_of([whole, forward], repeats=15)
    return [Line("B10", f"{NETWORK}: JPEG in → boxes drawn, JPEG out", ours * 1e3, "ms", 1.25, theirs * 1e3)]


def camera_message(image: Tensor, kind: str = "detect", name: str = NETWORK, side: int = 640) -> bytes:
    """A frame as the browser sends it."""
    text = json.dumps({"id": 1, "kind": kind, "parameters": {"net": name}}).encode()
    return struct.pack("<I", len(text)) + text + jpeg_bytes(to_hwc(resize_to(image, side)), quality=80)


def crowd_lines(server: Server, image: Tensor) -> list[Line]:
    """Thirty sessions that move sliders, in peace and while two cameras stream as fast as they are answered."""
    frame, over = camera_message(image), threading.Event()
    address = server.url.replace("http", "ws") + "/convscope/camera"
    answered = []

    def stream(token: str) -> None:
        with connect(address, origin=server.url, subprotocols=["convscope", token], max_size=None) as socket:
            while not over.is_set():
                socket.send(frame)
                answered.append(len(socket.recv(timeout=60)))

    with ExitStack() as stack:
        visitors = [stack.enter_context(Visitor(server.url, "convolution")) for _ in range(30)]
        tokens = []
        for visitor in visitors:
            messages = visitor.rerun()
            visitor.open_live(messages)
            tokens.append(live_token(messages))
        peaceful = moves(visitors)
        cameras = [threading.Thread(target=stream, args=(token,)) for token in tokens[:2]]
        for camera in cameras:
            camera.start()
        begun = time.perf_counter()
        beside = moves(visitors)
        rate = len(answered) / (time.perf_counter() - begun)
        over.set()
        for camera in cameras:
            camera.join()
    slow, before = (1e3 * quantile(took, 0.95) for took in (beside, peaceful))
    return [
        Line("B3", f"30 sessions' sliders beside 2 cameras ({rate:.1f} frames/s): p95", slow, "ms", 150),
        Line("B3", "… the same without cameras: p95", before, "ms", 150),
    ]


def camera_line(
    server: Server, network: nn.Module, x: Tensor, image: Tensor, *, kind: str = "detect", name: str = NETWORK,
    side: int = 640,
) -> Line:  # fmt: skip
    """Frames a second of one camera, `side` px, one on the way at a time, beside the bare model's on its own input `x`;
    best round of each."""
    frame = camera_message(image, kind, name, side)
    with Visitor(server.url, page=kind) as visitor:
        token = live_token(visitor.rerun())
        address = server.url.replace("http", "ws") + "/convscope/camera"
        with connect(address, origin=server.url, subprotocols=["convscope", token], max_size=None) as socket:

            def streamed() -> None:
                for _ in range(FRAMES):
                    socket.send(frame)
                    if isinstance(socket.recv(timeout=60), str):
                        raise AssertionError("the camera's route answered with an error")

            @torch.inference_mode()
            def forward() -> None:
                for _ in range(FRAMES):
                    network(x)

            streamed()
            ours, theirs = [], []
            for _ in range(ROUNDS):
                time.sleep(2.0)  # the route takes 40 messages a second from one connection
                (seconds,) = best_of([streamed], repeats=1)
                ours.append(seconds)
                theirs.append(best_of([forward], repeats=1)[0])
    return Line(
        "B10", f"{name}: camera over the route", FRAMES / min(ours), "frames/s", 0.8, FRAMES / min(theirs),
        at_least=True,
    )  # fmt: skip
