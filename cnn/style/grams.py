"""The Gram matrices of a picture, to look at: which channels of a layer answer together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from cnn.device import parse_device
from cnn.style.features import extractor, style_network
from cnn.style.losses import gram_matrix, style_loss
from cnn.style.objective import Objective, cut_network
from cnn.style.pictures import picture, resized, scaled_size
from cnn.style.settings import given

__all__ = ["GramComparison", "GramMatrix", "gram_comparison", "gram_matrices"]


@dataclass(frozen=True, slots=True, eq=False)
class GramMatrix:
    """G of a layer: `values` float32 ``(C, C)``, undivided sums over `positions` = n_H·n_W map pixels."""

    layer: str
    values: Tensor
    positions: int


def gram_matrices(
    image: Tensor,
    *,
    network: str = "auto",
    layers: Sequence[str] | None = None,
    size: int | None = 256,
    device: str = "cpu",
) -> dict[str, GramMatrix]:
    """The Gram matrices of a picture by layer, in float32.

    Args:
        image: as for `cnn.style.gatys.style_transfer`; `size` its longer side, None its own.
        layers: None takes the network's style layers.

    Raises:
        StyleError: as `cnn.style.features.extractor`, or a picture that cannot be used.
    """
    chosen = style_network(network)
    cut = extractor(chosen, tuple(layers or chosen.style_layers)).to(parse_device(device))
    x = picture(image)
    x = resized(x, scaled_size(x.shape[-2], x.shape[-1], size)).to(parse_device(device))
    with torch.no_grad():
        maps = cut(x)
    return {
        name: GramMatrix(name, gram_matrix(features)[0].cpu(), features[0, 0].numel())
        for name, features in maps.items()
    }


@dataclass(frozen=True, slots=True, eq=False)
class GramComparison:
    """The Grams of a style and of a picture at one layer.

    Attributes:
        aim, own: float32 ``(C, C)``, sums over `positions` = n_H·n_W map pixels; the style's, scaled to
            as many positions, and the picture's.
        loss: J_style[l] between the two.
    """

    layer: str
    aim: Tensor
    own: Tensor
    positions: int
    loss: float


def gram_comparison(
    image: Tensor, content: Tensor, styles: Sequence[Tensor], *, layer: str, **settings: Any
) -> GramComparison:
    """The two matrices whose distance is a run's J_style at a layer, in float32, at the size of `image`.

    Args:
        image: ``(C, H, W)``, a run's picture at any step, as for `cnn.style.gatys.style_transfer`.
        content, styles, settings: those of the run; the size is the picture's.

    Raises:
        StyleError: as `cnn.style.gatys.style_transfer`.
    """
    chosen = replace(
        given(settings), style_layers=(layer,), content_layers=(), alpha=0.0, beta=1.0, precision="float32"
    )
    network, device = style_network(chosen.network), parse_device(chosen.device)
    features = cut_network(network, chosen)
    shown = picture(image).to(device)
    size = (shown.shape[-2], shown.shape[-1])
    base = resized(picture(content), size).to(device)
    objective = Objective(
        features, network, base, tuple(picture(style).to(device) for style in styles), chosen
    )
    aim, own, positions = objective.grams(shown)[layer]
    loss = style_loss(aim, own, positions).item()
    return GramComparison(layer, aim.cpu(), own.cpu(), positions, loss)
