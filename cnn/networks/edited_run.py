"""One run of a network as edited: the range of every layer's values, the output, and the layers asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn.models.running import prepared
from cnn.networks.switchboard import Edit, changes_of, output_tensor


@dataclass(frozen=True, slots=True)
class ValueRange:
    """The finite values of one layer: smallest, largest, mean, and the share that is exactly zero; `bad` are not finite."""

    low: float
    high: float
    mean: float
    zeros: float
    bad: float


@dataclass(frozen=True, slots=True, eq=False)
class EditedRun:
    """What one run gave.

    Attributes:
        ranges: by layer, in the order they run.
        output: the scores, (K,) or (K, H, W).
        kept: the values of the layers asked for, without the batch.
    """

    ranges: Mapping[str, ValueRange]
    output: Tensor
    kept: Mapping[str, Tensor]


def value_range(value: Tensor) -> ValueRange:
    """The range of a tensor's finite values; all 0 where there is none."""
    numbers = value.detach().float().flatten()
    low, high = torch.aminmax(numbers) if numbers.numel() else (torch.zeros(()), torch.zeros(()))
    bad = 0.0
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        finite = numbers[torch.isfinite(numbers)]
        bad = 1 - finite.numel() / max(numbers.numel(), 1)
        numbers = finite if finite.numel() else torch.zeros(1)
        low, high = torch.aminmax(numbers)
    zeros = float((numbers == 0).float().mean()) if numbers.numel() else 0.0
    mean = float(numbers.mean()) if numbers.numel() else 0.0
    return ValueRange(float(low), float(high), mean, zeros, bad)


def edited_run(
    model: nn.Module, image: Tensor, edits: Sequence[Edit] = (), keep: Collection[str] = ()
) -> EditedRun:
    """Run a network with edits.

    Args:
        model: used in the mode it is in; use it under its lock.
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        edits: as in :mod:`cnn.networks.switchboard`.
        keep: layers whose values are wanted; block paths stand for their last layer.

    Raises:
        KeyError: no such layer. IndexError: no such channel or input. TypeError: an output without scores.
    """
    images = image if image.ndim == 4 else image[None]
    runner = prepared(model, images)
    network = runner.network
    change, read = changes_of(network, edits)
    wanted = {network.resolve(name): name for name in keep}
    ranges: dict[str, ValueRange] = {}
    kept: dict[str, Tensor] = {}
    output: Tensor | None = None
    with torch.no_grad():
        for node, value in runner.values(
            images, change=change if edits else None, read=read if edits else None
        ):
            if node.op == "output":
                output = output_tensor(value)[0]
            elif isinstance(value, Tensor) and value.is_floating_point() and node.op != "get_attr":
                ranges[network.names[node]] = value_range(value)
                if node in wanted:
                    kept[wanted[node]] = value[0]
    if output is None:
        raise TypeError("wanted a network with an output, got none")
    return EditedRun(ranges, output, kept)
