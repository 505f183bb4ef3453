"""What a run minimises at one size: the targets, kept, and J with its gradient at a picture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.device import half_dtype, parse_device
from cnn.style.colour import colour_matched, from_yiq, luminance_matched, to_yiq
from cnn.style.errors import StyleError
from cnn.style.features import FeatureExtractor, StyleNetwork, extractor
from cnn.style.losses import content_loss, gram_matrix, style_loss, total_variation
from cnn.style.pictures import as_uint8, matched_area, resized
from cnn.style.settings import Layers, StyleSettings

__all__ = ["Evaluation", "Objective", "Weights", "checked_shares", "cut_network", "used_layers"]


@dataclass(frozen=True, slots=True)
class Weights:
    """The numbers of J = α·J_content + β·J_style + γ·TV as they are used at this size.

    J_content and J_style are the sums over `content` and `style` of the layers' weight times the layer's
    loss.
    """

    alpha: float
    beta: float
    gamma: float
    content: Mapping[str, float]
    style: Mapping[str, float]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """J at a picture: its parts, unweighted by layer, and the gradient with respect to what is optimised."""

    loss: float
    gradient: Tensor
    content: Mapping[str, float]
    style: Mapping[str, float]
    variation: float

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss) and bool(torch.isfinite(self.gradient.sum()))


def used_layers(network: StyleNetwork, settings: StyleSettings) -> tuple[dict[str, float], dict[str, float]]:
    """The content and style layers that are worth computing, with the weights asked for (1 unless given)."""
    content = _named(settings.content_layers, network.content_layers) if settings.alpha > 0 else {}
    strength = settings.style_strength if settings.beta is None else settings.beta
    style = _named(settings.style_layers, network.style_layers) if strength > 0 else {}
    return content, style


def _named(layers: Layers, default: tuple[str, ...]) -> dict[str, float]:
    if layers is None:
        return dict.fromkeys(default, 1.0)
    if isinstance(layers, Mapping):
        return {name: float(weight) for name, weight in layers.items() if weight > 0}
    return dict.fromkeys(layers, 1.0)


def cut_network(network: StyleNetwork, settings: StyleSettings) -> FeatureExtractor:
    """The network cut for the settings' layers, on their device and in their precision.

    Raises:
        StyleError: no_layers, unknown_layer, no_weights, setting.
    """
    content, style = used_layers(network, settings)
    device = parse_device(settings.device)
    cut = extractor(network, tuple({**content, **style}), pooling=settings.pooling)
    return cut.prepared(device, precision(settings.precision, device))


def precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of a precision's name; "auto" is bfloat16 where that is the device's fast half type."""
    if name == "auto":
        return torch.bfloat16 if half_dtype(device) is torch.bfloat16 else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


