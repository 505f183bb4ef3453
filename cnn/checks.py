"""Checks of arguments that all of cnn shares; every error says what was wanted and what came."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

__all__ = ["ShapeError", "expect_choice", "expect_image", "expect_integer", "pair"]


class ShapeError(ValueError):
    """Sizes that do not fit together.

    `code` names the kind of misfit, `values` holds the numbers of the sentence, so that an interface can
    say it in its own language; `str(error)` is the English sentence.
    """

    def __init__(self, message: str, code: str, **values: Any) -> None:
        super().__init__(message)
        self.code = code
        self.values = values


def expect_integer(value: Any, name: str, *, minimum: int | None = None) -> int:
    """`value` as an int. Raises: TypeError if it is not whole, ValueError if it is below `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"expected {name} to be an integer, got {value!r}")
    if minimum is not None and value < minimum:
        raise ValueError(f"expected {name} of at least {minimum}, got {value}")
    return int(value)


def pair(value: int | Sequence[int], name: str, *, minimum: int = 1) -> tuple[int, int]:
    """`value`, one integer or (vertical, horizontal), as a pair.

    Raises: TypeError, ValueError as `expect_integer`; ValueError unless there are two.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ValueError(f"expected {name} to be one integer or two, got {tuple(value)!r}")
        return (
            expect_integer(value[0], f"{name}[0]", minimum=minimum),
            expect_integer(value[1], f"{name}[1]", minimum=minimum),
        )
    both = expect_integer(value, name, minimum=minimum)
    return both, both


def expect_choice(value: Any, choices: Sequence[str], name: str) -> str:
    """`value` if it is one of `choices`. Raises: ValueError."""
    if value not in choices:
        raise ValueError(f"expected {name} to be one of {', '.join(choices)}, got {value!r}")
    return str(value)


def expect_image(image: Any, name: str = "image") -> Tensor:
    """`image` as (C, H, W); an (H, W) one gets its channel axis. No copy is made.

    Raises: TypeError for anything but a dense real tensor; ShapeError for other axes or an empty one.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"expected {name} to be a tensor, got {type(image).__name__}")
    if image.layout != torch.strided or image.is_complex() or image.is_quantized:
        raise TypeError(f"expected {name} to be a dense real tensor, got {image.layout}, {image.dtype}")
    if image.ndim not in (2, 3) or image.numel() == 0:
        raise ShapeError(
            f"expected {name} of shape (C, H, W) or (H, W), none of them 0, got {tuple(image.shape)}",
            "image_shape",
            shape=tuple(image.shape),
        )
    return image[None] if image.ndim == 2 else image
