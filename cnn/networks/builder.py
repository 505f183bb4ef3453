"""A network composed layer by layer, its shapes checked as it is typed (issue: the builder).

A network is written as words joined by "-": a layer's name, its main number, then letters with numbers for what differs
from the usual. "conv16k3p1-relu-max2-flat-fc10" is a 3×3 convolution to 16 channels with padding 1, a ReLU, a 2×2 max
pooling, flattening and a linear layer of 10 outputs. `KINDS` lists the layers and their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from cnn.networks.builder_blocks import MODULES, LayerNumbers

MOST_LAYERS = 32
MOST_VALUES = 4_000_000
MOST_PARAMETERS = 20_000_000
MOST_MULTIPLY_ADDS = 3_000_000_000
TEXT_PATTERN = r"[a-z0-9-]{0,600}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of layer.

    Attributes:
        name: how its word begins.
        numbers: (letter, least, most, usual) of each number; the letter "" is the main one, behind the name. A usual
            "k" stands for the kernel size, "same" for half of it.
        maps: it reads maps (C, H, W); else a vector of values.
        group: where the editor lists it: "learned", "pooling", "activation", "shape", "block".
    """

    name: str
    numbers: tuple[tuple[str, int, int, int | str], ...]
    maps: bool
    group: str


_CHANNELS = ("", 1, 512, 16)
KINDS: tuple[Kind, ...] = (
    Kind(
        "conv",
        (_CHANNELS, ("k", 1, 15, 3), ("s", 1, 8, 1), ("p", 0, 15, "same"), ("d", 1, 8, 1), ("g", 1, 512, 1)),
        True,
        "learned",
    ),
    Kind("tconv", (_CHANNELS, ("k", 1, 15, 2), ("s", 1, 8, 2), ("p", 0, 15, 0)), True, "learned"),
    Kind("fc", (("", 1, 4096, 10),), False, "learned"),
    Kind("bn", (), True, "learned"),
    Kind("max", (("", 1, 15, 2), ("s", 1, 8, "k"), ("p", 0, 7, 0)), True, "pooling"),
    Kind("avg", (("", 1, 15, 2), ("s", 1, 8, "k"), ("p", 0, 7, 0)), True, "pooling"),
    Kind("gap", (), True, "pooling"),
    Kind("up", (("", 2, 8, 2),), True, "pooling"),
    Kind("relu", (), True, "activation"),
    Kind("tanh", (), True, "activation"),
    Kind("sigmoid", (), True, "activation"),
    Kind("silu", (), True, "activation"),
    Kind("drop", (("", 0, 90, 50),), True, "activation"),
    Kind("softmax", (), False, "activation"),
    Kind("flat", (), True, "shape"),
    Kind("res", (_CHANNELS, ("s", 1, 2, 1)), True, "block"),
    Kind("sep", (_CHANNELS, ("k", 1, 15, 3), ("s", 1, 2, 1)), True, "block"),
    Kind("inv", (_CHANNELS, ("t", 1, 8, 6), ("s", 1, 2, 1)), True, "block"),
    Kind("inc", (("", 4, 512, 32),), True, "block"),
)
"""Every kind of layer, in the order of the editor."""

_BY_NAME = {kind.name: kind for kind in KINDS}
_ANYWHERE = frozenset(("relu", "tanh", "sigmoid", "silu", "drop"))
_WORD = re.compile(rf"({'|'.join(_BY_NAME)})(\d*)((?:[kspdgt]\d+)*)")

