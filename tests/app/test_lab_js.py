"""The lab's JavaScript against Python: printed terms that add up, geometry, banks, colours."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from app.figures.colours import palette
from cnn.convolution.bank_text import format_bank, parse_bank
from cnn.convolution.convolution import convolve, output_size, pixel_terms
from cnn.convolution.pooling import pool
from cnn.convolution.reach import usage_counts
from cnn.convolution.settings import LabSettings
from cnn.padding import source_positions
from cnn.terms import printed, printed_terms, rounded_terms

Run = Callable[..., Any]


def test_rounded_terms_are_pythons(javascript: Run) -> None:
    chance = random.Random(3)
    cases = []
    for _ in range(400):
        count = chance.randint(1, 30)
        terms = [
            chance.choice([chance.gauss(0, 10 ** chance.randint(-3, 5)), chance.randint(-300, 300) / 8])
            for _ in range(count)
        ]
        total = sum(terms) + chance.choice([0, 1e-7, -1e-7, 0.3])
        cases.append([terms, chance.randint(0, 6), total])
    got = javascript("shared/terms.js", "argument.map(([t, d, total]) => roundedTerms(t, d, total))", cases)
    for (terms, digits, total), mine in zip(cases, got, strict=True):
        wanted = rounded_terms(terms, digits, total)
        assert (tuple(mine["units"]), mine["total"], mine["residual"]) == (
            wanted.units,
            wanted.total,
            wanted.residual,
        )


@pytest.mark.parametrize("channels", [1, 3])
def test_C2_printed_terms_of_a_photo_are_pythons_and_add_up(javascript: Run, channels: int) -> None:
    generator = torch.Generator().manual_seed(5)
    image = torch.randint(0, 256, (channels, 30, 30), dtype=torch.uint8, generator=generator)
    cases, wanted = [], []
    for size in (1, 2, 3, 5, 7):
        weight = torch.randn(2, channels, size, size, generator=generator)
        result = convolve(image, weight, torch.tensor([0.3, -7.0]), padding=1, padding_mode="reflect")
        for row, column in ((0, 0), (3, 9), (11, 2), (20, 21)):
            terms = pixel_terms(result, 1, row, column)
            cases.append([terms.products.flatten(1).tolist(), terms.bias, terms.value])
            wanted.append((terms, printed_terms(terms)))
    got = javascript("shared/terms.js", "argument.map(([p, b, v]) => printedTerms(p, b, v, false))", cases)
    for mine, (terms, right) in zip(got, wanted, strict=True):
        assert mine["digits"] == right.digits == terms.digits
        assert mine["products"] == right.products.flatten(1).tolist()
        assert (mine["sums"], mine["bias"], mine["value"]) == (
            right.channel_sums.tolist(),
            right.bias,
            right.value,
        )
        assert [sum(channel) for channel in mine["products"]] == mine["sums"]
        assert sum(mine["sums"]) + mine["bias"] == mine["value"]


def test_whole_numbers_are_printed_whole(javascript: Run) -> None:
    got = javascript("shared/terms.js", "printedTerms([[1, -2, 3], [40, 5, 6]], 7, 60, true)")
    assert got["digits"] == got["residual"] == 0
    assert got["products"] == [[1, -2, 3], [40, 5, 6]]
    assert (got["sums"], got["bias"], got["value"]) == ([2, 51], 7, 60)
    texts = javascript(
        "shared/terms.js", "[[-1234, 2], [5, 3], [0, 2], [-7, 0]].map(([u, d]) => printed(u, d))"
    )
    assert [text.replace("−", "-") for text in texts] == [
        printed(u, d) for u, d in ((-1234, 2), (5, 3), (0, 2), (-7, 0))
    ]


def geometry(
    size: tuple[int, int], kernel: int, stride: int, padding: int, dilation: int, mode: str
) -> dict[str, Any]:
    outputs = [output_size(n, kernel, stride=stride, padding=padding, dilation=dilation) for n in size]
    return {"size": list(size), "kernel": kernel, "stride": [stride] * 2, "padding": [padding] * 4,
            "dilation": [dilation] * 2, "mode": mode, "outputs": outputs}  # fmt: skip


GEOMETRIES = [
    (3, 1, 1, 1, "zeros"),
    (3, 2, 1, 2, "reflect"),
    (5, 3, 2, 1, "replicate"),
    (2, 1, 3, 3, "circular"),
    (4, 2, 0, 1, "zeros"),
]


@pytest.mark.parametrize("values", GEOMETRIES)
def test_the_cells_that_use_a_pixel_are_those_whose_value_it_changes(javascript: Run, values: Any) -> None:
    place = geometry((12, 15), *values)
    kernel, stride, padding, dilation, mode = values
    for pixel in ((0, 0), (5, 7), (11, 14), (1, 13)):
        image = torch.zeros(1, 12, 15, dtype=torch.int64)
        image[0, pixel[0], pixel[1]] = 1
        weight = torch.ones(1, 1, kernel, kernel, dtype=torch.int64)
        out = convolve(
            image, weight, stride=stride, padding=padding, dilation=dilation, padding_mode=mode
        ).output[0]
        script = "[usersOf(argument[0], 0, argument[1][0]), usersOf(argument[0], 1, argument[1][1])]"
        rows, columns = javascript("lab/geometry.js", script, [place, list(pixel)])
        found = torch.zeros_like(out, dtype=torch.bool)
        for row in rows:
            found[row, columns] = True
        assert torch.equal(found, out > 0)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_padding_shows_the_pixels_that_pytorch_pads_with(javascript: Run, mode: str) -> None:
    places = list(range(-6, 13))
    got = javascript("lab/geometry.js", "argument[0].map((p) => sourceOf(p, 7, argument[1]))", [places, mode])
    assert got == source_positions(torch.tensor(places), 7, mode).tolist()


def test_C6_users_of_a_pixel_are_counted_as_usage_counts_does(javascript: Run) -> None:
    for values in GEOMETRIES[:1] + GEOMETRIES[4:]:
        place = geometry((8, 9), *values)
        kernel, stride, padding, dilation, _ = values
        script = "[0, 1].map((a) => Array.from({length: argument.size[a]}, (_, i) => usersOf(argument, a, i).length))"
        rows, columns = javascript("lab/geometry.js", script, place)
        wanted = usage_counts((8, 9), kernel, stride=stride, padding=padding, dilation=dilation)
        assert np.array_equal(np.outer(rows, columns), wanted.numpy())


def test_C7_formulas_carry_the_numbers_and_end_in_pytorchs_size(javascript: Run) -> None:
    script = "sizeFormula(argument.n, argument.b, argument.a, argument.k, argument.s, argument.d, argument.o)"
    for n, b, a, k, s, d in (
        (6, 0, 0, 3, 1, 1),
        (512, 1, 1, 3, 2, 1),
        (30, 0, 1, 4, 3, 2),
        (9, 2, 2, 5, 1, 2),
    ):
        size = output_size(n, k, stride=s, padding=(b, a), dilation=d)
        text = javascript(
            "lab/geometry.js", script, {"n": n, "b": b, "a": a, "k": k, "s": s, "d": d, "o": size}
        )
        left, right = text.replace("−", "-").replace("·", "*").split(" = ")
        assert (
            int(right)
            == size
            == eval(left.replace("⌊(", "int((").replace("⌋", ")"), {"__builtins__": {"int": int}})
        )


def test_pooling_windows_hold_what_pytorch_pools(javascript: Run) -> None:
    image = torch.randint(0, 99, (1, 9, 11), generator=torch.Generator().manual_seed(0))
    for size, stride, padding in ((2, 2, 0), (3, 2, 1), (2, 3, 0), (3, 1, 1)):
        done = pool(image, "max", size, stride=stride, padding=padding)
        rows, columns = done.output.shape[1:]
        argument = {"size": size, "stride": stride, "padding": padding, "outputs": [rows, columns]}
        script = f"[...Array({rows}).keys()].map((r) => [...Array({columns}).keys()].map((c) => poolWindow(argument, r, c, 9, 11)))"
        for row, line in enumerate(javascript("lab/geometry.js", script, argument)):
            for column, (top, bottom, left, right) in enumerate(line):
                assert image[0, top:bottom, left:right].max() == done.output[0, row, column]
        cells = javascript(
            "lab/geometry.js",
            "[...Array(99).keys()].map((i) => poolCellOf(argument, Math.floor(i / 11), i % 11))",
            argument,
        )
        for place, cell in enumerate(cells):
            if cell is not None:
                top, bottom, left, right = (
                    javascript(
                        "lab/geometry.js", "poolWindow(argument[0], ...argument[1], 9, 11)", [argument, cell]
                    )
                    if place % 17 == 0
                    else (0, 99, 0, 99)
                )
                assert top <= place // 11 < bottom
                assert left <= place % 11 < right


@pytest.mark.parametrize(
    "text",
    ["sobel_x", "edge~a23~pscharr;gabor~a45~b-2.5~otr", "custom~w1,0,-1,1,0,-1,1,0,-1", "random~s3~x4;box"],
)
def test_banks_are_read_and_written_alike(javascript: Run, text: str) -> None:
    written = javascript("lab/bank.js", "formatBank(parseBank(argument))", text)
    limits = {"max_filters": 64, "max_weights": 800}
    assert parse_bank(written, 3, **limits) == parse_bank(text, 3, **limits)


def test_every_ready_made_bank_is_valid(javascript: Run) -> None:
    for name, count in (("pair", 2), ("directions", 8), ("gabors", 16), ("named", 10), ("random64", 64)):
        settings = LabSettings.from_mapping(javascript("lab/bank.js", "bankPreset(argument)", name))
        assert len(settings.bank) == count
        assert len(format_bank(settings.bank)) < 1000


def test_own_weights_of_large_filters_survive_the_link(javascript: Run) -> None:
    weights = np.random.default_rng(1).normal(size=121).astype(np.float32).tolist()
    text = "custom~" + javascript("lab/bank.js", "formatWeights(argument)", weights)
    assert parse_bank(text, 11, max_filters=64, max_weights=800)[0].weights == tuple(weights)
    grown = javascript("lab/bank.js", "resizedWeights([1, 2, 3, 4, 5, 6, 7, 8, 9], 3, 5)")
    assert np.array_equal(np.array(grown).reshape(5, 5), np.pad(np.arange(1, 10).reshape(3, 3), 1))


@pytest.mark.parametrize("name", ["signed", "magnitude", "gray"])
def test_colours_in_the_browser_are_those_of_the_downloads(javascript: Run, name: str) -> None:
    packed = np.array(javascript("shared/colours.js", f"[...SCALES.{name}]"), dtype=np.uint32)
    colours = np.stack([packed & 255, packed >> 8 & 255, packed >> 16 & 255], axis=1)
    assert np.abs(colours.astype(int) - palette(name).astype(int)).max() <= 1


def test_painting_puts_zero_at_white_and_limits_at_the_ends(javascript: Run) -> None:
    script = """(() => { const out = new Uint32Array(5);
      paintMap(Float32Array.from([-5, 0, 5, 99, 2.5]), out, { kind: "signed", limit: 5 }); return [...out]; })()"""
    low, zero, high, beyond, half = javascript("shared/colours.js", script)
    table = javascript("shared/colours.js", "[...SCALES.signed]")
    assert [low, zero, high, beyond] == [table[1], table[128], table[255], table[255]]
    assert half == table[192]
