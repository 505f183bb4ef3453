"""A large picture through a style network square by square, without seams."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn.style.errors import StyleError

__all__ = ["in_tiles", "shared_statistics"]

MARGIN = 96  # px around a tile that the network sees too: more than `StyleNet`'s receptive field reaches
STEP = 4  # tiles begin at multiples of the network's whole stride, so that their grids agree


def in_tiles(model: nn.Module, x: Tensor, tile: int) -> Tensor:
    """The network's output for ``(1, 3, H, W)``, worked in squares of `tile` px with `MARGIN` px around them.

    The instance norms of all tiles use the mean and variance that they have on the whole picture, made
    smaller to `tile` px.

    Raises:
        StyleError: setting, for a tile below 64 px.
    """
    if tile < 64:
        raise StyleError("setting", name="tile", wanted="at least 64", got=str(tile)[:60])
    factor = tile / max(x.shape[-2:])
    small = (max(16, round(x.shape[-2] * factor)), max(16, round(x.shape[-1] * factor)))
    tile = tile // STEP * STEP
    with shared_statistics(model, F.interpolate(x, size=small, mode="bilinear", antialias=True)):
        rows = []
        for top in range(0, x.shape[-2], tile):
            parts = [_one(model, x, top, left, tile) for left in range(0, x.shape[-1], tile)]
            rows.append(torch.cat(parts, -1))
        return torch.cat(rows, -2)


def _one(model: nn.Module, x: Tensor, top: int, left: int, tile: int) -> Tensor:
    above, before = max(0, top - MARGIN), max(0, left - MARGIN)
    seen = x[..., above : top + tile + MARGIN, before : left + tile + MARGIN]
    output: Tensor = model(seen)
    return output[..., top - above : top - above + tile, left - before : left - before + tile]


@contextmanager
def shared_statistics(model: nn.Module, whole: Tensor) -> Iterator[None]:
    """In the block every instance norm takes its mean and variance from a pass over `whole`, not from its input."""
    norms = [module for module in model.modules() if isinstance(module, nn.InstanceNorm2d)]
    statistics: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def measure(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        values = inputs[0].float()
        statistics[module] = values.mean((0, 2, 3)), values.var((0, 2, 3), correction=0)

    def apply(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        mean, variance = statistics[module]
        assert isinstance(module, nn.InstanceNorm2d)
        values = inputs[0]
        scaled = F.batch_norm(values.float(), mean, variance, module.weight, module.bias, eps=module.eps)
        return scaled.to(values.dtype)

    with ExitStack() as hooks:
        for norm in norms:
            hooks.callback(norm.register_forward_hook(measure).remove)
        model(whole)
    with ExitStack() as hooks:
        for norm in norms:
            hooks.callback(norm.register_forward_hook(apply).remove)
        yield
