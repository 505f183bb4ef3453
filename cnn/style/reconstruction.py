"""What a layer remembers: pictures found from its maps alone (content) or its Grams alone (style)."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from torch import Tensor

from cnn.style.gatys import StyleStep, style_transfer

__all__ = ["content_reconstruction", "style_reconstruction"]

_Steps = Generator[StyleStep, Mapping[str, Any] | None, None]


def content_reconstruction(image: Tensor, *, layer: str, steps: int = 100, **settings: Any) -> _Steps:
    """From noise to a picture with the maps of `image` at one layer: minimises ½‖a(C) − a(G)‖² alone.

    Early layers give the picture back nearly pixel by pixel, deep ones its objects without their detail.

    Args:
        image: ``(C, H, W)``, as for `style_transfer`; `settings` are its too, `start` and `levels` aside.

    Raises (at the first step):
        StyleError: as `style_transfer`.
    Source: Mahendran and Vedaldi 2015; Gatys et al. 2016, figure 1.
    """
    fixed = {"start": "noise", "levels": 1, "smoothness": 0.0, **settings}
    fixed |= {"content_layers": (layer,), "style_layers": (), "beta": 0.0, "gamma": fixed.get("gamma")}
    yield from style_transfer(image, image, steps=steps, **fixed)


def style_reconstruction(
    image: Tensor, *, layers: Sequence[str], steps: int = 100, **settings: Any
) -> _Steps:
    """From noise to a picture with the Grams of `image` at these layers: its texture without its places.

    Args:
        image: ``(C, H, W)``, as for `style_transfer`; `settings` are its too.

    Raises (at the first step):
        StyleError: as `style_transfer`.
    Source: Gatys et al. 2015, "Texture synthesis using convolutional neural networks".
    """
    fixed = {"start": "noise", "smoothness": 0.0, **settings}
    fixed |= {"content_layers": (), "style_layers": tuple(layers), "alpha": 0.0}
    yield from style_transfer(image, image, steps=steps, **fixed)
