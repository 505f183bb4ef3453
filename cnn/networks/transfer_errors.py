"""What a person is told when their labelled pictures cannot be used, in English and Korean."""

from __future__ import annotations

from cnn.networks.transfer_pictures import Skipped

__all__ = ["DataSetError", "skipped_text"]

_TEXTS = {
    "too_large": (
        "The file has {megabytes} MB, over the limit of {limit} MB; choose a folder instead (its pictures are made "
        "smaller on your side), or take fewer pictures.",
        "파일이 {megabytes} MB로 한도 {limit} MB를 넘습니다. 대신 폴더를 고르거나(사진이 브라우저에서 작아집니다) 사진 수를 줄여 주세요.",
    ),
    "no_zip": (
        "This is no ordinary ZIP file; choose a folder of folders, or pack one as ZIP again.",
        "보통의 ZIP 파일이 아닙니다. 폴더를 직접 고르거나 다시 ZIP으로 묶어 주세요.",
    ),
    "encrypted": (
        "The ZIP file is locked with a password; pack it again without one.",
        "암호가 걸린 ZIP 파일입니다. 암호 없이 다시 묶어 주세요.",
    ),
    "bomb": (
        "The ZIP file would unpack to more than {limit} MB; take smaller or fewer pictures.",
        "ZIP 파일을 풀면 {limit} MB가 넘습니다. 더 작거나 적은 사진으로 묶어 주세요.",
    ),
    "too_slow": (
        "Opening the pictures took more than {seconds} seconds; take smaller or fewer pictures.",
        "사진을 여는 데 {seconds}초가 넘게 걸렸습니다. 더 작거나 적은 사진으로 해 주세요.",
    ),
    "too_many_files": (
        "The ZIP file holds more than {limit} files; take fewer.",
        "ZIP 파일에 든 파일이 {limit}개를 넘습니다. 수를 줄여 주세요.",
    ),
    "too_many_pictures": (
        "There are {count} pictures, and {limit} are allowed; take fewer of each kind.",
        "사진이 {count}장으로 한도 {limit}장을 넘습니다. 종류마다 수를 줄여 주세요.",
    ),
    "too_many_categories": (
        "There are {count} folders with pictures, and {limit} are allowed; take fewer kinds.",
        "사진이 든 폴더가 {count}개로 한도 {limit}개를 넘습니다. 종류를 줄여 주세요.",
    ),
    "no_pictures": (
        "There is no picture in it that can be opened{en_why}.",
        "열 수 있는 사진이 없습니다{ko_why}.",
    ),
    "too_few": (
        "Wanted at least two folders with two pictures each that can be opened{en_why}; name each folder after what is "
        "in its pictures.",
        "열 수 있는 사진이 두 장 이상 든 폴더가 두 개 이상 있어야 합니다{ko_why}. 폴더 이름이 사진의 이름표가 됩니다.",
    ),
}
_SKIPPED = {
    "no_label": (
        "lies in no folder that could name it",
        "이름표가 될 폴더 안에 있지 않습니다",
    ),
    "damaged_member": (
        "is damaged or packed in a way that is not read here",
        "손상되었거나 여기서 읽지 않는 방식으로 압축되었습니다",
    ),
    "one_picture": (
        "has only one picture; two are needed, one to learn from and one to test with",
        "사진이 한 장뿐입니다. 학습용과 시험용으로 두 장이 필요합니다",
    ),
}


class DataSetError(ValueError):
    """Labelled pictures that cannot be used; `sentence` says what was wanted, what came and what to do."""

    def __init__(self, code: str, **values: str | int) -> None:
        self.code = code
        self.values = values
        super().__init__(self.sentence("en"))

    def sentence(self, language: str = "en") -> str:
        """The sentence in "en" or "ko"."""
        return _TEXTS[self.code][language == "ko"].format(**self.values)


def skipped_text(name: str, code: str) -> Skipped:
    """The entry of the list of files that were left out."""
    return Skipped(name, *_SKIPPED[code])
