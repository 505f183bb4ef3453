"""What the microscope shows: terms that are the tensor's, and that add up as printed."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.convolution.convolution import PADDING_MODES, convolve, pixel_terms
from cnn.convolution.filters import as_integers, filter_weight
from cnn.terms import printed, printed_terms, rounded_terms


def as_decimal(units, digits):
    return Decimal(printed(int(units), digits))


def assert_adds_up(shown):
    """The printed strings themselves, added up as decimals."""
    digits = shown.digits
    for products, total in zip(shown.products, shown.channel_sums, strict=True):
        assert sum(as_decimal(units, digits) for units in products.flatten()) == as_decimal(total, digits)
    outer = sum(as_decimal(units, digits) for units in shown.channel_sums) + as_decimal(shown.bias, digits)
    assert outer + as_decimal(shown.residual, digits) == as_decimal(shown.value, digits)


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("groups", [1, 2])
def test_C2_terms_of_every_element(mode, groups):
    generator = torch.Generator().manual_seed(4)
    image = torch.randn(4, 7, 6, generator=generator)
    weight = torch.randn(4, 4 // groups, 3, 2, generator=generator)
    result = convolve(
        image, weight, torch.randn(4, generator=generator), stride=(2, 1), padding=(1, 3, 2, 0),
        dilation=(2, 1), padding_mode=mode, groups=groups, flip=True,
    )  # fmt: skip
    padded = result.padded
    for k, i, j in np.ndindex(*result.output.shape):
        terms = pixel_terms(result, k, i, j)
        rows, columns = terms.rows + 1, terms.columns + 2
        channels = slice(terms.channels.start, terms.channels.stop)
        assert torch.equal(terms.patch, padded[channels][:, rows][:, :, columns])
        assert torch.equal(terms.products, terms.patch.double() * terms.weight.double())
        assert torch.equal(terms.weight, result.weight[k])
        assert terms.value == result.output[k, i, j].item()
        assert terms.bias == result.bias[k].item()
        exact = math.fsum([*terms.products.flatten().tolist(), terms.bias])
        assert terms.value == pytest.approx(exact, abs=1e-5)
        assert terms.residual == pytest.approx(terms.value - exact, abs=1e-12)
        assert torch.allclose(terms.channel_sums, terms.products.sum((1, 2)))
        shown = printed_terms(terms)
        assert_adds_up(shown)
        assert shown.residual == 0
        assert abs(shown.products - terms.products * 10**shown.digits).max() < 1
        assert terms.digits >= 4


def test_C2_whole_numbers_are_printed_as_they_are():
    image = torch.randint(0, 256, (3, 9, 9))
    result = convolve(image, as_integers(filter_weight("scharr_x")), 5, padding=1)
    terms = pixel_terms(result, 0, 0, 4)
    shown = printed_terms(terms)
    assert terms.products.dtype == torch.int64
    assert shown.digits == 0
    assert torch.equal(shown.products, terms.products)
    assert shown.bias == 5
    assert shown.value == terms.value == int(terms.products.sum()) + 5
    assert terms.residual == 0
    assert_adds_up(printed_terms(terms, 3))


def test_C9_photo_terms_add_up_at_many_places(monkeypatch):
    monkeypatch.setattr("cnn.convolution.correlation.LARGE", 1)
    image = torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8)
    result = convolve(image, filter_weight("scharr_x", angle=23), 0.1, padding="same", stride=2)
    for i, j in np.ndindex(*result.output.shape[1:]):
        shown = printed_terms(pixel_terms(result, 0, i, j))
        assert_adds_up(shown)
        assert shown.residual == 0
        assert shown.digits >= 1


def test_positions_outside_are_refused():
    result = convolve(torch.zeros(5, 5), torch.ones(3, 3))
    for place in ((1, 0, 0), (0, 3, 0), (0, 0, -1)):
        with pytest.raises(IndexError, match="expected"):
            pixel_terms(result, *place)


@settings(max_examples=200, deadline=None)
@given(
    terms=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60),
    digits=st.integers(0, 6),
)
def test_rounded_terms_add_up_and_stay_near(terms, digits):
    result = rounded_terms(terms, digits)
    unit = Fraction(1, 10**digits)
    assert sum(result.units) == result.total
    assert result.residual == 0
    for term, units in zip(terms, result.units, strict=True):
        assert abs(Fraction(term) - units * unit) < unit
        if (Fraction(term) / unit).denominator == 1:
            assert units * unit == Fraction(term), "what needs no rounding is not changed"
    assert abs(result.total * unit - sum(map(Fraction, terms))) <= unit / 2 + Fraction(1, 10**6)


def test_thirds_get_the_missing_unit():
    assert rounded_terms([1 / 3] * 3, 2).units == (34, 33, 33)
    assert rounded_terms([1 / 3] * 3, 2).total == 100
    assert rounded_terms([0.0, 0.66, 0.67, -1.33], 1).units == (0, 6, 7, -13)


def test_a_total_that_cannot_be_met_is_a_residual():
    result = rounded_terms([0.25, 0.5], 2, total=0.8)
    assert result.units == (25, 50)
    assert (result.total, result.residual) == (80, 5)
    with pytest.raises(ValueError, match="finite"):
        rounded_terms([math.inf], 2)


@pytest.mark.parametrize(
    ("units", "digits", "text"),
    [(-1234, 2, "-12.34"), (5, 3, "0.005"), (-5, 1, "-0.5"), (0, 2, "0.00"), (-7, 0, "-7")],
)
def test_printed(units, digits, text):
    assert printed(units, digits) == text
