"""One recipe for every network that ships: what it learns, from which data, how long."""

from dataclasses import dataclass

from cnn.training.classification import Classification
from cnn.training.engine import Schedule, Task
from cnn.weights.builtin import builtin_record


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


def _photos(name: str, folder: str = "imagenette160", **options: object) -> Classification:
    return Classification(builtin_record(name), folder, **{"flip": True, "smoothing": 0.1, **options})  # type: ignore[arg-type]


_RESNET = {"sizes": (96, 128), "size_changes": (0.4,), "crop": (0.3, 1.0), "jitter": 0.3, "mix": 0.2}
_RESNET_SCHEDULE = Schedule(40, 64, 0.1, warmup=0.1)
_TEN_CLASSES = "anything but showing how a small classifier works: it knows ten kinds of things and calls all else one of them"

RECIPES: tuple[Recipe, ...] = (
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
            builtin_record("fashion-cnn"), "fashion_mnist", flip=True, affine=(4, 0.04, 0.06, 0.05), erase=0.4
        ),
        Schedule(16, 128, 1.5e-3, "adamw", 2e-2),
        "sorting real photos of clothes: it knows Zalando's 28×28 cut-outs",
    ),
    Recipe(
        "tiny-vgg",
        "imagenette160",
        _photos("tiny-vgg", sizes=(64,), crop=(0.35, 1.0), jitter=0.2, smoothing=0.05),
        Schedule(40, 64, 0.1, weight_decay=2e-4),
        _TEN_CLASSES,
        half=False,
    ),
    Recipe(
        "imagenette-resnet",
        "imagenette160",
        _photos("imagenette-resnet", **_RESNET),
        _RESNET_SCHEDULE,
        _TEN_CLASSES,
    ),
    Recipe("plain-twin", "imagenette160", _photos("plain-twin", **_RESNET), _RESNET_SCHEDULE, _TEN_CLASSES),
)


def recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        KeyError: no such recipe; the message lists those there are.
    """
    for candidate in RECIPES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no recipe {name!r}; there are {', '.join(r.name for r in RECIPES)}")