class Objective:
    """J at one size. What stays the same for all steps (content maps, style Grams) is computed once, here.

    Args:
        features: cut for the layers of the settings.
        content: ``(1, 3, H, W)`` in 0..1 at the size of this level, on the device.
        styles: ``(1, 3, h, w)`` each, at their own sizes.
        coarseness: pixels of the full size per pixel of this one. J_content is a sum over pixels and J_style is not, so
            a β that was asked for is divided by this number to keep their proportion.

    What is optimised is ``point``: the picture ``(1, 3, H, W)``, or its luminance ``(1, 1, H, W)``.
    """

    def __init__(
        self,
        features: FeatureExtractor,
        network: StyleNetwork,
        content: Tensor,
        styles: tuple[Tensor, ...],
        settings: StyleSettings,
        *,
        coarseness: float = 1.0,
    ) -> None:
        self.features = features
        self.settings = settings
        self._coarseness = coarseness
        self._chroma: Tensor | None = None
        if settings.colour == "luminance":
            yiq = to_yiq(content)
            self._chroma, grey = yiq[:, 1:], yiq[:, :1]
            content = grey.clamp(0, 1)
            styles = tuple(luminance_matched(to_yiq(style)[:, :1], grey) for style in styles)
        elif settings.colour == "histogram":
            styles = tuple(colour_matched(style, content) for style in styles)
        self.content, self.styles = content, styles
        self._shape = (content.shape[-2], content.shape[-1])
        self._content_layers, self._style_layers = used_layers(network, settings)
        with torch.no_grad():
            maps = features(_rgb(content))
            self._content_maps = {name: maps[name].clone() for name in self._content_layers}
            self._positions = {
                name: maps[name].shape[-2] * maps[name].shape[-1] for name in self._style_layers
            }
            own = {name: gram_matrix(maps[name])[0] for name in self._style_layers}
            del maps
            self._grams = tuple(self._style_grams(style) for style in styles)
            self._units = self._balance(own)
        self.weights = self._weigh(settings)

    def reweigh(self, settings: StyleSettings) -> None:
        """Take other weights over the same layers."""
        self.settings = settings
        self.weights = self._weigh(settings)

    def start(self) -> Tensor:
        """The point to begin from: the content, the first style cut to fill the size, or seeded noise."""
        if self.settings.start == "content":
            return self.content.clone()
        if self.settings.start == "style":
            return _filling(self.styles[0], self._shape)
        generator = torch.Generator().manual_seed(self.settings.seed)
        noise = torch.randn(self.content.shape, generator=generator).to(self.content)
        return (self.content.mean((2, 3), keepdim=True) + 0.1 * noise).clamp(0, 1)

    def grams(self, picture: Tensor) -> dict[str, tuple[Tensor, Tensor, int]]:
        """By style layer: the Gram that is aimed at, the picture's own, both float32, and their map's positions.

        With several styles the aim is their mean by the shares, which is where J_style is least.

        Args:
            picture: ``(1, 3, H, W)`` in 0..1, of this size.
        """
        point = picture if self._chroma is None else to_yiq(picture)[:, :1].clamp(0, 1)
        with torch.no_grad():
            maps = self.features(_rgb(point))
        found = {}
        for name in self._style_layers:
            shares = zip(self.weights.shares, self._grams, strict=True)
            aim = torch.stack([share * grams[name] for share, grams in shares]).sum(0)
            found[name] = aim, gram_matrix(maps[name])[0], self._positions[name]
        return found

    def shown(self, point: Tensor) -> Tensor:
        """The picture of a point, uint8 ``(3, H, W)`` on the CPU."""
        if self._chroma is None:
            return as_uint8(point)
        return as_uint8(from_yiq(torch.cat([point, self._chroma], 1)))

    def evaluate(self, point: Tensor) -> Evaluation:
        """J and its gradient at a point."""
        weights = self.weights
        leaf = point.detach().requires_grad_(True)
        maps = self.features(_rgb(leaf))
        content = {name: content_loss(self._content_maps[name], maps[name]) for name in self._content_layers}
        style = {name: self._layer_style(name, maps[name]) for name in self._style_layers}
        variation = total_variation(leaf if weights.gamma > 0 else point.detach())
        loss = weights.gamma * variation
        for name, value in content.items():
            loss = loss + weights.alpha * weights.content[name] * value
        for name, value in style.items():
            loss = loss + weights.beta * weights.style[name] * value
        (gradient,) = torch.autograd.grad(loss, leaf)
        numbers = torch.stack([loss, variation, *content.values(), *style.values()]).tolist()
        parts = iter(numbers[2:])
        return Evaluation(
            loss=numbers[0],
            gradient=gradient,
            content={name: next(parts) for name in content},
            style={name: next(parts) for name in style},
            variation=numbers[1],
        )

    def _layer_style(self, name: str, features: Tensor) -> Tensor:
        gram, positions = gram_matrix(features)[0], self._positions[name]
        losses = [style_loss(grams[name], gram, positions) for grams in self._grams]
        return torch.stack([s * loss for s, loss in zip(self.weights.shares, losses, strict=True)]).sum()

    def _style_grams(self, style: Tensor) -> dict[str, Tensor]:
        area = self._shape[0] * self._shape[1] * self.settings.style_scale**2
        maps = self.features(_rgb(resized(style, matched_area(style, area))))
        grams = {}
        for name in self._style_layers:
            positions = maps[name].shape[-2] * maps[name].shape[-1]
            grams[name] = gram_matrix(maps[name])[0] * (self._positions[name] / positions)
        return grams

    def _balance(self, own: dict[str, Tensor]) -> tuple[float, dict[str, tuple[float, ...]]]:
        """J_content(first style), and J_style[l](content) to each style."""
        distance = 0.0
        if self._content_layers:
            maps = self.features(_rgb(_filling(self.styles[0], self._shape)))
            for name, weight in self._content_layers.items():
                distance += weight * content_loss(self._content_maps[name], maps[name]).item()
        far = {
            name: tuple(
                style_loss(grams[name], own[name], self._positions[name]).item() for grams in self._grams
            )
            for name in self._style_layers
        }
        return distance, far

    def _weigh(self, settings: StyleSettings) -> Weights:
        content, style = self._content_layers, self._style_layers
        asked = _named(settings.content_layers, tuple(content)), _named(settings.style_layers, tuple(style))
        content = {name: asked[0].get(name, weight) for name, weight in content.items()}
        style = {name: asked[1].get(name, weight) / len(style) for name, weight in style.items()}
        if isinstance(settings.style_layers, Mapping) and settings.beta is not None:
            style = {name: weight * len(style) for name, weight in style.items()}
        shares = checked_shares(settings, len(self.styles))
        distance, far = self._units
        unit = distance if distance > 0 and math.isfinite(distance) else 1.0
        if settings.beta is not None:
            beta = settings.beta / self._coarseness
        else:
            beta = settings.style_strength * unit
            for name in style:
                loss = sum(s * value for s, value in zip(shares, far[name], strict=True))
                style[name] /= loss if loss > 1e-12 and math.isfinite(loss) else 1.0
        gamma = settings.gamma
        if gamma is None:
            gamma = settings.smoothness * unit / max(total_variation(self.content).item(), 1e-3)
        return Weights(settings.alpha, beta, gamma, content, style, shares)


def checked_shares(settings: StyleSettings, styles: int) -> tuple[float, ...]:
    """The styles' shares as parts of 1. Raises: StyleError (setting) unless there is one for each style."""
    shares = tuple(settings.style_shares or (1.0,) * styles)
    if len(shares) != styles or sum(shares) <= 0:
        wanted = f"one number for each of the {styles} style pictures, not all 0"
        raise StyleError("setting", name="style_shares", wanted=wanted, got=str(shares)[:60])
    return tuple(share / sum(shares) for share in shares)


def _rgb(point: Tensor) -> Tensor:
    return point.expand(-1, 3, -1, -1)


def _filling(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The picture scaled and cut around its middle to exactly this size."""
    factor = max(size[0] / image.shape[-2], size[1] / image.shape[-1])
    height = max(size[0], round(image.shape[-2] * factor))
    width = max(size[1], round(image.shape[-1] * factor))
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    if max(height, width) > 8 * max(size):  # a strip: cutting would first make a huge picture
        return resized(image, size)
    return resized(image, (height, width))[..., top : top + size[0], left : left + size[1]].contiguous()
