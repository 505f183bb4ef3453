"""The receptive fields of an open network: found by rule once for a server, in bounded time, for every screen."""

from __future__ import annotations

from app.cache import BoundedCache
from app.open_models import OpenNetwork
from cnn.convolution.field_propagation import FieldTimeout
from cnn.convolution.field_tables import LayerField, layer_fields
from cnn.hooks import locked

MOST_SECONDS = 12.0
"""That the rule may take: torchvision's classifiers need one at most."""

_FAULTS = (
    ValueError,
    RuntimeError,
    NotImplementedError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
)
"""What a person's own network may raise while its graph is looked for."""

_FIELDS: BoundedCache[tuple[LayerField, ...]] = BoundedCache(
    32_000_000, lambda layers: 100 + sum(300 + f.rows.nbytes + f.columns.nbytes for f in layers)
)
"""Of each network; none for one that has been tried in vain."""


class FieldsUnknown(ValueError):
    """No rule gives the fields of this network, with a sentence in both languages."""

    def sentence(self, language: str) -> str:
        """Return the sentence in "ko" or, for any other language, English."""
        if language == "ko":
            return (
                "이 신경망의 수용장은 규칙으로 구할 수 없습니다. 계산 그래프를 따라갈 수 없거나 시간이 너무 오래 걸립니다. "
                "다른 신경망을 골라 주세요."
            )
        return (
            "The receptive fields of this network cannot be found: its graph cannot be followed, or that takes too long. "
            "Choose another network."
        )


def fields_of(network: OpenNetwork) -> tuple[LayerField, ...]:
    """Return the fields of every layer whose units can be pointed at, in the order they run.

    Raises:
        FieldsUnknown: no rule holds for the network, or it takes too long.
    """
    key = (_structure(network), network.input_shape)
    found = _FIELDS.get(key)
    if found is None:
        with locked(network.model):  # who asks at the same time waits, and finds it here
            found = _FIELDS.get_or_make(key, lambda: _by_rule(network))
    if not found:
        raise FieldsUnknown(network.identity)
    return found


def _structure(network: OpenNetwork) -> str:
    """Name what the fields follow from: all random networks of an architecture have the same."""
    return f"random.{network.architecture}" if network.origin == "random" else network.identity


def _by_rule(network: OpenNetwork) -> tuple[LayerField, ...]:
    try:
        return layer_fields(network.model, network.input_shape, seconds=MOST_SECONDS)
    except (FieldTimeout, *_FAULTS):
        return ()
