"""One output element of a convolution, taken apart: patch × filter, channel sums, bias, value; and how to
print it.

A float32 convolution rounds, so its element and the exact sum of its terms may differ in the last binary
places. Every product of two float32 numbers is exact in float64; the difference is kept as `residual`, and
`digits` says how many decimals can be printed before it shows. `printed_terms` rounds the terms so that
what is printed, added up, is what is printed as the sum (largest-remainder rounding: no term moves by a
whole unit of the last digit).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.checks import ShapeError
from cnn.padding import padded_region

__all__ = [
    "MAX_DIGITS",
    "PixelTerms",
    "PrintedTerms",
    "RoundedTerms",
    "conv_terms",
    "printed",
    "printed_terms",
    "rounded_terms",
]

MAX_DIGITS = 6


@dataclass(frozen=True, slots=True, eq=False)
class PixelTerms:
    """patch, weight, products: (C', kh, kw), C' the input channels of the filter's group; channel_sums:
    (C',).

    products and channel_sums are float64, or int64 for an integer convolution. value is the element of the
    output tensor itself; residual = value − (Σ channel_sums + bias), 0 for integers. rows (kh,) and columns
    (kw,) are the patch's input coordinates (negative, or from H (W) on: in the padding); channels are its
    input channels. digits: the most decimals, 0 to 6, at which value and the exact sum print alike.
    """

    patch: Tensor
    weight: Tensor
    products: Tensor
    channel_sums: Tensor
    bias: float | int
    value: float | int
    rows: Tensor
    columns: Tensor
    channels: range
    residual: float
    digits: int


@dataclass(frozen=True, slots=True)
class RoundedTerms:
    """Terms and total as whole numbers of 10^-digits; Σ units + residual == total, residual 0 when they add
    up.
    """

    units: tuple[int, ...]
    total: int
    residual: int


@dataclass(frozen=True, slots=True, eq=False)
class PrintedTerms:
    """A PixelTerms as whole numbers of 10^-digits (`printed` writes them).

    products: (C', kh, kw) int64, each channel adding up to its channel_sums entry (C',); these and bias add
    up to value, short of residual, which is 0 up to PixelTerms.digits digits.
    """

    products: Tensor
    channel_sums: Tensor
    bias: int
    value: int
    residual: int
    digits: int


def conv_terms(
    image: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    output: Tensor,
    channel: int,
    row: int,
    column: int,
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    padding_mode: str = "zeros",
    fill: Tensor | None = None,
) -> PixelTerms:
    """The terms of output[channel, row, column].

    image: (C, H, W). weight: (K, C/groups, kh, kw). bias: (K,) or None. output: (K, H', W'), the
    convolution's own result. padding: (top, bottom, left, right). fill: the padding's value per channel, if
    known.
    Raises: IndexError outside the output; ShapeError where the shapes do not belong together.
    """
    filters, group_channels, height, width = weight.shape
    if image.shape[0] != group_channels * groups or output.shape[0] != filters:
        raise ShapeError(
            f"expected {group_channels * groups} input and {filters} output channels, got "
            f"{image.shape[0]} and {output.shape[0]}",
            "channels",
            wanted=group_channels * groups,
            got=image.shape[0],
        )
    for name, index, size in zip(
        ("channel", "row", "column"), (channel, row, column), output.shape, strict=True
    ):
        if not 0 <= index < size:
            raise IndexError(f"expected {name} in 0..{size - 1}, got {index}")
    rows = row * stride[0] - padding[0] + torch.arange(height) * dilation[0]
    columns = column * stride[1] - padding[2] + torch.arange(width) * dilation[1]
    first = channel // (filters // groups) * group_channels
    channels = range(first, first + group_channels)
    source = image[first : first + group_channels]
    own_fill = None if fill is None else fill[first : first + group_channels].cpu()
    patch = _patch(source, rows, columns, padding_mode, own_fill)
    kernel = weight[channel].detach().cpu()
    whole = not output.is_floating_point()
    accurate = torch.int64 if whole else torch.float64
    products = patch.to(accurate) * kernel.to(accurate)
    offset = 0 if bias is None else bias[channel].item()
    value = output[channel, row, column].item()
    total = int(products.sum()) + int(offset) if whole else math.fsum([*products.flatten().tolist(), offset])
    return PixelTerms(
        patch=patch,
        weight=kernel,
        products=products,
        channel_sums=products.sum(dim=(1, 2)),
        bias=offset,
        value=value,
        rows=rows,
        columns=columns,
        channels=channels,
        residual=value - total,
        digits=MAX_DIGITS if whole else _agreeing_digits(value, total),
    )


def _patch(source: Tensor, rows: Tensor, columns: Tensor, mode: str, fill: Tensor | None) -> Tensor:
    where = source.device
    if mode == "mean" and fill is None:
        return padded_region(source, rows.to(where), columns.to(where), mode).detach().cpu()
    if fill is not None:
        fill = fill.to(where)
    return padded_region(source, rows.to(where), columns.to(where), mode, fill).detach().cpu()


def _agreeing_digits(value: float, total: float) -> int:
    """The most decimals at which both print alike."""
    if not (math.isfinite(value) and math.isfinite(total)):
        return 0
    for digits in range(MAX_DIGITS, 0, -1):
        if _units(value, digits) == _units(total, digits):
            return digits
    return 0


def _units(number: float, digits: int) -> int:
    """`number` in whole units of 10^-digits, rounded exactly (half to even), whatever its size."""
    numerator, denominator = number.as_integer_ratio()
    quotient, remainder = divmod(numerator * 10**digits, denominator)
    twice = 2 * remainder
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))


def rounded_terms(
    terms: Sequence[float | int], digits: int, total: float | int | None = None
) -> RoundedTerms:
    """`terms` rounded to `digits` decimals so that they add up to their rounded sum, or to the rounded
    `total`.

    Each term is rounded down, and the units then missing go one by one to the terms that lost most: a term
    moves by less than one unit, and one that needs no rounding not at all. A `total` so far off that this
    cannot be done leaves the terms as rounded and is reported as a residual.

    Raises: ValueError for terms or totals that are not finite.
    """
    if not all(math.isfinite(number) for number in (*terms, 0 if total is None else total)):
        raise ValueError("expected finite terms and a finite total")
    return _fitted(terms, digits, _units(math.fsum(terms) if total is None else total, digits))


def _fitted(terms: Sequence[float | int], digits: int, total: int) -> RoundedTerms:
    """`terms` in units of 10^-digits that add up to `total` units, by largest remainders where that is
    honest.
    """
    floors, remainders = [], []
    for term in terms:
        numerator, denominator = term.as_integer_ratio()
        quotient, remainder = divmod(numerator * 10**digits, denominator)
        floors.append(quotient)
        remainders.append(remainder / denominator)
    missing = total - sum(floors)
    order = sorted((i for i, lost in enumerate(remainders) if lost > 0), key=lambda i: -remainders[i])
    if not 0 <= missing <= len(order):
        units = tuple(_units(term, digits) for term in terms)
        return RoundedTerms(units, total, total - sum(units))
    for i in order[:missing]:
        floors[i] += 1
    return RoundedTerms(tuple(floors), total, 0)


def printed_terms(terms: PixelTerms, digits: int | None = None) -> PrintedTerms:
    """`terms` as printed with `digits` decimals (default terms.digits, or 0 for an integer convolution).

    The value comes first: it is the tensor's element, rounded. Channel sums and bias are fitted to it, then
    each channel's products to its sum. Raises: ValueError for a value that is not finite.
    """
    whole = not terms.products.is_floating_point()
    digits = (0 if whole else terms.digits) if digits is None else digits
    outer = rounded_terms([*terms.channel_sums.tolist(), terms.bias], digits, terms.value)
    *sums, bias = outer.units
    products, leftover = [], 0
    for values, wanted in zip(terms.products.flatten(1).tolist(), sums, strict=True):
        inner = _fitted(values, digits, wanted)
        products.append(inner.units)
        leftover += inner.residual
    return PrintedTerms(
        products=torch.tensor(products, dtype=torch.int64).reshape(terms.products.shape),
        channel_sums=torch.tensor(sums, dtype=torch.int64),
        bias=bias,
        value=outer.total,
        residual=outer.residual + leftover,
        digits=digits,
    )


def printed(units: int, digits: int) -> str:
    """Whole units of 10^-digits as a decimal: printed(-1234, 2) is "-12.34"; never "-0.00"."""
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"
