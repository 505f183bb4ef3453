"""The Gram matrices of a picture, to look at: which channels of a layer answer together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.device import parse_device
from cnn.style.features import extractor, style_network
from cnn.style.losses import gram_matrix
from cnn.style.pictures import picture, resized, scaled_size

__all__ = ["GramMatrix", "gram_matrices"]


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
