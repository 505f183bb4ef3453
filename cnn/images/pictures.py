"""The list of built-in pictures, with what a caption, a screen reader and an attribution need."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from cnn.images import synthetic
from cnn.images.tissue import TISSUE_ID, tissue

__all__ = ["PICTURES", "Picture"]

_ASSETS, _SKIMAGE, _SKLEARN = "assets", "scikit-image", "scikit-learn"
_FLICKR = "https://www.flickr.com/photo.gne?id="
_CC0, _PUBLIC, _CC_BY = "CC0 1.0", "public domain", "CC BY 2.0"


@dataclass(frozen=True, slots=True)
class Picture:
    """One built-in picture.

    `kind` is "photo", "flower", "cells", "painting" or "synthetic"; `source` the package (or "assets") and
    file, or what makes it; `maker`, `origin` and `licence` are what an attribution needs, empty for those
    that are made by code.
    """

    id: str
    kind: str
    en: str
    ko: str
    alt_en: str
    alt_ko: str
    source: tuple[str, str] | Callable[[], Tensor]
    maker: str = ""
    origin: str = ""
    licence: str = ""


PICTURES: tuple[Picture, ...] = (
    Picture(
        "temple", "photo", "Temple", "사찰",
        "A Chinese temple with a curved roof behind trees", "나무 사이로 보이는 휘어진 지붕의 중국 사찰",
        (_SKLEARN, "china.jpg"), "Daniel Büchele", "https://www.flickr.com/photos/danielbuechele/6061409035",
        _CC_BY,
    ),
    Picture(
        "dahlia", "photo", "Dahlia", "달리아",
        "An orange dahlia in front of dark leaves", "어두운 잎 앞의 주황색 달리아",
        (_SKLEARN, "flower.jpg"), "vultilion", "https://www.flickr.com/photos/vultilion/6056698931", _CC_BY,
    ),
    Picture(
        "astronaut", "photo", "Astronaut", "우주비행사",
        "Portrait of the astronaut Eileen Collins in an orange suit",
        "주황색 우주복을 입은 우주비행사 아일린 콜린스",
        (_SKIMAGE, "astronaut.png"), "NASA", "https://flic.kr/p/r9qvLn", _PUBLIC,
    ),
    Picture(
        "cat", "photo", "Cat", "고양이",
        "Close-up of a tabby cat's face", "얼룩고양이 얼굴을 가까이서 찍은 사진",
        (_SKIMAGE, "chelsea.png"), "Stéfan van der Walt", "skimage.data.chelsea", _CC0,
    ),
    Picture(
        "coffee", "photo", "Coffee", "커피",
        "A cup of coffee with a spoon on a wooden table", "나무 탁자 위의 커피 잔과 숟가락",
        (_SKIMAGE, "coffee.png"), "Rachel Michetti", "skimage.data.coffee", _CC0,
    ),
    Picture(
        "camera", "photo", "Photographer (gray)", "사진가 (흑백)",
        "Gray photo of a photographer with a camera on a tripod", "삼각대에 카메라를 둔 사진가의 흑백 사진",
        (_SKIMAGE, "camera.png"), "Lav Varshney", "skimage.data.camera", _CC0,
    ),
    Picture(
        "coins", "photo", "Coins (gray)", "동전 (흑백)",
        "Rows of ancient Greek coins on a gray background", "회색 바탕에 줄지어 놓인 고대 그리스 동전",
        (_SKIMAGE, "coins.png"), "Brooklyn Museum",
        "https://www.brooklynmuseum.org/opencollection/archives/image/51611",
        "no known copyright restrictions",
    ),
    Picture(
        "rocket", "photo", "Rocket", "로켓",
        "A Falcon 9 rocket on its launch pad at dusk", "해 질 녘 발사대에 선 팰컨 9 로켓",
        (_SKIMAGE, "rocket.jpg"), "SpaceX", "https://www.flickr.com/photos/spacexphotos/16511594820",
        _PUBLIC,
    ),
    Picture(
        "brick", "photo", "Brick wall (gray)", "벽돌 벽 (흑백)",
        "A tilted brick wall, a repeating texture", "비스듬한 벽돌 벽, 반복되는 무늬",
        (_SKIMAGE, "brick.png"), "cc0textures.com", "https://cc0textures.com/view.php?tex=Bricks25", _CC0,
    ),
    Picture(
        "galaxies", "photo", "Deep field", "허블 심우주",
        "Hundreds of galaxies seen by the Hubble telescope", "허블 망원경이 본 수백 개의 은하",
        (_SKIMAGE, "hubble_deep_field.jpg"), "NASA, ESA",
        "http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/", _PUBLIC,
    ),
    Picture(
        "clock", "photo", "Moving clock (gray)", "흔들린 시계 (흑백)",
        "A wall clock blurred by a sideways movement of the camera", "카메라가 옆으로 움직여 흐려진 벽시계",
        (_SKIMAGE, "clock_motion.png"), "Stéfan van der Walt", "skimage.data.clock", _PUBLIC,
    ),
    Picture(
        "text", "photo", "Formulas (gray)", "수식 (흑백)",
        "Handwritten formulas on tilted paper", "비스듬한 종이에 손으로 쓴 수식",
        (_SKIMAGE, "text.png"), "", "https://en.wikipedia.org/wiki/File:Corner.png", _PUBLIC,
    ),
    Picture(
        "flower_daisy", "flower", "Daisy", "데이지",
        "A white daisy with a yellow middle", "가운데가 노란 하얀 데이지",
        (_ASSETS, "flower_daisy.jpg"), "its Flickr author", _FLICKR + "14219214466", _CC_BY,
    ),
    Picture(
        "flower_dandelion", "flower", "Dandelion", "민들레",
        "A white dandelion clock", "하얀 민들레 홀씨",
        (_ASSETS, "flower_dandelion.jpg"), "its Flickr author", _FLICKR + "1353279846", _CC_BY,
    ),
    Picture(
        "flower_rose", "flower", "Rose", "장미",
        "A pale pink rose", "연분홍 장미",
        (_ASSETS, "flower_rose.jpg"), "its Flickr author", _FLICKR + "14687731322", _CC_BY,
    ),
    Picture(
        "flower_sunflower", "flower", "Sunflowers", "해바라기",
        "Sunflowers under a blue sky", "파란 하늘 아래의 해바라기",
        (_ASSETS, "flower_sunflower.jpg"), "its Flickr author", _FLICKR + "1379256773", _CC_BY,
    ),
    Picture(
        "flower_tulip", "flower", "Tulips", "튤립",
        "Red tulips in front of black", "검은 바탕의 빨간 튤립",
        (_ASSETS, "flower_tulip.jpg"), "its Flickr author", _FLICKR + "132538272", _CC_BY,
    ),
    Picture(
        "cells_neutrophil", "cells", "Blood cells 1", "혈액 세포 1",
        "Red blood cells and one white cell with a violet nucleus", "적혈구와 보라색 핵을 가진 백혈구 하나",
        (_ASSETS, "cells_neutrophil.jpg"), "BCCD data set", "https://github.com/Shenggan/BCCD_Dataset",
        "MIT",
    ),
    Picture(
        "cells_eosinophil", "cells", "Blood cells 2", "혈액 세포 2",
        "Red blood cells and one white cell with red grains", "적혈구와 붉은 과립이 있는 백혈구 하나",
        (_ASSETS, "cells_eosinophil.jpg"), "BCCD data set", "https://github.com/Shenggan/BCCD_Dataset",
        "MIT",
    ),
    Picture(
        "painting_starry_night", "painting", "The Starry Night", "별이 빛나는 밤",
        "Swirling night sky over a village", "마을 위로 소용돌이치는 밤하늘",
        (_ASSETS, "painting_starry_night.jpg"), "Vincent van Gogh", "The Starry Night, 1889", _PUBLIC,
    ),
    Picture(
        "painting_great_wave", "painting", "The Great Wave off Kanagawa", "가나가와 해변의 높은 파도",
        "A huge wave over boats, Mount Fuji behind", "배를 덮치는 큰 파도와 뒤의 후지산",
        (_ASSETS, "painting_great_wave.jpg"), "Katsushika Hokusai", "The Great Wave off Kanagawa, 1831",
        _PUBLIC,
    ),
    Picture(
        "painting_scream", "painting", "The Scream", "절규",
        "A crying figure on a bridge under a red sky", "붉은 하늘 아래 다리 위에서 절규하는 사람",
        (_ASSETS, "painting_scream.jpg"), "Edvard Munch", "The Scream, 1893", _PUBLIC,
    ),
    Picture(
        "painting_composition_vii", "painting", "Composition VII", "구성 VII",
        "Abstract shapes in many colours", "여러 색의 추상적인 형태",
        (_ASSETS, "painting_composition_vii.jpg"), "Wassily Kandinsky", "Composition VII, 1913", _PUBLIC,
    ),
    Picture(
        TISSUE_ID, "synthetic", "Tissue (drawn)", "조직 (그린 것)",
        "Gray cells parted by dark membranes, as under an electron microscope, drawn by code",
        "전자 현미경으로 본 것처럼 어두운 막으로 나뉜 회색 세포, 코드로 그린 그림",
        tissue,
    ),
    Picture(
        "edge_bright_dark", "synthetic", "Edge, light to dark", "가장자리 (밝음→어둠)",
        "Left half white, right half black", "왼쪽은 흰색, 오른쪽은 검은색",
        partial(synthetic.step_edge, 255, 0),
    ),
    Picture(
        "edge_dark_bright", "synthetic", "Edge, dark to light", "가장자리 (어둠→밝음)",
        "Left half black, right half white", "왼쪽은 검은색, 오른쪽은 흰색",
        partial(synthetic.step_edge, 0, 255),
    ),
    Picture(
        "edge_23", "synthetic", "Edge at 23°", "23° 가장자리",
        "White and black parted by an edge turned by 23 degrees", "23도 기울어진 흑백 경계",
        partial(synthetic.step_edge, 255, 0, angle=23.0),
    ),
    Picture(
        "grating", "synthetic", "Grating", "줄무늬",
        "Soft vertical stripes", "부드러운 세로 줄무늬",
        synthetic.grating,
    ),
    Picture(
        "grating_45", "synthetic", "Grating at 45°", "45° 줄무늬",
        "Soft diagonal stripes", "부드러운 대각선 줄무늬",
        partial(synthetic.grating, 45.0, 12.0),
    ),
    Picture(
        "chirp", "synthetic", "Chirp", "점점 촘촘한 줄",
        "Stripes that get finer to the right", "오른쪽으로 갈수록 촘촘해지는 줄무늬",
        synthetic.chirp,
    ),
    Picture(
        "zone_plate", "synthetic", "Zone plate", "동심원",
        "Rings that get finer outwards", "바깥으로 갈수록 촘촘해지는 동심원",
        synthetic.zone_plate,
    ),
    Picture(
        "checkerboard", "synthetic", "Checkerboard", "체스판",
        "Eight by eight black and white squares", "가로세로 8칸의 흑백 체스판",
        synthetic.checkerboard,
    ),
    Picture(
        "shapes", "synthetic", "Shapes", "도형",
        "Red disc, green square, blue triangle, yellow ring", "빨간 원, 초록 사각형, 파란 삼각형, 노란 고리",
        synthetic.shapes,
    ),
    Picture(
        "siemens_star", "synthetic", "Siemens star", "지멘스 스타",
        "Black and white sectors meeting in the middle", "가운데에서 만나는 흑백 부채꼴",
        synthetic.siemens_star,
    ),
    Picture(
        "dots", "synthetic", "Dots", "점",
        "White dots in rows on black", "검은 바탕에 줄지은 흰 점",
        synthetic.dots,
    ),
    Picture(
        "gradient", "synthetic", "Colour gradient", "색 그러데이션",
        "Colours changing smoothly from corner to corner", "모서리에서 모서리로 부드럽게 변하는 색",
        synthetic.gradient,
    ),
)  # fmt: skip
