"""How much memory a run will take, before it takes it, and the largest size that fits."""

import os
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from cnn.device import parse_device
from cnn.jobs.faults import memory_in_words
from cnn.style.errors import StyleError
from cnn.style.features import StyleNetwork, extractor, style_network
from cnn.style.objective import precision, used_layers
from cnn.style.settings import LARGEST_SIDE, StyleSettings

__all__ = ["MemoryEstimate", "available_memory", "check_memory", "largest_size", "memory_estimate"]

_STATE = 40  # pictures the optimiser keeps: two for each pair of L-BFGS's history, and what a step needs
_SHARE = 0.7  # of the free memory that a run may plan to take


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes at the full size.

    Attributes:
        weights: of the network.
        saved: maps and pooling indices kept from the forward to the backward pass.
        passing: the largest maps and gradients that exist for a moment beside those.
        targets: content maps and style Grams.
        optimiser: pictures of the optimiser's history.
    """

    weights: int
    saved: int
    passing: int
    targets: int
    optimiser: int

    @property
    def total(self) -> int:
        return self.weights + self.saved + self.passing + self.targets + self.optimiser

    def text(self) -> str:
        """`1.2 GB`."""
        return memory_in_words(self.total)


def memory_estimate(
    network: StyleNetwork, settings: StyleSettings, size: tuple[int, int], *, styles: int = 1
) -> MemoryEstimate:
    """What a run of these settings takes at `size` (height, width), without running it.

    The maps' shapes come from a pass on the meta device; kept are what the backward pass reads: the input
    of every convolution (each once), the output of ReLUs, the indices of max pools (8 bytes each), the maps
    of Grams.
    """
    content, style = used_layers(network, settings)
    device = parse_device(settings.device)
    dtype = precision(settings.precision, device)
    stages, names = _shapes(network.name, tuple({**content, **style}), settings.pooling)
    weights = sum(p.numel() for p in stages.parameters()) * dtype.itemsize
    saved, largest, maps = _kept(stages, size, dtype.itemsize)
    named = dict(zip(names, maps, strict=True))
    targets = sum(named[name].numel() * dtype.itemsize for name in content)
    targets += styles * sum(4 * named[name].shape[1] ** 2 for name in style)
    pixels = 12 * size[0] * size[1]
    # Differences of the content's maps are float32, as are the first and last gradients.
    passing = 3 * largest + sum(8 * named[name].numel() for name in content)
    return MemoryEstimate(weights, saved, passing, targets, _STATE * pixels)


@lru_cache(maxsize=8)
def _shapes(network: str, layers: tuple[str, ...], pooling: str) -> tuple[nn.ModuleList, tuple[str, ...]]:
    """The network's stages without their weights, on the meta device, and their names."""
    cut = extractor(style_network(network), layers, pooling=pooling)
    return cut.stages.to("meta"), cut.names


def _kept(stages: nn.ModuleList, size: tuple[int, int], itemsize: int) -> tuple[int, int, list[Tensor]]:
    """Bytes saved for backward, the largest single map in bytes, and every stage's output (meta)."""
    kept = {"bytes": 0, "largest": 0}
    seen: set[int] = set()
    alive: list[Tensor] = []  # ids stay unique while the tensors live

    def keep(tensor: Tensor) -> None:
        alive.append(tensor)
        if id(tensor) not in seen:
            seen.add(id(tensor))
            kept["bytes"] += tensor.numel() * itemsize

    def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        kept["largest"] = max(kept["largest"], output.numel() * itemsize)
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.MaxPool2d | nn.AvgPool2d):
            keep(inputs[0])
        if isinstance(module, nn.ReLU | nn.MaxPool2d):
            keep(output)
        if isinstance(module, nn.MaxPool2d):
            kept["bytes"] += output.numel() * 8

    handles = [module.register_forward_hook(look) for module in stages.modules()]
    x, maps = torch.empty(1, 3, *size, device="meta", dtype=next(stages.parameters()).dtype), []
    for stage in stages:
        x = stage(x)
        maps.append(x)
    for handle in handles:
        handle.remove()
    return kept["bytes"], kept["largest"], maps


def available_memory(device: torch.device) -> int:
    """Bytes a run may plan to take: a share of what is free; on a CPU at most half the machine's.

    Half, because that is where `cnn.jobs` ends a worker.
    """
    if device.type == "cuda":
        return int(_SHARE * torch.cuda.mem_get_info(device)[0])
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2 << 30
    return int(_SHARE * min(max(free, _reclaimable()), whole // 2))


def _reclaimable() -> int:
    """Bytes that Linux could free at once, 0 elsewhere."""
    try:
        with open("/proc/meminfo", encoding="ascii") as table:
            for line in table:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def largest_size(
    network: StyleNetwork,
    settings: StyleSettings,
    *,
    proportions: tuple[int, int] = (1, 1),
    memory: int | None = None,
    styles: int = 1,
) -> int:
    """The largest longer side, a multiple of 16 px, whose estimate fits in `memory` (None: available)

    `proportions` are (height, width) of the picture. 0 if not even 16 px fit.
    """
    memory = available_memory(parse_device(settings.device)) if memory is None else memory
    low, high = 0, LARGEST_SIDE // 16
    while low < high:
        middle = (low + high + 1) // 2
        if (
            memory_estimate(network, settings, _sides(16 * middle, proportions), styles=styles).total
            <= memory
        ):
            low = middle
        else:
            high = middle - 1
    return 16 * low


def check_memory(
    network: StyleNetwork, settings: StyleSettings, size: tuple[int, int], styles: int = 1
) -> None:
    """Refuse a size that would not fit on the CPU; an accelerator says itself when its memory is full.

    Raises:
        StyleError: too_large, naming the largest size.
    """
    device = parse_device(settings.device)
    if device.type != "cpu" or size[0] * size[1] <= 256 * 256:
        return
    estimate, memory = memory_estimate(network, settings, size, styles=styles), available_memory(device)
    if estimate.total > memory:
        raise StyleError(
            "too_large",
            size=max(size),
            needed=estimate.text(),
            available=memory_in_words(memory),
            largest=largest_size(network, settings, proportions=size, memory=memory, styles=styles),
        )


def _sides(longer: int, proportions: tuple[int, int]) -> tuple[int, int]:
    factor = longer / max(proportions)
    return max(1, round(proportions[0] * factor)), max(1, round(proportions[1] * factor))
