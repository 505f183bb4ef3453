"""Long work on a network that a person opened: a job whose parameters hold the network itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.open_models import OpenNetwork
from cnn.hooks import locked
from cnn.jobs import Job, JobOptions, submit
from cnn.models.cache import model_bytes

MOST_BYTES = 440 * 2**20
"""Of a network that is sent to a worker, which takes no larger messages than 512 MB."""


class NetworkTooLarge(Exception):
    """The network cannot be sent to a worker."""

    def text(self, language: str) -> str:
        """Return the sentence in "ko" or, for any other language, English."""
        if language == "ko":
            return "이 서버에서 뒤에서 계산하기에는 너무 큰 신경망입니다. 더 작은 것을 골라 주세요."
        return "This network is too large for work in the background on this server. Choose a smaller one."


def submit_with(
    network: OpenNetwork, function: Callable[..., Any], options: JobOptions, **parameters: Any
) -> Job:
    """Submit a job of `function(model=..., **parameters)`.

    Raises:
        NetworkTooLarge: no worker takes it. QueueFull: the server has enough to do.
    """
    if model_bytes(network.model) > MOST_BYTES:
        raise NetworkTooLarge
    with locked(network.model):  # nobody's hooks hang on it while it is written down
        return submit(function, options=options, model=network.model, **parameters)
