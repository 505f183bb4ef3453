"""One element of one layer taken apart: what it read, with which weights, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from cnn.models.running import prepared
from cnn.terms import PixelTerms, conv_terms

_JOINS = {"add", "iadd", "sub", "isub", "add_"}


def layer_terms(
    model: nn.Module,
    image: Tensor,
    layer: str,
    channel: int,
    row: int = 0,
    column: int = 0,
    *,
    folded: bool = False,
) -> PixelTerms:
    """How one element of a layer's output came about, as products that add up to it.

    - Convolutions (grouped, strided, dilated, padded, transposed): inputs × weights, and the bias.
    - Linear layers: inputs × weights; `row` and `column` are 0 (or the position, for layers over a map of
    tokens).
    - Average pools: inputs × 1/n. Max pools: inputs × 1 for the winner, 0 for the others.
    - Batch norm: the input × γ/√(σ²+ε), with β − μγ/√(σ²+ε) as the bias (evaluation mode).
    - Softmax: exp(z) of the element × 1/Σ exp(z). Sums: each summand × ±1.

    Args:
        model: used in the mode it is in.
        image: (C, H, W) or (1, C, H, W), as the network expects it.
        layer: a name as in :func:`cnn.models.tracing.trace`.
        channel, row, column: of the element.
        folded: for a convolution followed by a batch norm, the element behind the batch norm, its factor and
        shift
            folded into weights and bias.

    Returns:
        the terms; `value` is the tensor's element and the terms add up to it to float32 rounding.

    Raises:
        KeyError: no such layer. IndexError: no such element. TypeError: a layer that is no sum of products.
    Source: Ioffe, Szegedy 2015, "Batch normalization" for the folded form.
    """
    images = image if image.ndim == 4 else image[None]
    runner = prepared(model, images)
    network = runner.network
    node = network.resolve(layer)
    last = _norm_behind(model, node, layer) if folded else node
    held: dict[fx.Node, Any] = {}
    inputs = set(node.all_input_nodes) | {node, last}
    with torch.no_grad():
        for found, value in runner.values(images, last=last):
            if found in inputs:
                held[found] = value
        args = fx.node.map_arg(node.args, held.__getitem__)
        kwargs = fx.node.map_arg(node.kwargs, held.__getitem__)
        terms = _terms(model, node, args, kwargs, held[node], (channel, row, column))
        if not folded:
            return terms
        norm = model.get_submodule(str(last.target))
        return _folded(terms, norm, channel, _element(held[last], (channel, row, column)))


def _terms(
    model: nn.Module, node: fx.Node, args: Any, kwargs: Any, output: Any, place: tuple[int, int, int]
) -> PixelTerms:
    if node.op == "call_module":
        module = model.get_submodule(str(node.target))
        if isinstance(module, nn.Conv2d):
            return _convolution(module, args[0], output, place)
        if isinstance(module, nn.ConvTranspose2d):
            return _transposed(module, args[0], output, place)
        if isinstance(module, nn.Linear):
            return _linear(module.weight, module.bias, args[0], output, place)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            return _batch_norm(module, args[0], output, place)
        if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)):
            return _pool(module, args[0], output, place)
        if isinstance(module, (nn.Softmax, nn.Softmax2d)):
            return _softmax(args[0], output, place, getattr(module, "dim", None))
        kind = type(module).__name__
    else:
        kind = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
        if kind in _JOINS:
            return _sum(args, output, place, -1.0 if "sub" in kind else 1.0)
        if kind == "softmax":
            return _softmax(args[0], output, place, kwargs.get("dim", args[1] if len(args) > 1 else None))
        pool = _pool_of_function(kind, args, kwargs)
        if pool is not None:
            return _pool(pool, args[0], output, place)
    raise TypeError(f"wanted a layer whose elements are sums of products, got {kind} ({node.name})")


def _element(output: Tensor, place: Sequence[int]) -> Tensor:
    """The element of (N, C, H, W), (N, L, C) or (N, C), read at (channel, row, column)."""
    channel, row, column = place
    if output.ndim == 4:
        sizes, index = output.shape[1:], (channel, row, column)
    elif output.ndim == 2:
        sizes, index = torch.Size((output.shape[1], 1, 1)), (channel, row, column)
    else:
        raise TypeError(f"wanted an output (N, C, H, W) or (N, C), got {tuple(output.shape)}")
    for name, at, size in zip(("channel", "row", "column"), index, sizes, strict=True):
        if not 0 <= at < size:
            raise IndexError(f"wanted {name} in 0..{size - 1}, got {at}")
    return output[0][index] if output.ndim == 4 else output[0, channel]


def _sum_of_products(
    patch: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    value: Tensor,
    rows: Tensor,
    columns: Tensor,
    channels: range,
) -> PixelTerms:
    """Terms of a (C, h, w) patch read with a (C, h, w) weight at known rows and columns of the input."""
    terms = conv_terms(
        patch,
        weight[None],
        None if bias is None else bias.reshape(1),
        value.reshape(1, 1, 1),
        0,
        0,
        0,
    )
    return replace(terms, rows=rows, columns=columns, channels=channels)


def _convolution(module: nn.Conv2d, x: Tensor, output: Tensor, place: tuple[int, int, int]) -> PixelTerms:
    _element(output, place)
    dilation = (module.dilation[0], module.dilation[1])
    if isinstance(module.padding, str):
        total = [
            d * (k - 1) if module.padding == "same" else 0
            for k, d in zip(module.kernel_size, dilation, strict=True)
        ]
        padding = (total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2)
    else:
        padding = (module.padding[0], module.padding[0], module.padding[1], module.padding[1])
    return conv_terms(
        x[0],
        module.weight,
        module.bias,
        output[0],
        *place,
        stride=(module.stride[0], module.stride[1]),
        padding=padding,
        dilation=dilation,
        groups=module.groups,
        padding_mode=module.padding_mode,
    )


def _transposed(
    module: nn.ConvTranspose2d, x: Tensor, output: Tensor, place: tuple[int, int, int]
) -> PixelTerms:
    """Tap k of output o reads input (o + p − d·k) / s where that is whole; the other taps read nothing
    (0)."""
    value = _element(output, place)
    channel, row, column = place
    inputs, filters = x.shape[1], output.shape[1]
    per_group = filters // module.groups
    group = channel // per_group
    channels = range(group * (inputs // module.groups), (group + 1) * (inputs // module.groups))
    sources, inside = [], []
    for at, axis in ((row, 0), (column, 1)):
        taps = torch.arange(module.kernel_size[axis])
        reach = at + int(module.padding[axis]) - module.dilation[axis] * taps
        whole = reach % module.stride[axis] == 0
        source = torch.where(whole, reach // module.stride[axis], torch.full_like(reach, -1))
        sources.append(source)
        inside.append((source >= 0) & (source < x.shape[2 + axis]))
    part = x[0, channels.start : channels.stop]
    patch = part[:, sources[0].clamp(0, x.shape[2] - 1)][:, :, sources[1].clamp(0, x.shape[3] - 1)]
    patch = patch * (inside[0][:, None] & inside[1]).to(patch)
    weight = module.weight[channels.start : channels.stop, channel % per_group]
    bias = None if module.bias is None else module.bias[channel]
    return _sum_of_products(patch, weight, bias, value, sources[0], sources[1], channels)


def _linear(
    weight: Tensor, bias: Tensor | None, x: Tensor, output: Tensor, place: tuple[int, int, int]
) -> PixelTerms:
    """A linear layer over (N, F), or over the last dimension of a map (N, H, W, F)."""
    channel, row, column = place
    if output.ndim == 4:
        value, read = _element(output.permute(0, 3, 1, 2), place), x[0, row, column]
    elif output.ndim == 3:
        value, read = _element(output.permute(0, 2, 1)[..., None], place), x[0, row]
    else:
        value, read = _element(output, place), x[0]
    where = torch.zeros(1, dtype=torch.int64)
    return _sum_of_products(
        read.reshape(-1, 1, 1),
        weight[channel].reshape(-1, 1, 1),
        None if bias is None else bias[channel],
        value,
        where + row,
        where + column,
        range(len(read)),
    )


def norm_factor_and_shift(module: nn.Module, channel: int) -> tuple[Tensor, Tensor]:
    """γ/√(σ²+ε) and β − μγ/√(σ²+ε) of a batch norm in evaluation mode, in double precision."""
    assert isinstance(module, nn.modules.batchnorm._BatchNorm)
    if module.running_mean is None or module.running_var is None or module.training:
        raise TypeError("wanted a batch norm in evaluation mode with running statistics")
    factor = (module.running_var[channel].double() + module.eps).rsqrt()
    if module.weight is not None:
        factor = factor * module.weight[channel].double()
    shift = -module.running_mean[channel].double() * factor
    return factor, shift if module.bias is None else shift + module.bias[channel].double()


def _batch_norm(module: nn.Module, x: Tensor, output: Tensor, place: tuple[int, int, int]) -> PixelTerms:
    value = _element(output, place)
    factor, shift = norm_factor_and_shift(module, place[0])
    read = _element(x, place).double().reshape(1, 1, 1)
    where = torch.zeros(1, dtype=torch.int64)
    return _sum_of_products(
        read,
        factor.reshape(1, 1, 1),
        shift,
        value,
        where + place[1],
        where + place[2],
        range(place[0], place[0] + 1),
    )


def _folded(terms: PixelTerms, norm: nn.Module, channel: int, value: Tensor) -> PixelTerms:
    factor, shift = norm_factor_and_shift(norm, channel)
    bias = factor * float(terms.bias) + shift
    return _sum_of_products(
        terms.patch.double(),
        terms.weight.double() * factor.cpu(),
        bias.cpu(),
        value,
        terms.rows,
        terms.columns,
        terms.channels,
    )


def _norm_behind(model: nn.Module, node: fx.Node, layer: str) -> fx.Node:
    """The batch norm that alone reads a convolution."""
    users = list(node.users)
    if len(users) == 1 and users[0].op == "call_module":
        module = model.get_submodule(str(users[0].target))
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            return users[0]
    raise TypeError(f"wanted a layer followed by a batch norm alone, got {layer}")


def _sum(args: Sequence[Any], output: Tensor, place: tuple[int, int, int], sign: float) -> PixelTerms:
    value = _element(output, place)
    summands = (torch.as_tensor(a, dtype=output.dtype, device=output.device) for a in args[:2])
    parts = [_element(summand.expand_as(output), place) for summand in summands]
    where = torch.zeros(1, dtype=torch.int64)
    return _sum_of_products(
        torch.stack(parts).reshape(-1, 1, 1),
        torch.tensor([1.0, sign]).to(output).reshape(-1, 1, 1),
        None,
        value,
        where + place[1],
        where + place[2],
        range(len(parts)),
    )


def _softmax(x: Tensor, output: Tensor, place: tuple[int, int, int], dim: int | None) -> PixelTerms:
    """The element's own exponential times one over the sum of all; both taken off the largest logit."""
    value = _element(output, place)
    dim = 1 if dim is None else dim % x.ndim
    shifted = (x[:1].double() - x[:1].double().amax(dim, keepdim=True)).exp()
    total = shifted.sum(dim, keepdim=True).expand_as(shifted)
    where = torch.zeros(1, dtype=torch.int64)
    return _sum_of_products(
        _element(shifted, place).reshape(1, 1, 1),
        _element(total, place).reciprocal().reshape(1, 1, 1),
        None,
        value,
        where + place[1],
        where + place[2],
        range(place[0], place[0] + 1),
    )


