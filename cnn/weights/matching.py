"""Puts tensors into a registered architecture: classes inferred, mismatches explained key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from cnn.models.record import ModelRecord
from cnn.models.registry import MODELS, build_model, model_record, model_skeleton
from cnn.weights.errors import WeightsError

Shape = tuple[int, ...]
_SHOWN = 6
_PREFIXES = ("_orig_mod.", "module.")
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How tensors differ from what an architecture wants.

    Attributes:
        model: the architecture.
        missing: names it wants and the tensors lack.
        unexpected: names the tensors have and it does not know.
        shapes: (name, wanted, found) where the shapes differ.
    """

    model: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[tuple[str, Shape, Shape], ...]

    @property
    def count(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def lines(self) -> tuple[str, ...]:
        """One line a difference."""
        return (
            *(f"{name}: {_size(found)} ≠ {_size(wanted)}" for name, wanted, found in self.shapes),
            *(f"− {name}" for name in self.missing),
            *(f"+ {name}" for name in self.unexpected),
        )

    def text(self) -> str:
        """The first differences, and how many more there are."""
        lines = [line[:90] for line in self.lines()]
        more = f" (… {len(lines) - _SHOWN} more / 개 더)" if len(lines) > _SHOWN else ""
        return "; ".join(lines[:_SHOWN]) + more


class MismatchError(WeightsError):
    """Weights that do not fit; `mismatch` holds every difference."""

    def __init__(self, code: str, mismatch: Mismatch, **values: str) -> None:
        super().__init__(code, details=mismatch.text(), **values)
        self.mismatch = mismatch


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """A network with a person's weights: evaluation mode, float32."""

    name: str
    num_classes: int
    model: nn.Module


def _size(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "1"


@lru_cache(maxsize=256)
def _wanted(name: str, num_classes: int | None) -> tuple[tuple[str, Shape], ...]:
    state = model_skeleton(name, num_classes=num_classes).state_dict()
    return tuple((key, tuple(tensor.shape)) for key, tensor in state.items())


@lru_cache(maxsize=256)
def _class_keys(name: str) -> tuple[tuple[str, int, int, int], ...]:
    """(key, dimension, offset, step): the size there is offset + step · classes."""
    record = model_record(name)
    if record.num_classes == 0:
        return ()
    one, two = (dict(_wanted(name, count)) for count in (1, 2))
    return tuple(
        (key, dim, 2 * first - second, second - first)
        for key, shape in one.items()
        for dim, (first, second) in enumerate(zip(shape, two[key], strict=True))
        if first != second
    )


def inferred_classes(name: str, tensors: Mapping[str, Tensor]) -> int | None:
    """The number of classes the tensors have for that architecture; None where they do not say."""
    for key, dim, offset, step in _class_keys(name):
        tensor = tensors.get(key)
        if tensor is not None and tensor.ndim > dim:
            classes, rest = divmod(tensor.shape[dim] - offset, step)
            if rest == 0 and classes >= 1:
                return classes
    return None


def plain_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefix that wrappers (DataParallel, torch.compile) put before every name."""
    found = dict(tensors)
    for prefix in _PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name[len(prefix) :]: tensor for name, tensor in found.items()}
    return found


def compared(name: str, tensors: Mapping[str, Tensor]) -> Mismatch:
    """The differences between tensors and an architecture, at the tensors' own number of classes."""
    classes = inferred_classes(name, tensors)
    wanted = dict(_wanted(name, classes))
    return Mismatch(
        name,
        tuple(key for key in wanted if key not in tensors and not key.endswith(_COUNTER)),
        tuple(key for key in tensors if key not in wanted),
        tuple(
            (key, shape, tuple(tensors[key].shape))
            for key, shape in wanted.items()
            if key in tensors and tuple(tensors[key].shape) != shape
        ),
    )


def fitting_architectures(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The registered architectures that these tensors fit exactly."""
    plain = plain_names(tensors)
    return tuple(record.name for record in _likely(plain) if compared(record.name, plain).count == 0)


def _likely(tensors: Mapping[str, Tensor]) -> tuple[ModelRecord, ...]:
    """Those that know the first and the last name; cheap, before whole comparisons."""
    ends = [name for name in tensors if not name.endswith(_COUNTER)]
    if not ends:
        return ()
    first, last = ends[0], ends[-1]
    found = []
    for record in MODELS:
        names = dict(_wanted(record.name, None))
        if first in names and last in names:
            found.append(record)
    return tuple(found)


def fitted_model(tensors: Mapping[str, Tensor], name: str | None = None) -> FittedModel:
    """A registered architecture with these weights.

    Args:
        tensors: as :func:`cnn.weights.load.load_weights` gives them.
        name: the architecture; None finds the one that fits.

    Raises:
        MismatchError: naming every difference. WeightsError: weights with which the network's output is
        not finite.
        KeyError: no such architecture.
    """
    plain = plain_names(tensors)
    if name is None:
        found = fitting_architectures(plain)
        if not found:
            nearest = _nearest(plain)
            raise MismatchError("no_architecture", nearest, nearest=nearest.model)
        name = found[0]
    mismatch = compared(name, plain)
    if mismatch.count:
        raise MismatchError("mismatch", mismatch, model=name)
    classes = inferred_classes(name, plain)
    model = build_model(name, num_classes=classes)
    state = {key: _as(plain[key], own) if key in plain else own for key, own in model.state_dict().items()}
    model.load_state_dict(state)
    _check_output(model, model_record(name))
    return FittedModel(name, classes or 0, model)


def _nearest(tensors: Mapping[str, Tensor]) -> Mismatch:
    def shared(record: ModelRecord) -> float:
        names = {key for key, _ in _wanted(record.name, None)}
        return len(names & set(tensors)) / len(names | set(tensors))

    return compared(max(MODELS, key=shared).name, tensors)


def _as(tensor: Tensor, own: Tensor) -> Tensor:
    if tensor.is_floating_point() != own.is_floating_point():
        raise WeightsError("tensor", name="", found=str(tensor.dtype), wanted=str(own.dtype))
    return tensor.to(own.dtype)


def _check_output(model: nn.Module, record: ModelRecord) -> None:
    size = max(record.minimum_size, 32 if record.input_shape[1] > 32 else record.input_shape[1])
    image = torch.linspace(-2, 2, record.input_shape[0] * size * size).view(
        1, record.input_shape[0], size, size
    )
    with torch.inference_mode():
        output = model(image)
    if not bool(torch.isfinite(output).all()):
        raise WeightsError("not_finite")
