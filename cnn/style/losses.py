"""The lectures' content and style costs, exactly, and the Gram matrix they are made of."""

from typing import Any

import torch
from torch import Tensor

__all__ = ["content_loss", "gram_matrix", "style_loss", "total_variation"]


def gram_matrix(features: Tensor) -> Tensor:
    """G_kk' = Σ_ij a_ijk · a_ijk', not divided by anything.

    Shapes: ``(N, C, H, W)`` → ``(N, C, C)``, or ``(C, H, W)`` → ``(C, C)``. float32 or wider where the
    features are; bfloat16 features give products summed in float32, each Gram element then rounded to
    bfloat16, as float32.

    Raises:
        ValueError: other axes.
    Source: Gatys et al. 2016, "Image style transfer using convolutional neural networks", equation 3.
    """
    if features.ndim == 3:
        return gram_matrix(features[None])[0]
    if features.ndim != 4:
        raise ValueError(f"wanted features (N, C, H, W) or (C, H, W), got shape {tuple(features.shape)}")
    # A view where the memory is channels-last.
    positions = features.permute(0, 2, 3, 1).flatten(1, 2)
    grams: Tensor = _Gram.apply(positions)
    return grams


class _Gram(torch.autograd.Function):
    """XᵀX of X (N, positions, C); backward is one product, where autograd's own would be two."""

    @staticmethod
    def forward(ctx: Any, positions: Tensor) -> Tensor:
        ctx.save_for_backward(positions)
        gram = positions.transpose(1, 2) @ positions
        return gram.float() if gram.dtype in (torch.bfloat16, torch.float16) else gram

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (positions,) = ctx.saved_tensors
        return positions @ (gradient + gradient.transpose(1, 2)).to(positions.dtype)


def content_loss(content: Tensor, generated: Tensor) -> Tensor:
    """J_content = ½‖a(C) − a(G)‖², the sum over all elements, in float32 or wider.

    Shapes: two of the same ``(N, C, H, W)`` → a scalar. Source: Gatys et al. 2016, equation 1.
    """
    difference = _wide(generated) - _wide(content)
    return difference.pow(2).sum() / 2


def style_loss(style_gram: Tensor, generated_gram: Tensor, positions: int) -> Tensor:
    """J_style = 1/(2·n_H·n_W·n_C)² ΣΣ (G_kk'(S) − G_kk'(G))², with n_H·n_W = `positions` of G's map.

    A style map of another size must have its Gram scaled to the same number of positions first (G·n/n').

    Shapes: two of the same ``(C, C)`` → a scalar. Source: Gatys et al. 2016, equation 4.
    """
    channels = style_gram.shape[-1]
    # Dividing before squaring keeps float32 away from its largest number.
    return ((style_gram - generated_gram) / (2 * positions * channels)).pow(2).sum()


def total_variation(image: Tensor) -> Tensor:
    """Σ (x_i,j+1 − x_i,j)² + Σ (x_i+1,j − x_i,j)² over a picture ``(..., H, W)``.

    Source: Mahendran and Vedaldi 2015, "Understanding deep image representations", with β = 2.
    """
    across = (image[..., 1:] - image[..., :-1]).pow(2).sum()
    return across + (image[..., 1:, :] - image[..., :-1, :]).pow(2).sum()


def _wide(features: Tensor) -> Tensor:
    return features.float() if features.dtype in (torch.bfloat16, torch.float16) else features
