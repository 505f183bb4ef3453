"""Everything that a run's losses are computed from, as plain arrays: for code that has only PyTorch."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from cnn.style.colour import to_yiq
from cnn.style.features import style_network
from cnn.style.objective import Objective, cut_network
from cnn.style.pictures import matched_area, picture, resized
from cnn.style.settings import given

__all__ = ["exported_arrays"]


def exported_arrays(
    result: Tensor, content: Tensor, styles: Sequence[Tensor], **settings: Any
) -> dict[str, Tensor]:
    """Pictures as the losses see them, the weights of J, and the network's parameters, all float32.

    ``content`` and ``result`` ``(1, C, H, W)``, ``style0`` … at the size that their Grams are made at, scaled
    in colour where the run does that; C is 1 where only the luminance is changed. ``alpha``, ``beta``,
    ``gamma``, ``shares``; ``content_weights`` and ``style_weights`` in the order of the layers; ``mean``,
    ``std``; a parameter of the network as ``net.<layer>.<name>``.

    Args:
        result: a run's picture, ``(3, H, W)``; `content`, `styles` and `settings` are the run's, and the
            content has the result's size.

    Raises:
        StyleError: as `cnn.style.gatys.style_transfer`.
    """
    chosen = replace(given(settings), precision="float32", device="cpu")
    network = style_network(chosen.network)
    features = cut_network(network, chosen)
    shown = picture(result)
    size = (shown.shape[-2], shown.shape[-1])
    objective = Objective(
        features, network, resized(picture(content), size), tuple(picture(style) for style in styles), chosen
    )
    if chosen.colour == "luminance":
        shown = to_yiq(shown)[:, :1].clamp(0, 1)
    weights = objective.weights
    arrays = {
        "content": objective.content,
        "result": shown,
        "alpha": torch.tensor(weights.alpha),
        "beta": torch.tensor(weights.beta),
        "gamma": torch.tensor(weights.gamma),
        "shares": torch.tensor(weights.shares),
        "content_weights": torch.tensor(list(weights.content.values())),
        "style_weights": torch.tensor(list(weights.style.values())),
        "mean": features.mean,
        "std": features.std,
    }
    area = size[0] * size[1] * chosen.style_scale**2
    for place, style in enumerate(objective.styles):
        arrays[f"style{place}"] = resized(style, matched_area(style, area))
    for layer, stage in zip(features.names, features.stages, strict=True):
        for name, values in stage.state_dict().items():
            arrays[f"net.{layer}.{name}"] = values.float()
    return {name: values.detach().contiguous().float() for name, values in arrays.items()}
