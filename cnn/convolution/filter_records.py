"""The filters that can be chosen: names, notes in both languages, sizes. How they are made is in
filters.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["FILTERS", "LARGEST", "Filter"]

LARGEST = 15


def _words(en: str, ko: str) -> Mapping[str, str]:
    return MappingProxyType({"en": en, "ko": ko})


@dataclass(frozen=True, slots=True)
class Filter:
    """label, note and opencv are by language ("en", "ko"); opencv, "" where it agrees, says how OpenCV's
    differs.

    sizes: what kernel_size may be. native_sizes: those at which the filter is the textbook's; the others
    follow the construction in `note`. turnable: whether an angle changes it.
    """

    name: str
    label: Mapping[str, str]
    note: Mapping[str, str]
    smallest: int = 1
    native_sizes: tuple[int, ...] = ()
    turnable: bool = False
    opencv: Mapping[str, str] = field(default_factory=lambda: _words("", ""))

    @property
    def sizes(self) -> range:
        """The sizes that it can have."""
        return range(self.smallest, LARGEST + 1)


_SMOOTHED = _words(
    "Larger sizes: the 3×3 filter smoothed by a binomial.",
    "더 큰 크기: 3×3 필터를 이항 필터로 부드럽게 한 것.",
)
_X_OPENCV = _words(
    "OpenCV's dx filter is the negative: it answers + to dark-to-light.",
    "OpenCV의 dx 필터는 부호가 반대라서 어두운 곳에서 밝은 곳으로 갈 때 +입니다.",
)
_Y_OPENCV = _words(
    "OpenCV's dy filter is the negative: it answers + where brightness grows downwards.",
    "OpenCV의 dy 필터는 부호가 반대라서 아래로 갈수록 밝아질 때 +입니다.",
)
_SOBEL = _words(
    "[1, 2, 1] smoothing × [1, 0, −1] difference; larger sizes from binomials, as cv2.getDerivKernels.",
    "[1, 2, 1] 평활화 × [1, 0, −1] 차분. 더 큰 크기는 cv2.getDerivKernels처럼 이항 계수로 만듭니다.",
)
_PREWITT = _words(
    "A ramp from + to − in every row; 3×3 is the vertical filter.",
    "각 행이 +에서 −로 내려가는 경사. 3×3은 수직 필터와 같습니다.",
)

FILTERS: tuple[Filter, ...] = (
    Filter(
        "identity",
        _words("Identity", "항등"),
        _words("1 in the centre: the picture itself.", "가운데만 1: 원래 그림 그대로."),
    ),
    Filter(
        "vertical",
        _words("Vertical edge", "수직 가장자리"),
        _words(
            "+1 on the left, 0, −1 on the right: light-to-dark is positive.",
            "왼쪽 +1, 0, 오른쪽 −1: 밝음→어두움이 양수.",
        ),
        2,
        (3,),
        True,
    ),
    Filter(
        "horizontal",
        _words("Horizontal edge", "수평 가장자리"),
        _words("The vertical filter turned 90° clockwise.", "수직 필터를 시계 방향으로 90° 돌린 것."),
        2,
        (3,),
        True,
    ),
    Filter("sobel_x", _words("Sobel, vertical edge", "소벨 수직"), _SOBEL, 2, (3, 5, 7), True, _X_OPENCV),
    Filter("sobel_y", _words("Sobel, horizontal edge", "소벨 수평"), _SOBEL, 2, (3, 5, 7), True, _Y_OPENCV),
    Filter("scharr_x", _words("Scharr, vertical edge", "샤르 수직"), _SMOOTHED, 3, (3,), True, _X_OPENCV),
    Filter("scharr_y", _words("Scharr, horizontal edge", "샤르 수평"), _SMOOTHED, 3, (3,), True, _Y_OPENCV),
    Filter("prewitt_x", _words("Prewitt, vertical edge", "프리윗 수직"), _PREWITT, 2, (3,), True),
    Filter("prewitt_y", _words("Prewitt, horizontal edge", "프리윗 수평"), _PREWITT, 2, (3,), True),
    Filter(
        "edge",
        _words("Edge at any angle", "임의 각도 가장자리"),
        _words(
            "cos θ · vertical + sin θ · horizontal of the chosen pair.",
            "고른 쌍의 cos θ · 수직 + sin θ · 수평.",
        ),
        2,
        (),
        True,
    ),
    Filter(
        "laplacian",
        _words("Laplacian (4 neighbours)", "라플라시안 (4방향)"),
        _words(
            "Four neighbours − 4 × centre. " + _SMOOTHED["en"],
            "이웃 넷의 합 − 4 × 가운데. " + _SMOOTHED["ko"],
        ),
        3,
        (3,),
    ),
    Filter(
        "laplacian_8",
        _words("Laplacian (8 neighbours)", "라플라시안 (8방향)"),
        _words(
            "Eight neighbours − 8 × centre. " + _SMOOTHED["en"],
            "이웃 여덟의 합 − 8 × 가운데. " + _SMOOTHED["ko"],
        ),
        3,
        (3,),
    ),
    Filter(
        "log",
        _words("Laplacian of Gaussian", "가우시안의 라플라시안 (LoG)"),
        _words(
            "(r² − 2σ²)/σ⁴ · exp(−r²/2σ²) with σ = f/6, made to add up to 0.",
            "(r² − 2σ²)/σ⁴ · exp(−r²/2σ²), σ = f/6, 합이 0이 되게 맞춤.",
        ),
        3,
    ),
    Filter(
        "gaussian",
        _words("Gaussian blur", "가우시안 흐림"),
        _words(
            "σ = 0.3·((f−1)/2 − 1) + 0.8, as cv2.getGaussianKernel(f, 0).",
            "σ = 0.3·((f−1)/2 − 1) + 0.8, cv2.getGaussianKernel(f, 0)과 같음.",
        ),
    ),
    Filter(
        "box",
        _words("Box blur", "상자 흐림"),
        _words("The mean: every weight 1/f².", "평균: 모든 가중치가 1/f²."),
    ),
    Filter(
        "sharpen",
        _words("Sharpen", "선명하게"),
        _words(
            "Identity − Laplacian; larger sizes: with the Laplacian smoothed.",
            "항등 − 라플라시안. 더 큰 크기: 부드럽게 한 라플라시안.",
        ),
        3,
        (3,),
    ),
    Filter(
        "emboss",
        _words("Emboss", "엠보스"),
        _words(
            "Identity + an edge filter along the diagonal: light from one side.",
            "항등 + 대각선 가장자리 필터: 한쪽에서 비추는 빛.",
        ),
        3,
        (3,),
        True,
    ),
    Filter(
        "gabor",
        _words("Gabor", "가보르"),
        _words(
            "exp(−(x'² + y'²/4)/2σ²) · cos(2πx'/λ), λ = f/2, σ = 0.56 λ, made to add up to 0.",
            "exp(−(x'² + y'²/4)/2σ²) · cos(2πx'/λ), λ = f/2, σ = 0.56 λ, 합이 0이 되게 맞춤.",
        ),
        3,
        (),
        True,
    ),
    Filter(
        "line_vertical",
        _words("Vertical line", "세로줄"),
        _words(
            "1 in the middle column, else 0; the lecture's is 7×7.",
            "가운데 열만 1, 나머지 0. 강의에서는 7×7.",
        ),
        1,
        (7,),
    ),
    Filter(
        "line_horizontal",
        _words("Horizontal line", "가로줄"),
        _words(
            "1 in the middle row, else 0; the lecture's is 7×7.", "가운데 행만 1, 나머지 0. 강의에서는 7×7."
        ),
        1,
        (7,),
    ),
    Filter(
        "random",
        _words("Random", "무작위"),
        _words("Normal numbers with deviation 1/f, from a seed.", "표준편차 1/f의 정규 난수, 시드로 정해짐."),
    ),
)
