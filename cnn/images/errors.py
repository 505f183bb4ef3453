"""What a person is told when a picture or a matrix cannot be used, in English and Korean.

An error carries a `code` and `values`; the sentence is looked up here, in the language that was chosen.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["ERROR_TEXTS", "ErrorText", "ImageError", "MatrixError", "RefusedInputError"]

_FORMATS = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF"


@dataclass(frozen=True, slots=True)
class ErrorText:
    """One sentence per language, `str.format` templates over the error's values."""

    code: str
    en: str
    ko: str


ERROR_TEXTS: tuple[ErrorText, ...] = (
    ErrorText(
        "empty",
        "This file is empty; choose another picture.",
        "빈 파일입니다. 다른 그림을 골라 주세요.",
    ),
    ErrorText(
        "no_file",
        "The file cannot be read; check that it exists and is an ordinary file.",
        "파일을 읽을 수 없습니다. 파일이 있는지 확인해 주세요.",
    ),
    ErrorText(
        "file_too_large",
        "The file has {megabytes} MB, over the limit of {limit} MB; save a smaller version and try again.",
        "파일 크기가 {megabytes} MB로 한도 {limit} MB를 넘습니다. 더 작게 저장해서 다시 시도해 주세요.",
    ),
    ErrorText(
        "too_many_pixels",
        "The picture is {width}x{height}, which is over {limit} megapixels; make it smaller and try again.",
        "그림이 {width}x{height} 픽셀로 {limit}메가픽셀을 넘습니다. 크기를 줄여서 다시 시도해 주세요.",
    ),
    ErrorText(
        "side_too_long",
        "The picture is {width}x{height}, and a side may have {limit} pixels at most; make it smaller.",
        "그림이 {width}x{height} 픽셀입니다. 한 변은 {limit} 픽셀까지이니 크기를 줄여서 다시 시도해 주세요.",
    ),
    ErrorText(
        "heic",
        "This is a HEIC photo, which cannot be opened here; export it as JPEG and try again.",
        "HEIC 사진은 여기서 열 수 없습니다. JPEG로 내보내서 다시 시도해 주세요.",
    ),
    ErrorText(
        "wrong_kind",
        "This is {kind}, not a picture that can be opened here; export it as JPEG or PNG ("
        + _FORMATS
        + " work).",
        "{kind} 파일은 여기서 열 수 없습니다. JPEG나 PNG로 내보내 주세요(" + _FORMATS + " 가능).",
    ),
    ErrorText(
        "unknown_kind",
        "This file is not a known kind of picture; use one of " + _FORMATS + ".",
        "알 수 없는 종류의 파일입니다. " + _FORMATS + " 가운데 하나를 써 주세요.",
    ),
    ErrorText(
        "incomplete",
        "The {kind} file is incomplete, its end is missing; copy or download it again.",
        "{kind} 파일의 뒷부분이 없습니다. 다시 복사하거나 내려받아 주세요.",
    ),
    ErrorText(
        "damaged",
        "The {kind} file is damaged; save or download it again, or choose another picture.",
        "{kind} 파일이 손상되었습니다. 다시 저장하거나 내려받고, 안 되면 다른 그림을 골라 주세요.",
    ),
    ErrorText(
        "unsupported_variant",
        "This rare kind of {kind} cannot be opened here; save it again as an ordinary JPEG or PNG.",
        "드문 방식의 {kind} 파일이라 열 수 없습니다. 보통의 JPEG나 PNG로 다시 저장해 주세요.",
    ),
    ErrorText(
        "too_many_scans",
        "This JPEG is built from too many scans ({scans}, limit {limit}); save it again as an ordinary JPEG.",
        "이 JPEG는 스캔이 너무 많습니다({scans}개, 한도 {limit}개). 보통의 JPEG로 다시 저장해 주세요.",
    ),
    ErrorText(
        "too_slow",
        "The picture took longer than {seconds} seconds to open; save it smaller or as an ordinary JPEG.",
        "그림을 여는 데 {seconds}초가 넘게 걸렸습니다. 더 작게, 또는 보통의 JPEG로 저장해 주세요.",
    ),
    ErrorText(
        "too_much_memory",
        "The picture needs too much memory to open; save it with fewer pixels or as an ordinary JPEG.",
        "그림을 여는 데 메모리가 너무 많이 듭니다. 픽셀 수를 줄이거나 보통의 JPEG로 저장해 주세요.",
    ),
    ErrorText(
        "decoder_lost",
        "The picture could not be opened; save it again as JPEG or PNG and try again.",
        "그림을 열지 못했습니다. JPEG나 PNG로 다시 저장해서 시도해 주세요.",
    ),
    ErrorText(
        "busy",
        "Many pictures are being opened just now; try again in a few seconds.",
        "지금 많은 그림을 열고 있습니다. 몇 초 뒤에 다시 시도해 주세요.",
    ),
    ErrorText(
        "matrix_empty",
        "There are no numbers yet; type or paste rows of numbers.",
        "아직 숫자가 없습니다. 숫자를 행별로 입력하거나 붙여 넣어 주세요.",
    ),
    ErrorText(
        "matrix_text_too_long",
        "The text has {length} characters, more than the limit of {limit}; paste fewer numbers.",
        "글자가 {length}자로 한도 {limit}자를 넘습니다. 숫자를 줄여 주세요.",
    ),
    ErrorText(
        "matrix_ragged",
        "Row {row} has {count} numbers but the first row has {wanted}; give every row the same number.",
        "{row}행의 숫자는 {count}개인데 첫 행은 {wanted}개입니다. 모든 행의 개수를 맞춰 주세요.",
    ),
    ErrorText(
        "matrix_number",
        "“{text}” in row {row} is not a number; use digits, a sign and a decimal point.",
        "{row}행의 “{text}”은(는) 숫자가 아닙니다. 숫자, 부호, 소수점만 써 주세요.",
    ),
    ErrorText(
        "matrix_size",
        "The matrix is {rows}x{columns}, and a side may have at most {limit} numbers; paste a smaller one.",
        "행렬이 {rows}x{columns}입니다. 한 변은 {limit}개까지이니 더 작은 행렬을 넣어 주세요.",
    ),
    ErrorText(
        "matrix_range",
        "“{text}” in row {row} is outside -{limit} to {limit}; use a smaller number.",
        "{row}행의 “{text}”은(는) -{limit}에서 {limit} 사이가 아닙니다. 더 작은 수를 써 주세요.",
    ),
)

_TEXT_OF = {text.code: text for text in ERROR_TEXTS}


class RefusedInputError(ValueError):
    """Input a person gave that cannot be used; `str()` of it is the English sentence.

    Raises:
        KeyError: the code is not in `ERROR_TEXTS` (a mistake in the program).
    """

    def __init__(self, code: str, **values: str | int | float) -> None:
        self.code = code
        self.values = values
        super().__init__(_TEXT_OF[code].en.format(**values))

    def sentence(self, language: str = "en") -> str:
        """What happened and what to do next, in one sentence; any language but "ko" gives English."""
        text = _TEXT_OF[self.code]
        return (text.ko if language == "ko" else text.en).format(**self.values)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.code, self.values)


class ImageError(RefusedInputError):
    """A picture that is refused."""


class MatrixError(RefusedInputError):
    """A typed or pasted number matrix that is refused."""


def _rebuilt(kind: type[RefusedInputError], code: str, values: dict[str, Any]) -> RefusedInputError:
    return kind(code, **values)