PRESETS: dict[str, str] = {
    "small": "conv16-relu-max2-conv32-relu-max2-conv64-relu-gap-flat-fc10",
    "lenet": "conv6k5p0-tanh-avg2-conv16k5p0-tanh-avg2-conv120k5p0-tanh-gap-flat-fc84-tanh-fc10",
    "vgg": "conv16-relu-conv16-relu-max2-conv32-relu-conv32-relu-max2-conv64-relu-conv64-relu-max2-gap-flat-fc10",
    "resnet": "conv16s2-bn-relu-res16-res16-res32s2-res32-res64s2-res64-gap-flat-fc10",
    "mobilenet": "conv16s2-bn-relu-inv16t1-inv24s2-inv24-inv32s2-inv32-conv64k1-gap-flat-fc10",
    "inception": "conv32k5s2-relu-max2-inc32-inc64-max2-inc96-gap-flat-fc10",
    "encoder": "conv16-relu-max2-conv32-relu-max2-conv32-relu-tconv16-relu-tconv8-relu-conv1k1-sigmoid",
}
"""Networks to start from, by id."""


class BuilderError(ValueError):
    """A network that cannot be read or built. `layer` counts from 0; `code` names the reason, `values` its numbers."""

    def __init__(self, code: str, layer: int, message: str, **values: object) -> None:
        super().__init__(message)
        self.code, self.layer, self.values = code, layer, values


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """One layer: its word's kind, and its numbers by letter ("" is the main one), the usual ones filled in."""

    kind: str
    numbers: LayerNumbers


def parsed_network(text: str) -> tuple[BuiltLayer, ...]:
    """The layers that a text names.

    Raises:
        BuilderError: "count" for none or more than `MOST_LAYERS`, "word" for one that cannot be read, "range" for a
            number out of its range.
    """
    words = [word for word in text.split("-") if word]
    if not 1 <= len(words) <= MOST_LAYERS:
        raise BuilderError("count", 0, f"wanted 1 to {MOST_LAYERS} layers, got {len(words)}")
    return tuple(_layer(place, word) for place, word in enumerate(words))


def _layer(place: int, word: str) -> BuiltLayer:
    match = _WORD.fullmatch(word)
    kind = _BY_NAME.get(match[1]) if match else None
    if match is None or kind is None:
        raise BuilderError("word", place, f"wanted a layer like conv16k3, got {word!r}", word=word[:20])
    given = {letter: int(number) for letter, number in re.findall(r"([a-z])(\d+)", match[3])}
    if match[2]:
        given[""] = int(match[2])
    numbers: LayerNumbers = {}
    for letter, least, most, usual in kind.numbers:
        plain = numbers.get("k", numbers.get("", 1)) if usual == "k" else usual
        plain = numbers["k"] // 2 * given.get("d", 1) if usual == "same" else plain
        value = given.pop(letter, int(plain))
        if not least <= value <= most and letter in {*re.findall("[a-z]", match[3]), ""}:
            raise BuilderError(
                "range",
                place,
                f"wanted {letter or kind.name} in {least}..{most}, got {value}",
                name=letter or kind.name,
                low=least,
                high=most,
                got=value,
            )
        numbers[letter] = min(max(value, least), most)
    if given:
        raise BuilderError("word", place, f"{kind.name} has no {', '.join(given)}", word=word[:20])
    return BuiltLayer(kind.name, numbers)


def network_text(layers: Sequence[BuiltLayer]) -> str:
    """The text that `parsed_network` reads back."""
    words = []
    for layer in layers:
        kind, word = _BY_NAME[layer.kind], layer.kind
        for letter, _, _, usual in kind.numbers:
            value = layer.numbers[letter]
            plain = layer.numbers.get("k", layer.numbers.get("", 1)) if usual == "k" else usual
            if usual == "same":
                plain = layer.numbers["k"] // 2 * layer.numbers.get("d", 1)
            word += f"{letter}{value}" if letter == "" or value != plain else ""
        words.append(word)
    return "-".join(words)


