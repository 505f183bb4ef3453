"""What torch's functions and methods see: the table from their names to the rules of
:mod:`cnn.convolution.field_rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from cnn.convolution import field_rules as rule
from cnn.convolution.field_spans import UPPER_BOUND, Reach

_ELEMENTWISE_FUNCTIONS = frozenset(
    """relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid logsigmoid
    tanh
    softplus softsign tanhshrink softshrink hardshrink threshold rrelu clamp clip abs neg pow sqrt rsqrt exp
    log log2
    square sign floor ceil round dropout dropout2d dropout1d dropout3d alpha_dropout feature_alpha_dropout
    stochastic_depth drop_block2d batch_norm local_response_norm contiguous clone detach to float half double
    bfloat16 type type_as cpu cuda requires_grad identity positive reciprocal sin cos erf prelu nan_to_num
    """.split()  # noqa: SIM905
)
_JOINING_FUNCTIONS = frozenset(
    """add iadd sub isub mul imul div truediv itruediv floordiv radd rsub rmul maximum minimum where fmod
    remainder
    atan2 lerp addcmul addcdiv masked_fill eq ne lt le gt ge logical_and logical_or and or
    """.split()  # noqa: SIM905
)
_REDUCTIONS = frozenset(("mean", "sum", "amax", "amin", "prod", "norm", "logsumexp", "std", "var"))


def _plain(name: str) -> str:
    return name.strip("_")


def function_reach(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str) -> Any:
    """What the result of a torch function or method sees; NotImplemented for one without a rule."""
    name = _plain(name)
    if name in _ELEMENTWISE_FUNCTIONS:
        return args[0] if isinstance(args[0], Reach) else NotImplemented
    if name in _JOINING_FUNCTIONS:
        inputs = [
            v if isinstance(v, Reach) else rule.as_reach(v) for v in args if isinstance(v, (Reach, Tensor))
        ]
        return rule.united(inputs)
    if name in _REDUCTIONS:
        dims = kwargs.get("dim", args[1] if len(args) > 1 else None)
        return rule.averaged(args[0], dims, kwargs.get("keepdim", args[2] if len(args) > 2 else False), layer)
    known = _FUNCTIONS.get(name)
    return NotImplemented if known is None else known(_Call(args, kwargs, layer))


class _Call:
    """The arguments of one function call, by place or by name."""

    __slots__ = ("args", "kwargs", "layer")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], layer: str) -> None:
        self.args, self.kwargs, self.layer = args, kwargs, layer

    def get(self, place: int, name: str, default: Any = None) -> Any:
        return self.args[place] if len(self.args) > place else self.kwargs.get(name, default)

    def rest(self) -> tuple[Any, ...]:
        """The sizes of a method that takes them one by one or as one sequence."""
        rest = self.args[1:] or tuple(v for k, v in self.kwargs.items() if k in {"shape", "size", "dims"})
        return tuple(rest[0]) if len(rest) == 1 and isinstance(rest[0], (tuple, list)) else rest

    @property
    def x(self) -> Reach:
        value = self.args[0] if self.args else self.kwargs["input"]
        return value if isinstance(value, Reach) else rule.as_reach(value)


def _convolution(c: _Call) -> Reach:
    return rule.convolved(
        c.x, c.get(1, "weight").shape, c.get(3, "stride", 1), c.get(4, "padding", 0), c.get(5, "dilation", 1)
    )


def _transposed(c: _Call) -> Reach:
    return rule.transposed(
        c.x,
        c.get(1, "weight").shape,
        c.get(3, "stride", 1),
        c.get(4, "padding", 0),
        c.get(5, "output_padding", 0),
        c.get(6, "groups", 1),
        c.get(7, "dilation", 1),
    )


def _max_pool(c: _Call) -> Reach:
    return rule.pooled(
        c.x,
        c.get(1, "kernel_size"),
        c.get(2, "stride"),
        c.get(3, "padding", 0),
        c.get(4, "dilation", 1),
        c.get(5, "ceil_mode", False),
    )


def _avg_pool(c: _Call) -> Reach:
    return rule.pooled(
        c.x,
        c.get(1, "kernel_size"),
        c.get(2, "stride"),
        c.get(3, "padding", 0),
        1,
        c.get(4, "ceil_mode", False),
    )


def _interpolate(c: _Call) -> Reach:
    return rule.interpolated(
        c.x,
        c.get(1, "size"),
        c.get(2, "scale_factor"),
        c.get(3, "mode", "nearest"),
        c.get(4, "align_corners"),
        c.get(6, "antialias", False),
    )


def _several(c: _Call) -> list[Reach]:
    return [v if isinstance(v, Reach) else rule.as_reach(v) for v in c.get(0, "tensors")]


def _stack(c: _Call) -> Reach:
    inputs = _several(c)
    dim = c.get(1, "dim", 0) % (len(inputs[0].shape) + 1)
    lifted = [rule.viewed(r, (*r.shape[:dim], 1, *r.shape[dim:])) for r in inputs]
    return rule.concatenated(lifted, dim)


def _split(c: _Call) -> tuple[Reach, ...]:
    sizes, dim = c.get(1, "split_size_or_sections", c.kwargs.get("split_size")), c.get(2, "dim", 0)
    length = c.x.shape[dim]
    if isinstance(sizes, int):
        sizes = [min(sizes, length - begin) for begin in range(0, length, sizes)]
    return rule.split(c.x, sizes, dim)


def _chunk(c: _Call) -> tuple[Reach, ...]:
    count, dim = c.get(1, "chunks"), c.get(2, "dim", 0)
    length = c.x.shape[dim]
    size = -(-length // count)
    return rule.split(c.x, [min(size, length - begin) for begin in range(0, length, size)], dim)


def _unbind(c: _Call) -> tuple[Reach, ...]:
    dim = c.get(1, "dim", 0) % len(c.x.shape)
    found = [rule.indexed(c.x, (slice(None),) * dim + (i,)) for i in range(c.x.shape[dim])]
    return tuple(r for r in found if r is not None)


def _squeeze(c: _Call) -> Reach:
    dim = c.get(1, "dim")
    dims = range(len(c.x.shape)) if dim is None else {d % len(c.x.shape) for d in rule.pairs(dim, 1)}
    return rule.viewed(c.x, [n for d, n in enumerate(c.x.shape) if n != 1 or d not in dims])


def _unsqueeze(c: _Call) -> Reach:
    dim = c.get(1, "dim") % (len(c.x.shape) + 1)
    return rule.viewed(c.x, (*c.x.shape[:dim], 1, *c.x.shape[dim:]))


def _getitem(c: _Call) -> Any:
    if isinstance(c.args[0], (tuple, list)):
        return c.args[0][c.args[1]]
    found = rule.indexed(c.x, c.args[1])
    return NotImplemented if found is None else found


def _size(c: _Call) -> Any:
    dim = c.get(1, "dim")
    return torch.Size(c.x.shape) if dim is None else c.x.shape[dim]


def _matmul(c: _Call) -> Reach:
    other = c.args[1]
    return rule.multiplied(c.x, other if isinstance(other, Reach) else rule.as_reach(other), c.layer)


def _attention(c: _Call) -> Reach:
    query, key, value = (v if isinstance(v, Reach) else rule.as_reach(v) for v in c.args[:3])
    shape = (*query.shape[:-1], value.shape[-1])
    return rule.everything([query, key, value], shape, c.layer, certainty=0)


def _max(c: _Call) -> Any:
    second = c.get(1, "dim", c.kwargs.get("other"))
    if isinstance(second, (Reach, Tensor)):
        return rule.united([c.x, second if isinstance(second, Reach) else rule.as_reach(second)])
    found = rule.averaged(c.x, second, c.get(2, "keepdim", False), c.layer)
    return found if second is None else (found, found)


def _normalize(c: _Call) -> Reach:
    return rule.mixed(c.x, c.get(2, "dim", 1), c.layer)


def _repeat(c: _Call) -> Any:
    sizes = c.rest()
    wanted = tuple(
        n * m for n, m in zip((1,) * (len(sizes) - len(c.x.shape)) + c.x.shape, sizes, strict=True)
    )
    if all(n == 1 or m == 1 for n, m in zip(c.x.shape[::-1], sizes[::-1], strict=False)):
        return rule.expanded(c.x, wanted)
    return rule.everything([c.x], wanted, c.layer)


def _over_map(c: _Call) -> Reach:
    return rule.mixed(c.x, tuple(range(1, len(c.x.shape))), c.layer)


def _grid_sample(c: _Call) -> Reach:
    grid = c.get(1, "grid")
    shape = (*c.x.shape[:2], *grid.shape[1:-1])
    inputs = [c.x, *([grid] if isinstance(grid, Reach) else [])]
    return rule.unknown(inputs, shape, c.layer, data_dependent=True)


def _deformable(c: _Call) -> Reach:
    offset, weight = c.get(1, "offset"), c.get(2, "weight")
    shape = (c.x.shape[0], weight.shape[0], *offset.shape[2:])
    inputs = [c.x, *([offset] if isinstance(offset, Reach) else [])]
    return rule.unknown(inputs, shape, c.layer, data_dependent=True)


def _window_attention(c: _Call) -> Reach:
    return rule.everything([c.x], c.x.shape, c.layer)


_FUNCTIONS: dict[str, Callable[[_Call], Any]] = {
    "conv1d": _convolution,
    "conv2d": _convolution,
    "conv3d": _convolution,
    "conv_transpose2d": _transposed,
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "boolean_dispatch": _max_pool,
    "adaptive_avg_pool2d": lambda c: rule.adaptive(c.x, c.get(1, "output_size"), c.layer),
    "adaptive_max_pool2d": lambda c: rule.adaptive(c.x, c.get(1, "output_size"), c.layer),
    "interpolate": _interpolate,
    "upsample": _interpolate,
    "pad": lambda c: rule.padded(c.x, c.get(1, "pad"), c.get(2, "mode", "constant")),
    "cat": lambda c: rule.concatenated(_several(c), c.get(1, "dim", 0)),
    "concat": lambda c: rule.concatenated(_several(c), c.get(1, "dim", 0)),
    "stack": _stack,
    "split": _split,
    "chunk": _chunk,
    "unbind": _unbind,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "getitem": _getitem,
    "item": _getitem,
    "size": _size,
    "dim": lambda c: len(c.x.shape),
    "flatten": lambda c: rule.flattened(c.x, c.get(1, "start_dim", 0), c.get(2, "end_dim", -1)),
    "view": lambda c: rule.viewed(c.x, c.rest()),
    "reshape": lambda c: rule.viewed(c.x, c.rest()),
    "unflatten": lambda c: rule.viewed(
        c.x,
        (*c.x.shape[: c.args[1] % len(c.x.shape)], *c.args[2], *c.x.shape[c.args[1] % len(c.x.shape) + 1 :]),
    ),
    "permute": lambda c: rule.permuted(c.x, c.rest()),
    "transpose": lambda c: rule.swapped(c.x, c.get(1, "dim0"), c.get(2, "dim1")),
    "swapaxes": lambda c: rule.swapped(c.x, c.get(1, "axis0"), c.get(2, "axis1")),
    "t": lambda c: rule.swapped(c.x, 0, 1),
    "expand": lambda c: rule.expanded(c.x, c.rest()),
    "expand_as": lambda c: rule.expanded(c.x, c.args[1].shape),
    "repeat": _repeat,
    **{
        f"{kind}_like": lambda c: rule.without_picture(c.x.shape)
        for kind in ("zeros", "ones", "full", "empty", "rand")
    },
    "roll": lambda c: rule.rolled(c.x, c.get(1, "shifts"), c.get(2, "dims")),
    "matmul": _matmul,
    "bmm": _matmul,
    "linear": lambda c: rule.projected(c.x, c.get(1, "weight").shape[0], c.layer),
    "softmax": lambda c: rule.mixed(c.x, c.get(1, "dim"), c.layer),
    "log_softmax": lambda c: rule.mixed(c.x, c.get(1, "dim"), c.layer),
    "layer_norm": lambda c: rule.mixed(c.x, tuple(range(-len(c.get(1, "normalized_shape")), 0)), c.layer),
    "rms_norm": lambda c: rule.mixed(c.x, tuple(range(-len(c.get(1, "normalized_shape")), 0)), c.layer),
    "group_norm": _over_map,
    "instance_norm": _over_map,
    "normalize": _normalize,
    "scaled_dot_product_attention": _attention,
    "max": _max,
    "min": _max,
    "pixel_shuffle": lambda c: rule.shuffled(c.x, c.get(1, "upscale_factor"), up=True),
    "pixel_unshuffle": lambda c: rule.shuffled(c.x, c.get(1, "downscale_factor"), up=False),
    "grid_sample": _grid_sample,
    "deform_conv2d": _deformable,
    "shifted_window_attention": _window_attention,
    "shifted_window_attention_v2": _window_attention,
}


def meta_shapes(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result on tensors without data, for the shapes only."""

    def empty(value: Any) -> Any:
        if isinstance(value, Reach):
            return torch.empty(value.shape, device="meta")
        return value.to("meta") if isinstance(value, Tensor) else value

    with torch.no_grad():
        return function(*pytree.tree_map(empty, args), **pytree.tree_map(empty, kwargs))


def unknown_reach(result: Any, inputs: list[Reach], layer: str) -> Any:
    """Every tensor of a result without a rule may depend on everything."""
    return pytree.tree_map(
        lambda v: rule.everything(inputs, tuple(v.shape), layer, UPPER_BOUND) if isinstance(v, Tensor) else v,
        result,
    )
