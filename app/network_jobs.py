"""Long work on a network that a person opened: a job whose parameters hold the network itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from app.open_models import OpenNetwork
from cnn.hooks import locked
from cnn.jobs import Job, JobOptions, submit
from cnn.models.cache import model_bytes
from cnn.models.made_there import MadeThere
from cnn.models.registry import build_model

MOST_BYTES = 440 * 2**20
"""Of a network that is sent to a worker, which takes no larger messages than 512 MB; a larger one is made there anew."""


class NetworkTooLarge(Exception):
    """The network cannot be sent to a worker."""

    def text(self, language: str) -> str:
        """Return the sentence in "ko" or, for any other language, English."""
        if language == "ko":
            return "이 서버에서 뒤에서 계산하기에는 너무 큰 신경망입니다. 더 작은 것을 골라 주세요."
        return "This network is too large for work in the background on this server. Choose a smaller one."


def _fresh(network: OpenNetwork) -> MadeThere:
    """Stand for a network that can be made anew.

    Raises:
        NetworkTooLarge: it cannot, since it came in a person's file or was trained here.
    """
    if network.origin == "random":
        _, name, seed = network.key.split(".")
        return MadeThere(partial(build_model, name, seed=int(seed)))
    if network.origin in ("builtin", "pretrained"):
        from cnn.weights.named import load_named  # brings torchvision

        return MadeThere(partial(load_named, network.key))
    raise NetworkTooLarge


def submit_with(
    network: OpenNetwork, function: Callable[..., Any], options: JobOptions, **parameters: Any
) -> Job:
    """Submit a job of `function(model=..., **parameters)`.

    Raises:
        NetworkTooLarge: no worker takes it. QueueFull: the server has enough to do.
    """
    if model_bytes(network.model) > MOST_BYTES:
        return submit(function, options=options, model=_fresh(network), **parameters)
    with locked(network.model):  # nobody's hooks hang on it while it is written down
        return submit(function, options=options, model=network.model, **parameters)
