"""What the browser and a screen's figures say to each other: settings, and the ids of the parts that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from app.pictures import CurrentPicture

S = TypeVar("S", contravariant=True)
MOST_KNOWN = 24
LONGEST_ID = 700


class Block(Protocol[S]):
    """A screen's answer for a picture and settings."""

    def __call__(
        self, picture: CurrentPicture, settings: S, *, known: tuple[str, ...], header: Mapping[str, Any]
    ) -> bytes:
        """Return the block; parts whose id is `known` are left out."""
        ...


def known(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the parts that the browser says it has."""
    listed = sent.get("known")
    return tuple(str(name)[:LONGEST_ID] for name in listed[:MOST_KNOWN]) if isinstance(listed, list) else ()


def settings_sent(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings that came over the live route; none where they are no table."""
    sent = parameters.get("settings")
    return sent if isinstance(sent, Mapping) else {}


def live_answer(
    read: Callable[[Mapping[str, Any]], S], block: Block[S]
) -> Callable[[Mapping[str, Any], Callable[[], CurrentPicture]], bytes]:
    """Return a screen's function of the live route: `read` the settings sent, then the `block` for them."""

    def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
        settings = read(settings_sent(parameters))
        header = {"id": parameters.get("id", 0)}
        return block(picture(), settings, known=known(parameters), header=header)

    return live_block
