"""Named filters of any size, and what can be done to one.

Signs follow the lectures: an edge filter is + on its left (top) side, so it answers + to light-to-dark.
Angles are degrees clockwise on the screen: the vertical filter at 90° is the horizontal one. Where a size
has no middle (even f), the middle is the upper-left of the central four, which is where "same" padding puts
the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

from cnn.checks import ShapeError, expect_choice, expect_integer
from cnn.convolution.filter_records import FILTERS, LARGEST, Filter

__all__ = [
    "FILTERS",
    "PAIRS",
    "Filter",
    "FilterBank",
    "as_integers",
    "bank_weight",
    "filter_weight",
    "mirrored",
    "normalised",
    "pair_weights",
    "rotated",
    "transposed",
]

PAIRS = ("vertical", "sobel", "scharr", "prewitt")
_RECORDS = {record.name: record for record in FILTERS}
_LAPLACIANS = {
    "laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "laplacian_8": ((1, 1, 1), (1, -8, 1), (1, 1, 1)),
}


@dataclass(frozen=True, slots=True, eq=False)
class FilterBank:
    """What `convolve` takes: weight (K, C/groups, kh, kw) and groups."""

    weight: Tensor
    groups: int


def filter_weight(
    name: str,
    *,
    kernel_size: int = 3,
    angle: float = 0.0,
    pair: str = "vertical",
    generator: torch.Generator | None = None,
) -> Tensor:
    """The weights of the filter `name` (one of FILTERS), (k, k) float32; k is 1 to 15, odd or even.

    angle: degrees clockwise; filters that are not `turnable` ignore it. An edge filter X turned by θ is cos
    θ · X + sin θ · Y, Y being X turned by 90°. pair: for "edge", one of PAIRS. generator: for "random";
    without one the seed is 0.

    Raises: ValueError for an unknown name or pair, a size that the filter cannot have, or an angle not
    finite.
    """
    expect_choice(name, tuple(_RECORDS), "filter")
    expect_integer(kernel_size, "kernel_size")
    expect_choice(pair, PAIRS, "pair")
    record = _RECORDS[name]
    smallest = 3 if name == "edge" and pair == "scharr" else record.smallest
    if not smallest <= kernel_size <= LARGEST:
        raise ShapeError(
            f"expected kernel_size {smallest} to {LARGEST} for the filter {name}, got {kernel_size}",
            "filter_size",
            name=name,
            smallest=smallest,
            largest=LARGEST,
            got=kernel_size,
        )
    if not math.isfinite(angle):
        raise ValueError(f"expected a finite angle, got {angle}")
    if name == "random":
        source = generator or torch.Generator().manual_seed(0)
        return torch.randn(kernel_size, kernel_size, generator=source) / kernel_size
    return _made(name, kernel_size, angle, pair).to(torch.float32)


def pair_weights(pair: str, kernel_size: int = 3) -> tuple[Tensor, Tensor]:
    """The two filters of `pair`, one of PAIRS, for vertical and horizontal edges: (k, k) float32 each."""
    return tuple(  # type: ignore[return-value]
        filter_weight("edge", kernel_size=kernel_size, angle=angle, pair=pair) for angle in (0.0, 90.0)
    )


def mirrored(weight: Tensor) -> Tensor:
    """`weight` (..., kh, kw) flipped on both axes: correlating with it is convolving with `weight`."""
    return weight.flip(-2, -1)


def transposed(weight: Tensor) -> Tensor:
    """Rows and columns of `weight` (..., kh, kw) exchanged."""
    return weight.transpose(-2, -1).contiguous()


def rotated(weight: Tensor, quarter_turns: int = 1) -> Tensor:
    """`weight` (..., kh, kw) turned clockwise by quarter turns."""
    return torch.rot90(weight, -quarter_turns, (-2, -1)).contiguous()


def normalised(weight: Tensor) -> Tensor:
    """`weight` (kh, kw) divided by its sum, which keeps brightness; where that is 0, by the sum of absolute
    values.

    An edge filter, whose sum is 0, then answers at most with the picture's own range. All zeros stay zeros.
    """
    exact = weight.double()
    total, size = exact.sum(), exact.abs().sum()
    divisor = size if total.abs() <= 1e-6 * size else total
    scaled = exact if size == 0 else exact / divisor
    return scaled.to(weight.dtype if weight.is_floating_point() else torch.float32)


def as_integers(weight: Tensor) -> Tensor:
    """`weight` as int64 if all its numbers are whole, else as it is: with an integer picture `convolve` is
    then exact.
    """
    if not weight.is_floating_point():
        return weight.to(torch.int64)
    whole = bool((weight == weight.round()).all()) and bool((weight.abs() < 2**53).all())
    return weight.to(torch.int64) if whole else weight


def bank_weight(
    filters: Sequence[Tensor],
    channels: int,
    mode: str = "sum",
    *,
    channel_weights: Tensor | Sequence[float] | None = None,
) -> FilterBank:
    """Several 2-D filters of one size, (k, k) each, for a picture of `channels` channels.

    "sum": one map per filter; the filter is applied to every channel, times channel_weights, (C,) or (K,
    C), default 1, and the channels are summed: weight (K, C, k, k). "each": one map per channel and filter,
    map c·K + f being filter f on channel c: weight (C·K, 1, k, k) with groups C.

    Raises: ShapeError for filters of different sizes, none, or channel weights of another shape.
    """
    expect_choice(mode, ("sum", "each"), "mode")
    expect_integer(channels, "channels", minimum=1)
    shapes = {tuple(one.shape) for one in filters}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ShapeError(
            f"expected 2-D filters of one size, got {sorted(shapes)}", "bank_shapes", shapes=sorted(shapes)
        )
    bank = torch.stack(list(filters))
    if mode == "each":
        return FilterBank(bank.repeat(channels, 1, 1)[:, None], channels)
    if channel_weights is None:
        return FilterBank(bank[:, None].repeat(1, channels, 1, 1), 1)
    shares = torch.as_tensor(channel_weights).to(torch.promote_types(bank.dtype, torch.float32))
    if shares.shape not in ((channels,), (len(bank), channels)):
        raise ShapeError(
            f"expected channel weights of shape ({channels},) or ({len(bank)}, {channels}), got "
            f"{tuple(shares.shape)}",
            "channel_weights",
            shape=tuple(shares.shape),
        )
    return FilterBank(bank[:, None] * shares.expand(len(bank), channels)[:, :, None, None], 1)


def _binomial(length: int) -> Tensor:
    return torch.tensor([math.comb(length - 1, i) for i in range(length)], dtype=torch.float64)


def _smoothed(three: Tensor, size: int) -> Tensor:
    """The 3×3 filter `three` smoothed by a binomial so that it is size × size; whole numbers stay whole."""
    smooth = _binomial(size - 2)
    spread = torch.outer(smooth, smooth)[None, None]
    border = size - 3
    padded = torch.nn.functional.pad(three.double()[None, None], (border,) * 4)
    return torch.nn.functional.conv2d(padded, spread)[0, 0]


def _profiles(pair: str, size: int) -> tuple[Tensor, Tensor]:
    """Smoothing along the edge and difference across it; their outer product is the filter for vertical
    edges.
    """
    middle = (size - 1) / 2
    ramp = middle - torch.arange(size, dtype=torch.float64)
    if pair == "vertical":
        return torch.ones(size, dtype=torch.float64), ramp.sign()
    if pair == "prewitt":
        return torch.ones(size, dtype=torch.float64), ramp if size % 2 else 2 * ramp
    smaller = torch.nn.functional.pad(_binomial(size - 1), (1, 1))
    return _binomial(size), smaller[1:] - smaller[:-1]


def _edge(pair: str, size: int, angle: float) -> Tensor:
    """cos θ · X + sin θ · Y; at whole quarter turns exactly X, Y, −X, −Y."""
    if pair == "scharr":
        smooth, slope = (torch.tensor(row, dtype=torch.float64) for row in ((3, 10, 3), (1, 0, -1)))
        across = _smoothed(torch.outer(smooth, slope), size)
    else:
        across = torch.outer(*_profiles(pair, size))
    turns, rest = divmod(angle % 360.0, 90.0)
    if rest == 0:
        return rotated(across, int(turns))
    theta = math.radians(angle)
    return math.cos(theta) * across + math.sin(theta) * rotated(across)


def _identity(size: int) -> Tensor:
    weight = torch.zeros(size, size, dtype=torch.float64)
    weight[(size - 1) // 2, (size - 1) // 2] = 1
    return weight


def _laplacian(name: str, size: int) -> Tensor:
    return _smoothed(torch.tensor(_LAPLACIANS[name], dtype=torch.float64), size)


def _grid(size: int) -> tuple[Tensor, Tensor]:
    """Coordinates (y, x) from the centre."""
    line = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return line[:, None].expand(size, size), line[None, :].expand(size, size)


def _log(size: int) -> Tensor:
    y, x = _grid(size)
    variance = (size / 6) ** 2
    square = y**2 + x**2
    weight = (square - 2 * variance) / variance**2 * torch.exp(-square / (2 * variance))
    return weight - weight.mean()


def _gabor(size: int, angle: float) -> Tensor:
    y, x = _grid(size)
    theta, wavelength = math.radians(angle), size / 2
    along = x * math.cos(theta) + y * math.sin(theta)
    across = y * math.cos(theta) - x * math.sin(theta)
    envelope = torch.exp(-(along**2 + across**2 / 4) / (2 * (0.56 * wavelength) ** 2))
    weight = envelope * torch.cos(2 * math.pi * along / wavelength)
    return weight - envelope * (weight.sum() / envelope.sum())


def _gaussian(size: int) -> Tensor:
    profile = torch.from_numpy(cv2.getGaussianKernel(size, 0)[:, 0]).double()
    return torch.outer(profile, profile)


def _sharpen(size: int) -> Tensor:
    return _identity(size) - _laplacian("laplacian", size) / 4 ** (size - 3)


def _emboss(size: int, angle: float) -> Tensor:
    lit = _edge("vertical", 3, angle) + _edge("vertical", 3, angle + 90.0)
    return _identity(size) - _smoothed(lit, size) / 4 ** (size - 3)


def _line(size: int) -> Tensor:
    weight = torch.zeros(size, size, dtype=torch.float64)
    weight[:, (size - 1) // 2] = 1
    return weight


_OTHERS: dict[str, Callable[[int, float], Tensor]] = {
    "identity": lambda size, _: _identity(size),
    "laplacian": lambda size, _: _laplacian("laplacian", size),
    "laplacian_8": lambda size, _: _laplacian("laplacian_8", size),
    "log": lambda size, _: _log(size),
    "gaussian": lambda size, _: _gaussian(size),
    "box": lambda size, _: torch.full((size, size), 1 / size**2, dtype=torch.float64),
    "sharpen": lambda size, _: _sharpen(size),
    "emboss": _emboss,
    "gabor": _gabor,
    "line_vertical": lambda size, _: _line(size),
    "line_horizontal": lambda size, _: transposed(_line(size)),
}

_EDGES = {
    "vertical": ("vertical", 0.0), "horizontal": ("vertical", 90.0),
    "sobel_x": ("sobel", 0.0), "sobel_y": ("sobel", 90.0),
    "scharr_x": ("scharr", 0.0), "scharr_y": ("scharr", 90.0),
    "prewitt_x": ("prewitt", 0.0), "prewitt_y": ("prewitt", 90.0),
}  # fmt: skip


def _made(name: str, size: int, angle: float, pair: str) -> Tensor:
    """The filter in float64."""
    if name == "edge":
        return _edge(pair, size, angle)
    if name in _EDGES:
        of, start = _EDGES[name]
        return _edge(of, size, start + angle)
    return _OTHERS[name](size, angle)
