"""A network that crosses to a worker as the call that makes it, not as its weights."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

__all__ = ["MadeThere"]


class MadeThere:
    """Stands for a network in a message that is pickled: whoever reads the message has the network itself.

    Args:
        make: a function of a module under ``cnn/``, or a `functools.partial` of one.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        self._make = make

    def __reduce__(self) -> tuple[Callable[[], nn.Module], tuple[()]]:
        return self._make, ()
