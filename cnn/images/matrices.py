"""Number matrices: the lectures' examples, and what a person types or pastes."""

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from cnn.images.errors import MatrixError

__all__ = ["MATRICES", "MAX_SIDE", "MAX_VALUE", "MatrixPreset", "format_matrix", "matrix", "parse_matrix"]

MAX_SIDE = 64
MAX_VALUE = 1_000_000
_MAX_TEXT = 200_000
_ROW_BREAK = re.compile(r"[\n\r;]+|\]\s*,?\s*\[")
_GAP = re.compile(r"[\s,|\[\](){}]+")
_WHOLE = re.compile(r"[+-]?\d{1,12}")
_DECIMAL = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?", re.IGNORECASE)

Rows = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class MatrixPreset:
    """One example; `channels` holds its numbers, (C, H, W) as nested tuples."""

    id: str
    en: str
    ko: str
    channels: tuple[Rows, ...]

    def tensor(self) -> Tensor:
        """int64 (C, H, W)."""
        return torch.tensor(self.channels, dtype=torch.int64)


_LECTURE: Rows = (
    (3, 0, 1, 2, 7, 4),
    (1, 5, 8, 9, 3, 1),
    (2, 7, 2, 5, 1, 3),
    (0, 1, 3, 1, 7, 8),
    (4, 2, 1, 6, 2, 8),
    (2, 4, 5, 2, 3, 9),
)
_MAX_POOLING: Rows = ((1, 3, 2, 1, 3), (2, 9, 1, 1, 5), (3, 2, 3, 2, 3), (8, 3, 5, 1, 0), (5, 6, 1, 2, 9))
_SECOND_CHANNEL: Rows = ((4, 0, 2, 6, 1), (1, 7, 3, 0, 2), (5, 2, 8, 1, 4), (0, 3, 1, 9, 2), (6, 1, 4, 2, 3))
_GREEN: Rows = (
    (0, 2, 4, 6, 8, 9),
    (1, 3, 5, 7, 9, 8),
    (0, 1, 2, 3, 4, 5),
    (5, 4, 3, 2, 1, 0),
    (8, 6, 4, 2, 0, 1),
    (9, 7, 5, 3, 1, 2),
)
_BLUE: Rows = (
    (7, 7, 7, 1, 1, 1),
    (7, 7, 7, 1, 1, 1),
    (5, 5, 5, 2, 2, 2),
    (5, 5, 5, 2, 2, 2),
    (3, 3, 3, 4, 4, 4),
    (3, 3, 3, 4, 4, 4),
)

_LIGHT_TO_DARK: Rows = ((10, 10, 10, 0, 0, 0),) * 6
_DARK_TO_LIGHT: Rows = ((0, 0, 0, 10, 10, 10),) * 6

MATRICES: tuple[MatrixPreset, ...] = (
    MatrixPreset("lecture_6x6", "6×6 from the lecture", "강의의 6×6 예제", (_LECTURE,)),
    MatrixPreset(
        "edge_10_0",
        "Edge, light to dark (10→0)",
        "밝음→어둠 가장자리 (10→0)",
        (_LIGHT_TO_DARK,),
    ),
    MatrixPreset(
        "edge_0_10",
        "Edge, dark to light (0→10)",
        "어둠→밝음 가장자리 (0→10)",
        (_DARK_TO_LIGHT,),
    ),
    MatrixPreset("max_pooling_5x5", "5×5 for max pooling", "최대 풀링용 5×5", (_MAX_POOLING,)),
    MatrixPreset(
        "average_pooling_4x4",
        "4×4 for average pooling",
        "평균 풀링용 4×4",
        (((1, 3, 2, 1), (2, 9, 1, 1), (1, 4, 2, 3), (5, 6, 1, 2)),),
    ),
    MatrixPreset("pooling_5x5x2", "5×5, two channels", "5×5, 채널 2개", (_MAX_POOLING, _SECOND_CHANNEL)),
    MatrixPreset("rgb_6x6x3", "6×6 in red, green and blue", "6×6 RGB (채널 3개)", (_LECTURE, _GREEN, _BLUE)),
)
_BY_ID = {preset.id: preset for preset in MATRICES}


def matrix(id: str) -> Tensor:
    """The numbers of a preset, int64 (C, H, W).

    Raises:
        ValueError: no preset has that id.
    """
    if id not in _BY_ID:
        raise ValueError(f"wanted one of {', '.join(_BY_ID)}, got {id!r}")
    return _BY_ID[id].tensor()


def parse_matrix(text: str) -> Tensor:
    """Rows of numbers as a person types or pastes them.

    Rows end at a line end, a semicolon or a closing bracket; numbers are parted by blanks, tabs, commas or
    bars; brackets are optional. 1 to 64 rows and columns.

    Returns:
        (H, W): int64 where every number is whole and written without a point, float64 otherwise.

    Raises:
        MatrixError: no numbers, rows of different length, something else than a number, too large.
    """
    if len(text) > _MAX_TEXT:
        raise MatrixError("matrix_text_too_long", length=len(text), limit=_MAX_TEXT)
    lines = (_GAP.sub(" ", line).split() for line in _ROW_BREAK.split(text.replace("−", "-")))
    rows = [line for line in lines if line]
    if not rows:
        raise MatrixError("matrix_empty")
    columns = max(map(len, rows))
    if len(rows) > MAX_SIDE or columns > MAX_SIDE:
        raise MatrixError("matrix_size", rows=len(rows), columns=columns, limit=MAX_SIDE)
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise MatrixError("matrix_ragged", row=number, count=len(row), wanted=len(rows[0]))
    values = [[_number(word, number) for word in row] for number, row in enumerate(rows, 1)]
    whole = all(isinstance(value, int) for row in values for value in row)
    return torch.tensor(values, dtype=torch.int64 if whole else torch.float64)


def _number(word: str, row: int) -> int | float:
    whole = _WHOLE.fullmatch(word)
    if whole is None and _DECIMAL.fullmatch(word) is None:
        raise MatrixError("matrix_number", text=_short(word), row=row)
    value = int(word) if whole else float(word)
    if not math.isfinite(value) or abs(value) > MAX_VALUE:
        raise MatrixError("matrix_range", text=_short(word), row=row, limit=MAX_VALUE)
    return value


def _short(word: str) -> str:
    return word if len(word) <= 20 else word[:19] + "…"


def format_matrix(values: Tensor) -> str:
    """Rows of a matrix (H, W) as text with its columns lined up; `parse_matrix` reads the same numbers back.

    Raises:
        ValueError: `values` is not a matrix.
    """
    if values.ndim != 2:
        raise ValueError(f"wanted a matrix (H, W), got {tuple(values.shape)}")
    words = [[_word(value) for value in row] for row in values.tolist()]
    widths = [max(len(row[column]) for row in words) for column in range(values.shape[1])]
    return "\n".join(
        " ".join(word.rjust(width) for word, width in zip(row, widths, strict=True)) for row in words
    )


def _word(value: int | float) -> str:
    return str(value) if isinstance(value, int) else repr(value)
