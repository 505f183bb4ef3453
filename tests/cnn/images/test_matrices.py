"""Number matrices: the lectures' examples, and reading what people type."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.images.errors import MatrixError
from cnn.images.matrices import MATRICES, format_matrix, matrix, parse_matrix


def test_C2_C4_P1_P2_P3_presets() -> None:
    lecture = matrix("lecture_6x6")
    vertical = torch.tensor([[1, 0, -1]] * 3)
    products = lecture.unfold(1, 3, 1).unfold(2, 3, 1) * vertical
    assert products.sum((-1, -2))[0].tolist() == [
        [-5, -4, 0, 8],
        [-10, -2, 2, 3],
        [0, -2, -4, -7],
        [-3, -2, -3, -16],
    ]
    for id, peak in (("edge_10_0", 30), ("edge_0_10", -30)):
        edges = (matrix(id).unfold(1, 3, 1).unfold(2, 3, 1) * vertical).sum((-1, -2))
        assert edges.tolist() == [[[0, peak, peak, 0]] * 4]
    pooled = matrix("max_pooling_5x5").unfold(1, 3, 1).unfold(2, 3, 1).amax((-1, -2))
    assert pooled.tolist() == [[[9, 9, 5], [9, 9, 5], [8, 6, 9]]]
    average = matrix("average_pooling_4x4").double().unfold(1, 2, 2).unfold(2, 2, 2).mean((-1, -2))
    assert average.tolist() == [[[3.75, 1.25], [4, 2]]]
    assert matrix("pooling_5x5x2").shape == (2, 5, 5)
    assert matrix("rgb_6x6x3").shape == (3, 6, 6)


def test_presets_are_whole_numbers_with_labels() -> None:
    assert len({preset.id for preset in MATRICES}) == len(MATRICES)
    for preset in MATRICES:
        assert preset.tensor().dtype == torch.int64
        assert preset.en
        assert preset.ko
    with pytest.raises(ValueError, match="wanted one of lecture_6x6"):
        matrix("nothing")


@pytest.mark.parametrize(
    "text",
    [
        "1 2 3\n4 5 6",
        "1,2,3\n4,5,6\n",
        "1\t2\t3\r\n4\t5\t6\r\n",
        "1, 2, 3; 4, 5, 6",
        "[[1, 2, 3], [4, 5, 6]]",
        "[[1 2 3]\n [4 5 6]]",
        "tensor([[1, 2, 3],\n        [4, 5, 6]])".replace("tensor", ""),
        "{1,2,3}\n{4,5,6}",
        "\n\n 1 | 2 | 3 \n\n 4 | 5 | 6 \n\n",
        "[1,2,3][4,5,6]",
    ],
)
def test_ways_of_writing_the_same_matrix(text: str) -> None:
    parsed = parse_matrix(text)
    assert parsed.dtype == torch.int64
    assert parsed.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_decimals_signs_and_exponents() -> None:
    parsed = parse_matrix("0.5 -1 +2\n1e3 -.25 −7.")
    assert parsed.dtype == torch.float64
    assert parsed.tolist() == [[0.5, -1, 2], [1000, -0.25, -7]]
    assert parse_matrix("１２ ٣").tolist() == [[12, 3]]  # digits as other keyboards write them
    assert parse_matrix("-1000000 1000000").tolist() == [[-1_000_000, 1_000_000]]


@pytest.mark.parametrize(
    ("text", "code", "values"),
    [
        ("", "matrix_empty", {}),
        (" \n ,, [ ] ;", "matrix_empty", {}),
        ("1 2\n3", "matrix_ragged", {"row": 2, "count": 1, "wanted": 2}),
        ("1 2\n3 x", "matrix_number", {"text": "x", "row": 2}),
        ("nan", "matrix_number", {"text": "nan", "row": 1}),
        ("1 inf", "matrix_number", {"text": "inf", "row": 1}),
        ("1_000", "matrix_number", {"text": "1_000", "row": 1}),
        ("0x10", "matrix_number", {"text": "0x10", "row": 1}),
        ("1000001", "matrix_range", {"text": "1000001", "row": 1, "limit": 1_000_000}),
        ("1e999", "matrix_range", {"text": "1e999", "row": 1, "limit": 1_000_000}),
        ("9" * 300, "matrix_number", {"text": "9" * 19 + "…", "row": 1}),
        (" ".join("1" * 65), "matrix_size", {"rows": 1, "columns": 65, "limit": 64}),
        ("\n".join("1" * 65), "matrix_size", {"rows": 65, "columns": 1, "limit": 64}),
        ("1 " * 200_000, "matrix_text_too_long", {"length": 400_000, "limit": 200_000}),
    ],
)
def test_refusals_say_what_and_where(text: str, code: str, values: dict[str, object]) -> None:
    with pytest.raises(MatrixError) as caught:
        parse_matrix(text)
    assert caught.value.code == code
    assert caught.value.values == values
    for language in ("en", "ko"):
        assert caught.value.sentence(language).endswith(".")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_written_is_read_back(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    whole = data.draw(st.booleans())
    number = st.integers(-(10**6), 10**6) if whole else st.floats(-1e6, 1e6, allow_nan=False)
    values = data.draw(st.lists(number, min_size=rows * columns, max_size=rows * columns))
    wanted = torch.tensor(values, dtype=torch.int64 if whole else torch.float64).reshape(rows, columns)
    read = parse_matrix(format_matrix(wanted))
    assert read.dtype == wanted.dtype
    assert torch.equal(read, wanted)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_matrix_or_a_sentence(text: str) -> None:
    try:
        parsed = parse_matrix(text)
    except MatrixError as error:
        refused = error
    else:
        assert parsed.ndim == 2
        return
    assert refused.sentence("ko")


def test_columns_line_up() -> None:
    assert format_matrix(torch.tensor([[1, -20], [300, 4]])) == "  1 -20\n300   4"
    with pytest.raises(ValueError, match="wanted a matrix"):
        format_matrix(torch.zeros(2, 2, 2))
