"""What a person is told when a style transfer cannot run as asked, in English and Korean."""

from typing import Any

__all__ = ["STYLE_TEXTS", "StyleError"]

STYLE_TEXTS: dict[str, tuple[str, str]] = {
    "too_small": (
        "The picture becomes {width}x{height}, too small for these layers (at least {minimum} px a side); "
        "choose a larger size or earlier layers.",
        "그림이 {width}x{height} 픽셀이 되어 이 층에 너무 작습니다(한 변 {minimum} 픽셀 이상). "
        "더 큰 크기나 더 앞쪽 층을 골라 주세요.",
    ),
    "too_large": (
        "{size} px would need {needed} of memory, {available} may be used; the largest size is {largest} px.",
        "{size} 픽셀에는 메모리 {needed}가 필요하지만 {available}까지 쓸 수 있습니다. "
        "최대 크기는 {largest} 픽셀입니다.",
    ),
    "not_a_picture": (
        "Wanted a picture of shape (1 or 3, height, width), uint8 or floating point in 0..1; got {got}.",
        "(1 또는 3, 높이, 너비) 모양의 uint8 또는 0..1 실수 그림이 필요하지만 {got}을(를) 받았습니다.",
    ),
    "not_finite": (
        "The picture holds values that are not numbers (NaN or infinity); choose another picture.",
        "그림에 숫자가 아닌 값(NaN 또는 무한대)이 있습니다. 다른 그림을 골라 주세요.",
    ),
    "unknown_layer": (
        "There is no layer {layer} in {network}; there are {layers}.",
        "{network}에는 {layer} 층이 없습니다. 있는 층: {layers}.",
    ),
    "no_layers": (
        "Nothing to optimise: every weight is 0; raise the weight of a content or style layer.",
        "모든 가중치가 0이라 최적화할 것이 없습니다. 콘텐츠나 스타일 층의 가중치를 올려 주세요.",
    ),
    "setting": (
        "The setting {name} takes {wanted}, got {got}.",
        "설정 {name}에는 {wanted}이(가) 필요하지만 {got}을(를) 받았습니다.",
    ),
    "no_weights": (
        "The weights of {network} are not there; choose another network.",
        "{network}의 가중치가 없습니다. 다른 네트워크를 골라 주세요.",
    ),
    "not_a_video": (
        "This file cannot be read as a video; export it as MP4 and try again.",
        "이 파일은 동영상으로 읽을 수 없습니다. MP4로 내보내서 다시 시도해 주세요.",
    ),
    "no_frames": ("There are no frames to write yet.", "아직 저장할 프레임이 없습니다."),
    "no_encoder": (
        "No video encoder works here; export a GIF instead.",
        "여기서는 동영상 인코더를 쓸 수 없습니다. GIF로 내보내 주세요.",
    ),
    "restored": (
        "The numbers ran out of range at this step, so the last good picture was taken up again "
        "with smaller steps.",
        "이 단계에서 수치가 범위를 벗어나 마지막 정상 그림에서 더 작은 걸음으로 다시 시작했습니다.",
    ),
    "stopped": (
        "The numbers ran out of range again and again, so the run ended with the last good picture.",
        "수치가 거듭 범위를 벗어나 마지막 정상 그림으로 실행을 마쳤습니다.",
    ),
}


def style_text(code: str, language: str = "en", /, **values: Any) -> str:
    """The sentence of a code; any language but "ko" gives English. Raises: KeyError for an unknown code."""
    return STYLE_TEXTS[code][language == "ko"].format(**values)


class StyleError(ValueError):
    """A run that cannot be done; `str()` is the English sentence, `sentence` that of a language."""

    def __init__(self, code: str, **values: str | int | float) -> None:
        self.code = code
        self.values = values
        super().__init__(style_text(code, "en", **values))

    def sentence(self, language: str = "en") -> str:
        """What is wrong and what to do, in "en" or "ko"."""
        return style_text(self.code, language, **self.values)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.code, self.values)


def _rebuilt(code: str, values: dict[str, Any]) -> StyleError:
    return StyleError(code, **values)