def network_shapes(
    layers: Sequence[BuiltLayer], input_shape: tuple[int, int, int]
) -> tuple[tuple[int, ...], ...]:
    """The output shape of every layer without the batch, (C, H, W) or (values,), found without computing anything.

    Raises:
        BuilderError: naming the first layer that cannot read what comes before it.
    """
    shape: tuple[int, ...] = input_shape
    shapes: list[tuple[int, ...]] = []
    parameters = work = 0
    for place, layer in enumerate(layers):
        _expect_readable(place, layer, shape)
        with torch.device("meta"):
            module = MODULES[layer.kind](layer.numbers, shape)
            try:
                shape = tuple(module.eval()(torch.empty(1, *shape)).shape[1:])
            except RuntimeError as error:
                raise _refused(place, layer, shape) from error
        own = sum(p.numel() for p in module.parameters())
        parameters += own
        work += own * max(
            torch.Size(shapes[-1][1:] if shapes else input_shape[1:]).numel(), torch.Size(shape[1:]).numel()
        )
        size = torch.Size(shape).numel()
        if size > MOST_VALUES or size < 1:
            raise BuilderError(
                "large" if size else "fit",
                place,
                f"layer {place + 1} would make {size} values",
                size=size,
                most=MOST_VALUES,
                height=shape[-2] if len(shape) > 1 else 0,
                width=shape[-1],
                kernel=0,
            )
        if parameters > MOST_PARAMETERS:
            raise BuilderError(
                "heavy", place, f"{parameters} parameters", size=parameters, most=MOST_PARAMETERS
            )
        if work > MOST_MULTIPLY_ADDS:
            raise BuilderError(
                "slow", place, f"about {work} multiply-adds", size=work, most=MOST_MULTIPLY_ADDS
            )
        shapes.append(shape)
    return tuple(shapes)


def _expect_readable(place: int, layer: BuiltLayer, shape: tuple[int, ...]) -> None:
    kind, numbers = _BY_NAME[layer.kind], layer.numbers
    if layer.kind not in _ANYWHERE and kind.maps != (len(shape) == 3):
        code = "needs_maps" if kind.maps else "needs_vector"
        raise BuilderError(code, place, f"{layer.kind} cannot read {shape}", shape=_shape_text(shape))
    groups = numbers.get("g", 1)
    if shape[0] % groups or numbers.get("", 0) % groups:
        raise BuilderError(
            "groups",
            place,
            f"{groups} groups do not divide {shape[0]} and {numbers['']}",
            groups=groups,
            before=shape[0],
            after=numbers[""],
        )
    if layer.kind in ("max", "avg") and numbers["p"] > numbers[""] // 2:
        raise BuilderError("pool_padding", place, f"padding {numbers['p']}", most=numbers[""] // 2)
    kernel = numbers.get("k", numbers[""] if layer.kind in ("max", "avg") else 0)
    span = (kernel - 1) * numbers.get("d", 1) + 1
    if layer.kind != "tconv" and kernel and len(shape) == 3 and layer.kind not in ("sep",):
        padding = numbers.get("p", 0)
        if min(shape[1:]) + 2 * padding < span:
            raise _refused(place, layer, shape)


def _refused(place: int, layer: BuiltLayer, shape: tuple[int, ...]) -> BuilderError:
    kernel = layer.numbers.get("k", layer.numbers.get("", 1))
    span = (kernel - 1) * layer.numbers.get("d", 1) + 1
    height, width = shape[-2:] if len(shape) > 1 else (1, shape[0])
    return BuilderError(
        "fit",
        place,
        f"layer {place + 1}: {layer.kind} of {span} does not fit {_shape_text(shape)}",
        kernel=span,
        height=height,
        width=width,
    )


def _shape_text(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def build_network(
    layers: Sequence[BuiltLayer], input_shape: tuple[int, int, int], *, seed: int = 0
) -> nn.Sequential:
    """The network in evaluation mode, its layers named by their place, "0", "1" …; PyTorch's own first weights.

    The weights are those that the same ``nn.Sequential`` has after ``torch.manual_seed(seed)``.

    Raises:
        BuilderError: as `network_shapes`.
    """
    shapes = (input_shape, *network_shapes(layers, input_shape))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        modules = [
            MODULES[layer.kind](layer.numbers, before)
            for layer, before in zip(layers, shapes[:-1], strict=True)
        ]
    return nn.Sequential(*modules).eval().requires_grad_(False)
