"""What the segmentation screen shows, computed: the classes of every pixel, and objects beside them. Kept for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from app.cache import BoundedCache, tensor_bytes
from app.open_models import OpenNetwork
from app.pictures import CurrentPicture, as_photo
from app.state import SCREENS
from cnn.images.encode import thumbnail
from cnn.segmentation.regions import instance_labels, pieces
from cnn.segmentation.segment import Segmentation, SegmenterError, segment

SHOWN_SIDE = 960
"""Pixels of the longer side of the picture that is segmented and shown."""

INSTANCE_NETWORK = "maskrcnn_resnet50_fpn/COCO_V1"
INSTANCE_SCORE = 0.5
VIEWS = ("overlay", "contours", "map", "objects")


@dataclass(frozen=True, slots=True)
class SegmentSettings:
    """What a link restores besides the network: what is drawn, the class whose map it is, the pixel asked about."""

    view: str
    opacity: int
    cls: int
    px: int
    py: int
    source: str

    def to_mapping(self) -> dict[str, Any]:
        """Return the values as the address bar and the browser know them."""
        return {
            "view": self.view, "opacity": self.opacity, "cls": self.cls, "px": self.px, "py": self.py,
            "source": self.source,
        }  # fmt: skip


def settings_of(values: Any) -> SegmentSettings:
    """Return valid settings from what a browser or an address bar said, junk included."""
    values = values if isinstance(values, Mapping) else {}
    own = SegmentSettings.__dataclass_fields__
    parameters = {p.name: p for p in SCREENS["segment"] if p.name in own}
    return SegmentSettings(**{n: p.parse(str(values.get(n, p.default))) for n, p in parameters.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Objects told apart: `labels` (H, W) int64, 0 or 1 + the number of the object; `names`: their classes, in order;
    `kind` "objects" of a network for instances, or "pieces" that hang together."""

    labels: Tensor
    names: tuple[str, ...]
    kind: str


_FOUND: BoundedCache[Segmentation] = BoundedCache(
    200_000_000, lambda found: tensor_bytes(found.probabilities) + tensor_bytes(found.labels)
)
_OBJECTS: BoundedCache[Objects] = BoundedCache(40_000_000, lambda found: tensor_bytes(found.labels))


def shown_picture(picture: CurrentPicture) -> Tensor:
    """Return the picture that is segmented, uint8 (1 or 3, H, W)."""
    return thumbnail(as_photo(picture), SHOWN_SIDE)


def segmentation_of(picture: CurrentPicture, network: OpenNetwork) -> Segmentation:
    """Return the classes of the picture's pixels. Raises: SegmenterError."""
    key = (picture.identity, network.identity)
    return _FOUND.get_or_make(key, lambda: _segmented(shown_picture(picture), network))


def _segmented(image: Tensor, network: OpenNetwork) -> Segmentation:
    try:
        return network.ran(lambda on: segment(on.model, image, record=on.record))
    except (RuntimeError, ValueError) as error:
        raise SegmenterError(f"{network.key} gave no classes of pixels: {error}") from error


def objects_of(picture: CurrentPicture, network: OpenNetwork) -> Objects:
    """Return the objects that Mask R-CNN tells apart, where its weights are there; else the pieces that hang together."""
    from cnn.weights.errors import WeightsError

    if instance_file() is None:
        try:
            model = instance_model()
        except WeightsError:  # damaged: set aside, and missing from now on
            return objects_of(picture, network)
        key = (picture.identity, INSTANCE_NETWORK)
        return _OBJECTS.get_or_make(key, lambda: _instances(model, shown_picture(picture)))
    return _OBJECTS.get_or_make((picture.identity, network.identity), lambda: _pieces(picture, network))


def _instances(model: torch.nn.Module, image: Tensor) -> Objects:
    from cnn.detection.detect import detect

    seen = detect(model, image, score_threshold=INSTANCE_SCORE)
    masks = seen.masks if seen.masks is not None else torch.zeros(0, *image.shape[1:], dtype=torch.bool)
    names = tuple(seen.categories[label] for label in seen.labels.tolist())
    return Objects(instance_labels(masks, seen.scores), names, "objects")


def _pieces(picture: CurrentPicture, network: OpenNetwork) -> Objects:
    whole = segmentation_of(picture, network)
    background = tuple(i for i, name in enumerate(whole.categories) if name == "__background__")
    smallest = max(4, whole.labels.numel() // 800)
    found = pieces(whole.labels, smallest=smallest, without=background)
    return Objects(found.labels, tuple(whole.categories[i] for i in found.classes.tolist()), "pieces")


def instance_file() -> dict[str, Any] | None:
    """Return what is missing for instances: the file, its size in MB and its folder; None where it is there."""
    from cnn.weights.pretrained import is_there, pretrained_record, weights_folder

    record = pretrained_record(INSTANCE_NETWORK)
    if is_there(record):
        return None
    return {"file": record.file, "megabytes": round(record.megabytes), "folder": weights_folder().name}


def instance_model() -> torch.nn.Module:
    """Return Mask R-CNN, shared. Raises: WeightsError."""
    from cnn.models.cache import MODEL_CACHE
    from cnn.weights.pretrained import load_pretrained, pretrained_record

    record = pretrained_record(INSTANCE_NETWORK)
    return MODEL_CACHE.get(
        ("pretrained", INSTANCE_NETWORK), lambda: load_pretrained(record).requires_grad_(False)
    )
