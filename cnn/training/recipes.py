"""One recipe for every network that ships: what it learns, from which data, how long."""

from dataclasses import dataclass

from cnn.training.classification import Classification
from cnn.training.detection import Detection
from cnn.training.embedding import Embedding
from cnn.training.engine import Schedule, Task
from cnn.training.segmentation import Segmentation
from cnn.training.style import StyleTransfer
from cnn.weights.builtin import STYLES, builtin_record


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is needed to train one network again."""

    name: str
    folder: str
    task: Task
    schedule: Schedule
    not_for: str
    start_from: str = ""  # the shipped network whose fitting weights come first
    seed: int = 0
    half: bool = True


def _twin(name: str) -> Classification:
    return Classification(
        builtin_record(name),
        "imagenette160",
        sizes=(96, 128),
        size_changes=(0.4,),
        crop=(0.3, 1.0),
        flip=True,
        jitter=0.3,
        mix=0.2,
        smoothing=0.1,
    )


def _flowers() -> Classification:
    return Classification(
        builtin_record("flowers-transfer"),
        "flowers160",
        sizes=(128,),
        crop=(0.35, 1.0),
        flip=True,
        jitter=0.2,
        mix=0.2,
        smoothing=0.1,
    )


# The head alone first, then everything at a rate lower than a network from scratch would take.
_FLOWERS_SCHEDULE = Schedule(13, 32, 0.02, warmup=0.1, averaging=0.99, head_epochs=3)
_RESNET_SCHEDULE = Schedule(32, 64, 0.1, warmup=0.1)
_TEN_CLASSES = (
    "anything but showing how a small classifier works: whatever it sees it calls one of ten things"
)

# Square root of the inverse share of each class's pixels, scaled to mean 1 and held in 0.4..2.2.
STREET_WEIGHTS = (0.4, 0.4, 1.5, 0.4, 0.7, 0.5, 1.4, 1.4, 0.6, 1.8, 2.2)

_TRAINED: tuple[Recipe, ...] = (
    Recipe(
        "lenet5-mnist",
        "mnist",
        Classification(builtin_record("lenet5-mnist"), "mnist", affine=(8, 0.06, 0.12, 0.15)),
        Schedule(16, 128, 3e-3, "adamw", 1e-2),
        "reading cheques, forms or post: it knows single centred digits, white on black",
        half=False,
    ),
    Recipe(
        "fashion-cnn",
        "fashion_mnist",
        Classification(
            builtin_record("fashion-cnn"), "fashion_mnist", flip=True, affine=(0, 0.036, 0.0, 0.0)
        ),
        Schedule(14, 128, 1.5e-3, "adamw", 2e-2),
        "sorting real photos of clothes: it knows Zalando's 28×28 cut-outs",
    ),
    Recipe(
        "tiny-vgg",
        "imagenette160",
        Classification(
            builtin_record("tiny-vgg"),
            "imagenette160",
            sizes=(64,),
            crop=(0.35, 1.0),
            flip=True,
            jitter=0.2,
            smoothing=0.05,
        ),
        Schedule(14, 64, 0.1, weight_decay=2e-4),
        _TEN_CLASSES,
        half=False,
    ),
    Recipe(
        "imagenette-resnet",
        "imagenette160",
        _twin("imagenette-resnet"),
        _RESNET_SCHEDULE,
        _TEN_CLASSES,
    ),
    Recipe("plain-twin", "imagenette160", _twin("plain-twin"), _RESNET_SCHEDULE, _TEN_CLASSES),
    Recipe(
        "flowers-transfer",
        "flowers160",
        _flowers(),
        _FLOWERS_SCHEDULE,
        "telling plants for eating or medicine: it knows five garden flowers",
        start_from="imagenette-resnet",
    ),
    Recipe(
        "unet-membrane",
        "membrane",
        Segmentation(
            builtin_record("unet-membrane"),
            "membrane",
            (256, 256),
            (0.85, 1.2),
            180,
            "pixel accuracy",
            bend=0.03,
            flip_vertical=True,
            repeats=6,
            dice=0.0,
        ),
        Schedule(36, 8, 3e-3, "adamw", 1e-2, averaging=0.99),
        "diagnosis, or any tissue and microscope other than the one stack of fly neurons it has seen",
    ),
    Recipe(
        "unet-street",
        "camvid240",
        Segmentation(
            builtin_record("unet-street"),
            "camvid240",
            (176, 224),
            (0.8, 1.7),
            8,
            "mean IoU",
            jitter=0.3,
            void=11,
            weights=STREET_WEIGHTS,
            half_size_until=0.8,
        ),
        Schedule(30, 8, 3e-3, "adamw", 2e-2, averaging=0.99),
        "driving, or any decision about traffic: it has seen a few streets of one English town",
    ),
    Recipe(
        "yolo-cells",
        "bccd",
        Detection(
            builtin_record("yolo-cells"),
            "bccd",
            (256, 320),
            mosaic=0.3,
            zoom=(0.85, 1.25),
            flip_vertical=True,
        ),
        Schedule(28, 8, 1e-3, "adamw", 1e-2, averaging=0.99, clip_norm=10),
        "diagnosis or counting for patients",
        start_from="imagenette-resnet",
    ),
    Recipe(
        "yolo-everyday",
        "everyday_det",
        Detection(builtin_record("yolo-everyday"), "everyday_det", (224, 224), mosaic=0.5, zoom=(0.6, 1.5)),
        Schedule(14, 8, 1e-3, "adamw", 2e-2, averaging=0.99, clip_norm=10),
        "surveillance, wildlife counts or anything with consequences: it knows three fruits and two animals",
        start_from="imagenette-resnet",
    ),
    Recipe(
        "faces-siamese",
        "faces_orl",
        Embedding(
            builtin_record("faces-siamese"),
            "faces_orl",
            identities=12,
            each=5,
            affine=(10, 0.06, 0.12, 0.1),
            steps_per_epoch=20,
            flip=True,
            jitter=0.3,
        ),
        Schedule(40, 60, 1e-3, "adamw", 2e-2, averaging=0.99),
        "identifying real people: it has seen 26, and its mistakes are many",
    ),
    Recipe(
        "omniglot-siamese",
        "omniglot56",
        Embedding(
            builtin_record("omniglot-siamese"),
            "omniglot56",
            identities=32,
            each=4,
            affine=(12, 0.06, 0.15, 0.2),
            steps_per_epoch=50,
            arrays=True,
            quarter_turns=True,
            ways=20,
        ),
        Schedule(100, 128, 2e-3, "adamw", 1e-2, averaging=0.995),
        "reading documents: it compares single handwritten characters",
    ),
)


def _style(name: str) -> Recipe:
    return Recipe(
        name,
        "flowers160",
        StyleTransfer(builtin_record(name), content=(0, 0, 0, 0, 0, 2, 0), style=(20,) * 7, smoothness=2.0),
        Schedule(80, 4, 2e-3, "muon", 0.0, averaging=0.98, clip_norm=5),
        "passing pictures off as the painter's work",
    )


RECIPES: tuple[Recipe, ...] = (*_TRAINED, *(_style(name) for name in STYLES))


def recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        KeyError: no such recipe; the message lists those there are.
    """
    for candidate in RECIPES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no recipe {name!r}; there are {', '.join(r.name for r in RECIPES)}")
