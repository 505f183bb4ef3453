"""What the lab says when settings give no map: one sentence with what to do, in both languages."""

from __future__ import annotations

TEXTS = {
    "no_output": (
        "The filter spans {span} pixels but the padded input has only {padded}. Make the filter or the dilation smaller, "
        "or pad more.",
        "필터가 {span}픽셀에 걸치지만 패딩한 입력은 {padded}픽셀뿐입니다. 필터나 확장(dilation)을 줄이거나 패딩을 늘려 보세요.",
    ),
    "reflect_too_wide": (
        "Reflecting can add at most {most} pixels a side to an input of {n}; {p} were asked for. Pad less, or fill "
        "another way.",
        "반사 패딩은 길이 {n}인 입력의 한쪽에 최대 {most}픽셀까지 가능한데 {p}픽셀이 필요합니다. 패딩을 줄이거나 다른 방식으로 채워 보세요.",
    ),
    "circular_too_wide": (
        "Wrapping around can add at most {n} pixels a side to an input of {n}; {p} were asked for. Pad less, or fill "
        "another way.",
        "순환 패딩은 길이 {n}인 입력의 한쪽에 최대 {n}픽셀까지 가능한데 {p}픽셀이 필요합니다. 패딩을 줄이거나 다른 방식으로 채워 보세요.",
    ),
    "filter_too_small": (
        "This filter needs at least {smallest} × {smallest} weights; the size is {k}. Make it larger, or choose "
        "another filter.",
        "이 필터는 적어도 {smallest} × {smallest} 크기가 필요한데 지금은 {k}입니다. 크기를 늘리거나 다른 필터를 골라 보세요.",
    ),
    "no_pooled_output": (
        "The pooling window is {f} wide but the map, padded by {p}, is not. Use a smaller window.",
        "풀링 창의 크기가 {f}인데 {p}만큼 패딩한 맵은 그보다 작습니다. 창을 줄여 보세요.",
    ),
    "too_many_values": (
        "All maps together would have {values} million values, more than {most} million. Choose fewer filters, a larger "
        "stride or a smaller working size.",
        "모든 맵을 합치면 값이 {values}백만 개로 한도 {most}백만 개를 넘습니다. 필터 수나 작업 크기를 줄이거나 스트라이드를 늘려 보세요.",
    ),
}


class LabError(ValueError):
    """Settings that give no map. `code` is a key of `TEXTS`, `values` fill its places."""

    def __init__(self, code: str, **values: str | int) -> None:
        self.code = code
        self.values = values
        super().__init__(self.sentence("en"))

    def sentence(self, language: str = "en") -> str:
        """Return the sentence to show, in English or Korean."""
        return TEXTS[self.code][1 if language == "ko" else 0].format(**self.values)
