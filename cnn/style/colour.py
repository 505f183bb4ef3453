"""Keeping the content's colours: on its luminance only, or by giving the style its colours first."""

import torch
from torch import Tensor

__all__ = ["COLOURS", "colour_matched", "colours_kept", "from_yiq", "luminance_matched", "to_yiq"]

COLOURS = ("style", "luminance", "histogram")
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def to_yiq(image: Tensor) -> Tensor:
    """RGB ``(..., 3, H, W)`` in 0..1 as luminance and two colour differences."""
    return _mixed(image, _YIQ)


def from_yiq(image: Tensor) -> Tensor:
    """The inverse of `to_yiq`, not clipped."""
    return _mixed(image, torch.linalg.inv(_YIQ.double()).float())


def colours_kept(styled: Tensor, content: Tensor) -> Tensor:
    """The luminance of one picture with the colour differences of another, both uint8 ``(3, H, W)``, as uint8.

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer", section 4.
    """
    mixed = to_yiq(content.float() / 255)
    mixed[0] = to_yiq(styled.float() / 255)[0]
    return (from_yiq(mixed).clamp(0, 1) * 255).round().byte()


def luminance_matched(style: Tensor, content: Tensor) -> Tensor:
    """The style's luminance ``(1, 1, h, w)`` with mean and spread of the content's ``(1, 1, H, W)``.

    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer", section 4.
    """
    spread = style.std(correction=0)
    factor = content.std(correction=0) / spread if spread > 1e-4 else torch.zeros_like(spread)
    return ((style - style.mean()) * factor + content.mean()).clamp(0, 1)


def colour_matched(style: Tensor, content: Tensor) -> Tensor:
    """The style picture with mean and covariance of the content's colours: x → A·x + b.

    A is made of two Cholesky factors.

    Shapes: ``(1, 3, h, w)`` and ``(1, 3, H, W)`` in 0..1 → ``(1, 3, h, w)``, clipped to 0..1.
    Source: Gatys et al. 2016, "Preserving color in neural artistic style transfer", section 3.
    """
    theirs, ours = _colours(style), _colours(content)
    transform = _factor(ours) @ torch.linalg.inv(_factor(theirs))
    moved = transform @ (theirs - theirs.mean(1, keepdim=True)) + ours.mean(1, keepdim=True)
    return moved.reshape(style.shape).to(style.dtype).clamp(0, 1)


def _colours(image: Tensor) -> Tensor:
    return image[0].reshape(3, -1).double()


def _factor(colours: Tensor) -> Tensor:
    """The lower Cholesky factor of the colours' covariance, made regular for flat and gray pictures."""
    centred = colours - colours.mean(1, keepdim=True)
    covariance = centred @ centred.t() / colours.shape[1]
    return torch.linalg.cholesky(covariance + 1e-6 * torch.eye(3, dtype=torch.float64, device=colours.device))


def _mixed(image: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("ij,...jhw->...ihw", matrix.to(image.device, image.dtype), image)
