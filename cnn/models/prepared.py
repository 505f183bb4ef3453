"""A copy of a network made fast: batch norms folded into their convolutions, channels last, 16 bits where that helps."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torchvision.ops import FrozenBatchNorm2d

from cnn.device import half_dtype
from cnn.hooks import locked

__all__ = ["HalfPrecision", "fingerprint", "folded", "prepared"]

Fingerprint = tuple[tuple[int, int], ...]

_made: WeakKeyDictionary[nn.Module, dict[Any, tuple[Fingerprint, nn.Module]]] = WeakKeyDictionary()
_making = threading.Lock()


class HalfPrecision(nn.Module):
    """A part of a network that computes in 16 bits and is handed, and hands out, float32.

    Tensors may stand in lists, tuples and dictionaries.
    """

    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = inner.to(dtype)
        self.dtype = dtype

    def forward(self, *inputs: Any) -> Any:
        return _cast(self.inner(*(_cast(value, self.dtype) for value in inputs)), torch.float32)


def prepared(
    model: nn.Module, parts: Iterable[str], *, half: torch.dtype | str | None = "device"
) -> nn.Module:
    """A fast copy of an evaluated network; the network itself is left as it is.

    The copy is kept as long as the network lives, and made again once a weight has changed.

    Args:
        parts: dotted names of the submodules that take and give tensors (or lists and dictionaries of them) and hold
            the arithmetic; each becomes a `HalfPrecision`. Names the network does not have are left out; "" is the
            whole network.
        half: the 16-bit type, None for float32; "device" asks `cnn.device.half_dtype` for the device it is on.

    Returns:
        a network with the same outputs to rounding: of float32 without `half`, else about three digits.
    """
    names = tuple(parts)
    where = next((p.device for p in model.parameters()), torch.device("cpu"))
    dtype = half_dtype(where) if half == "device" else half
    key, print_ = (names, dtype, where), fingerprint(model)
    with _making:
        kept = _made.setdefault(model, {})
    with locked(model):
        found = kept.get(key)
        if found is None or found[0] != print_:
            kept.clear()
            found = kept[key] = (print_, _made_fast(model, names, dtype))  # type: ignore[arg-type]
    return found[1]


def folded(model: nn.Module, half_parts: tuple[str, ...] = ()) -> nn.Module:
    """A copy of a network on the CPU for the caller alone: evaluation mode, batch norms folded in, channels last, float32.

    `half_parts`: as the parts of `prepared`, in 16 bits where the CPU is made for it.
    """
    return _made_fast(model, half_parts, half_dtype(torch.device("cpu")))


def _made_fast(model: nn.Module, names: tuple[str, ...], dtype: torch.dtype | None) -> nn.Module:
    fast = copy.deepcopy(model).eval().requires_grad_(False)
    for parent, conv, norm in list(_foldable(fast)):
        _fold(parent, conv, norm)
    fast = fast.to(memory_format=torch.channels_last)
    known = dict(fast.named_modules())
    if dtype is not None and "" in names:
        return HalfPrecision(fast, dtype)
    if dtype is not None:
        for name in names:
            if name in known:
                owner, _, last = name.rpartition(".")
                setattr(known[owner], last, HalfPrecision(known[name], dtype))
    return fast


def _foldable(model: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    """Parents with a convolution and the batch norm right behind it.

    In a Sequential the next module; elsewhere `conv<n>` and a later `bn<n>` of as many channels.
    """
    for parent in model.modules():
        children = list(parent.named_children())
        for index, (name, child) in enumerate(children):
            if not isinstance(child, nn.Conv2d):
                continue
            after = children[index + 1 :]
            if isinstance(parent, nn.Sequential):
                after = after[:1]
            else:
                number = re.fullmatch(r"conv(\d+)", name)
                after = [pair for pair in after if number and pair[0] == f"bn{number[1]}"]
            for other, norm in after:
                if isinstance(norm, nn.BatchNorm2d | FrozenBatchNorm2d) and _fits(child, norm):
                    yield parent, name, other


def _fits(conv: nn.Conv2d, norm: Any) -> bool:
    statistics = norm.running_mean
    return statistics is not None and len(statistics) == conv.out_channels


def _fold(parent: nn.Module, conv_name: str, norm_name: str) -> None:
    conv: Any = parent.get_submodule(conv_name)
    norm: Any = parent.get_submodule(norm_name)
    weight, bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    conv.weight, conv.bias = weight.requires_grad_(False), bias.requires_grad_(False)
    setattr(parent, norm_name, nn.Identity())


def fingerprint(model: nn.Module) -> Fingerprint:
    """What changes when a weight does: the place and the version of each tensor."""
    tensors = [*model.parameters(), *model.buffers()]
    return tuple((t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, dict):
        return type(value)((key, _cast(item, dtype)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value)(_cast(item, dtype) for item in value)
    return value
