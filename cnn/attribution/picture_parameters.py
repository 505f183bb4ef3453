"""A picture as numbers that an optimiser may change freely: Fourier coefficients or pixels, colours apart or decorrelated."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

PARAMETRISATIONS = ("fourier", "pixels", "blurred")
_FIRST_SPREAD = 0.01
_CONTRAST = 0.25
# How the colours of photos go together: the square root of their covariance over ImageNet.
# Source: Olah, Mordvintsev, Schubert 2017, "Feature visualization", Distill.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class PictureParameters:
    """A picture (1, C, H, W) in 0..1 behind free numbers.

    Args:
        shape: (C, H, W), C 1 or 3.
        parametrisation: "fourier": coefficients of waves, each weighted by its wavelength, so that all sizes of
            pattern are learned alike; "pixels": one number a pixel; "blurred": pixels that are blurred after
            every step.
        decorrelated: the three numbers of a pixel are those that photos' colours vary along, not red, green and blue.
        seed: of the noise it begins with.

    Raises:
        ValueError: for other channels or parametrisations.
    """

    def __init__(
        self, shape: tuple[int, int, int], *, parametrisation: str, decorrelated: bool, seed: int
    ) -> None:
        channels, height, width = shape
        if channels not in (1, 3):
            raise ValueError(f"wanted pictures with 1 or 3 channels, got {channels}")
        if parametrisation not in PARAMETRISATIONS:
            raise ValueError(f"wanted one of {', '.join(PARAMETRISATIONS)}, got {parametrisation!r}")
        generator = torch.Generator().manual_seed(seed)
        self._shape = shape
        self._kind = parametrisation
        self._mix = _colour_mix() if decorrelated and channels == 3 else None
        size = (channels, height, width // 2 + 1, 2) if parametrisation == "fourier" else shape
        self.values = (_FIRST_SPREAD * torch.randn(size, generator=generator)).requires_grad_()
        self._weights = _wave_weights(height, width) if parametrisation == "fourier" else None

    def picture(self) -> Tensor:
        """The picture, differentiable."""
        plane = self._plane()
        if self._mix is not None:
            plane = torch.einsum("oc,chw->ohw", self._mix, plane)
        return plane.sigmoid()[None]

    def _plane(self) -> Tensor:
        if self._weights is None:
            return self.values
        waves = torch.view_as_complex(self.values) * self._weights
        return _CONTRAST * torch.fft.irfft2(waves, s=self._shape[1:], norm="backward")

    def after_step(self) -> None:
        """What follows an optimiser's step: the blur, where there is one."""
        if self._kind != "blurred":
            return
        with torch.no_grad():
            kernel = torch.tensor([1.0, 14.0, 1.0]) / 16
            padded = F.pad(self.values[:, None], (1, 1, 1, 1), mode="replicate")
            rows = F.conv2d(padded, kernel.view(1, 1, 3, 1))
            self.values.copy_(F.conv2d(rows, kernel.view(1, 1, 1, 3))[:, 0])


def _wave_weights(height: int, width: int) -> Tensor:
    """(H, W // 2 + 1): each wave's wavelength in pixels, the picture's size at most, times the number of pixels."""
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :]
    frequency = (rows.square() + columns.square()).sqrt().clamp(min=1 / max(height, width))
    return math.sqrt(height * width) / frequency


def _colour_mix() -> Tensor:
    colours = torch.tensor(_COLOURS)
    return colours / colours.norm(dim=0).max()


def moved(pictures: Tensor, jitter: int, generator: torch.Generator) -> Tensor:
    """The pictures (N, C, H, W) shifted by up to `jitter` pixels each way, mirrored where they leave the frame."""
    reach = min(jitter, pictures.shape[-1] - 1, pictures.shape[-2] - 1)
    if reach < 1:
        return pictures
    top, left = torch.randint(0, 2 * reach + 1, (2,), generator=generator).tolist()
    padded = F.pad(pictures, (reach,) * 4, mode="reflect")
    return padded[..., top : top + pictures.shape[-2], left : left + pictures.shape[-1]]


def turned(pictures: Tensor, degrees: float, zoom: float, generator: torch.Generator) -> Tensor:
    """The pictures turned by up to `degrees` and scaled by up to 1 ± `zoom`, mirrored at the frame."""
    if degrees <= 0 and zoom <= 0:
        return pictures
    draw = (2 * torch.rand(2, generator=generator) - 1).tolist()
    angle, scale = math.radians(degrees) * draw[0], 1 + zoom * draw[1]
    cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
    theta = torch.tensor([[[cosine, -sine, 0.0], [sine, cosine, 0.0]]])
    grid = F.affine_grid(theta.expand(len(pictures), -1, -1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def total_variation(pictures: Tensor) -> Tensor:
    """How much neighbours differ, (N, C, H, W) → a number: the mean absolute difference down plus that across."""
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs()
    across = (pictures[..., 1:] - pictures[..., :-1]).abs()
    return down.mean() + across.mean()
