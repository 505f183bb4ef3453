"""What a layer remembers: pictures found from its maps alone (content) or its Grams alone (style)."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cnn.style.features import style_network
from cnn.style.gatys import StyleStep, style_transfer

__all__ = [
    "LayerReconstruction",
    "content_reconstruction",
    "layer_reconstructions",
    "style_reconstruction",
]

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


@dataclass(frozen=True, slots=True, eq=False)
class LayerReconstruction:
    """A picture on its way to what one layer (content), or the layers up to one (style), remember.

    Attributes:
        step, steps: over all pictures, from 1.
        what: "content" or "style".
        layer: whose maps it is made from; for a style the last of its layers.
        image: uint8 ``(3, H, W)``.
        loss, first_loss: J_content or J_style of the picture, now and at its first step.
        seconds: since this picture was begun.
    """

    step: int
    steps: int
    what: str
    layer: str
    image: Tensor
    loss: float
    first_loss: float
    seconds: float


def layer_reconstructions(
    *,
    content: Tensor,
    style: Tensor,
    network: str = "auto",
    layers: Sequence[str] | None = None,
    steps: int = 50,
    size: int = 192,
    device: str = "cpu",
) -> Iterator[LayerReconstruction]:
    """Gatys' first figure of a person's own pictures: what each layer keeps of content and of style.

    One layer after another, its content first, then the style of all layers up to it.

    Args:
        layers: None takes the network's style layers. steps: of each picture. size: its longer side.

    Raises (at the first step):
        StyleError: as `style_transfer`.
    Source: Gatys et al. 2016, figure 1.
    """
    chosen = tuple(layers or style_network(network).style_layers)
    common: dict[str, Any] = {"network": network, "steps": steps, "size": size, "device": device}
    total, done = 2 * len(chosen) * steps, 0
    for place, layer in enumerate(chosen):
        for what, run in (
            ("content", content_reconstruction(content, layer=layer, **common)),
            ("style", style_reconstruction(style, layers=chosen[: place + 1], **common)),
        ):
            first = None
            for record in run:
                loss = record.content_loss if what == "content" else record.style_loss
                first = loss if first is None else first
                yield LayerReconstruction(
                    done + record.step, total, what, layer, record.image, loss, first, record.seconds
                )
            done += steps
