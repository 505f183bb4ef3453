"""What a scaled EfficientNet costs, counted from its stages without building it (curriculum M8)."""

from __future__ import annotations

from dataclasses import dataclass

from cnn.networks.costs import Cost, conv_cost
from cnn.networks.scaling import BASE_CHANNELS, BASE_LAYERS, scaled_channels, scaled_layers

# Expansion, kernel size and stride of the seven stages of blocks (table 1 of the paper).
BLOCK_STAGES = ((1, 3, 1), (6, 3, 2), (6, 5, 2), (6, 3, 2), (6, 5, 1), (6, 5, 2), (6, 3, 1))
CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a scaled network: `layers` of `channels` each on maps of `size`² ; `kind` "stem", "blocks", "head"."""

    kind: str
    channels: int
    layers: int
    size: int
    kernel_size: int
    expansion: int
    cost: Cost


def efficientnet_stages(width: float, depth: float, resolution: int) -> tuple[Stage, ...]:
    """The stages of EfficientNet-B0 with its channels, layers and picture scaled, for 1000 classes.

    Args:
        width, depth: factors on channels and layers. resolution: side of the picture in pixels.

    Returns:
        stem, seven stages of blocks, head (with the classifier); multiply-adds without batch norm.

    Raises:
        ValueError: a factor that is not positive, or a resolution below 1.
    Source: Tan, Le 2019, "EfficientNet", table 1; squeeze and excitation to a quarter of a block's input channels.
    """
    if width <= 0 or depth <= 0 or resolution < 1:
        raise ValueError(f"wanted positive factors and resolution, got {width}, {depth}, {resolution}")
    channels = [scaled_channels(c, width) for c in BASE_CHANNELS[:-1]]
    size = -(-resolution // 2)
    stages = [Stage("stem", channels[0], 1, size, 3, 1, _conv(3, channels[0], 3, size))]
    for place, (expansion, kernel, stride) in enumerate(BLOCK_STAGES):
        before, after = channels[place], channels[place + 1]
        layers, total = scaled_layers(BASE_LAYERS[place], depth), Cost(0, 0)
        for layer in range(layers):
            wide, behind = before * expansion, -(-size // (stride if layer == 0 else 1))
            total += _block(before, wide, after, kernel, size, behind)
            before, size = after, behind
        stages.append(Stage("blocks", after, layers, size, kernel, expansion, total))
    last = 4 * channels[-1]
    classifier = Cost((last + 1) * CLASSES, last * CLASSES)
    stages.append(Stage("head", last, 1, size, 1, 1, _conv(channels[-1], last, 1, size) + classifier))
    return tuple(stages)


def efficientnet_cost(width: float, depth: float, resolution: int) -> Cost:
    """Parameters and multiply-adds of the whole network. Raises: ValueError, as `efficientnet_stages`."""
    return sum((stage.cost for stage in efficientnet_stages(width, depth, resolution)), Cost(0, 0))


def _conv(before: int, after: int, kernel: int, size: int, *, groups: int = 1) -> Cost:
    """A convolution and the two numbers a channel of its batch norm."""
    return conv_cost(before, after, kernel, (size, size), groups=groups) + Cost(2 * after, 0)


def _block(before: int, wide: int, after: int, kernel: int, size: int, behind: int) -> Cost:
    squeezed = max(1, before // 4)
    cost = _conv(before, wide, 1, size) if wide != before else Cost(0, 0)
    cost += _conv(wide, wide, kernel, behind, groups=wide)
    cost += conv_cost(wide, squeezed, 1, (1, 1), bias=True) + conv_cost(squeezed, wide, 1, (1, 1), bias=True)
    return cost + _conv(wide, after, 1, behind)