def _pool_of_function(kind: str, args: Sequence[Any], kwargs: dict[str, Any]) -> nn.Module | None:
    if kind == "adaptive_avg_pool2d":
        return nn.AdaptiveAvgPool2d(*args[1:], **kwargs)
    if kind == "avg_pool2d":
        return nn.AvgPool2d(*args[1:], **kwargs)
    if kind in {"max_pool2d", "boolean_dispatch"}:
        return nn.MaxPool2d(*args[1:], **{k: v for k, v in kwargs.items() if k != "return_indices"})
    return None


def _pool(module: nn.Module, x: Tensor, output: Tensor, place: tuple[int, int, int]) -> PixelTerms:
    """A pool read off torch's own derivative: which inputs of the channel the element is made of, with which
    weight."""
    value = _element(output, place)
    channel, row, column = place
    plane = x[:1, channel : channel + 1].detach().clone().requires_grad_()
    with torch.enable_grad():
        (weight,) = torch.autograd.grad(module(plane)[0, 0, row, column], plane)
    rows, columns = _window(module, x.shape[2:], row, column)
    patch = torch.zeros(1, len(rows), len(columns), dtype=x.dtype)
    used = torch.zeros_like(patch)
    inside_rows = (rows >= 0) & (rows < x.shape[2])
    inside_columns = (columns >= 0) & (columns < x.shape[3])
    at = torch.meshgrid(rows[inside_rows], columns[inside_columns], indexing="ij")
    to = torch.meshgrid(inside_rows.nonzero()[:, 0], inside_columns.nonzero()[:, 0], indexing="ij")
    patch[0][to] = plane.detach()[0, 0][at].cpu()
    used[0][to] = weight[0, 0][at].cpu()
    return _sum_of_products(patch, used, None, value, rows, columns, range(channel, channel + 1))


def _window(module: Any, sizes: Sequence[int], row: int, column: int) -> tuple[Tensor, Tensor]:
    found = []
    for axis, at in ((0, row), (1, column)):
        size = sizes[axis]
        if isinstance(module, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)):
            wanted: Any = module.output_size
            wanted = wanted[axis] if isinstance(wanted, tuple) else wanted
            outputs = size if wanted is None else wanted
            found.append(torch.arange(at * size // outputs, -(-(at + 1) * size // outputs)))
            continue
        kernel, padding = _of(module.kernel_size, axis), _of(module.padding, axis)
        stride = kernel if module.stride is None else _of(module.stride, axis)
        dilation = _of(getattr(module, "dilation", 1), axis)
        found.append(at * stride - padding + dilation * torch.arange(kernel))
    return found[0], found[1]


def _of(value: Any, axis: int) -> int:
    return int(value[axis]) if isinstance(value, (tuple, list)) else int(value)
