"""A stack of layers composed one by one: its receptive field by arithmetic, its cost, and the network it is.

A stack is written as text, a layer a word, words joined by "-": a letter for the kind (c convolution, m max pooling,
a average pooling, t transposed convolution, u nearest up-sampling) and its kernel size or factor, then what differs
from the default: s stride, p padding, d dilation. "c3p1-m2-c5d2" is a 3×3 convolution with padding 1, a 2×2 max pooling
and a 5×5 convolution of dilation 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import nn
from torch.nn.utils import skip_init

from cnn.convolution.convolution import output_size

MOST_LAYERS = 24
MOST_PIXELS = 1 << 20
KINDS = {"c": "conv", "m": "max_pool", "a": "avg_pool", "t": "transposed", "u": "upsample"}
_LETTERS = {kind: letter for letter, kind in KINDS.items()}
_WORD = re.compile(r"([cmatu])(\d{1,2})((?:[spd]\d{1,2}){0,3})")
_MOST = {"kernel_size": 15, "stride": 8, "padding": 15, "dilation": 16}

PRESETS: dict[str, str] = {
    "three": "c3-c3-c3",
    "seven": "c7",
    "vgg": "c3p1-c3p1-m2-c3p1-c3p1-m2-c3p1-c3p1-c3p1-m2",
    "dilated": "c3p1-c3p2d2-c3p4d4-c3p8d8",
    "strided": "c3s2p1-c3s2p1-c3s2p1-c3s2p1",
    "unet": "c3p1-m2-c3p1-m2-c3p1-t2s2-c3p1-t2s2-c3p1",
    "lenet": "c5-a2-c5-a2-c5",
}
"""Stacks to start from, by id."""


class StackError(ValueError):
    """A stack that cannot be read or does not fit its picture. `layer` counts from 0; `code` names the reason."""

    def __init__(self, code: str, layer: int, message: str) -> None:
        super().__init__(message)
        self.code, self.layer = code, layer


@dataclass(frozen=True, slots=True)
class StackLayer:
    """One layer. `kind` is a value of `KINDS`; for "upsample" `kernel_size` is the factor and the rest is unused."""

    kind: str
    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


@dataclass(frozen=True, slots=True)
class StackReach:
    """The field of a layer's units by arithmetic; both axes are alike, but for their lengths.

    Attributes:
        size: side of the field in pixels, its part in the padding included (of the unit that sees most).
        jump: pixels between the fields of neighbours.
        start: first pixel of unit 0; negative in the padding.
        output: (H, W) of the layer's map.
        padding_share: of the fields' area, the part off the picture, averaged over all units; 0..1. After up-sampling
            neighbours take turns in what they see, and this holds for the largest of them.
        weights: for each pair of input and output channel.
    """

    layer: StackLayer
    size: int
    jump: Fraction
    start: Fraction
    output: tuple[int, int]
    padding_share: float
    weights: int


def default_layer(kind: str, kernel_size: int) -> StackLayer:
    """Return a layer of a kind with the stride that is usual for it: poolings and up-convolutions do not overlap."""
    return StackLayer(kind, kernel_size, kernel_size if kind in ("max_pool", "avg_pool") else 1)


def parsed_stack(text: str) -> tuple[StackLayer, ...]:
    """Return the layers that `text` names.

    Raises:
        StackError: a word cannot be read ("word"), or there are none or more than `MOST_LAYERS` ("count").
    """
    words = [word for word in text.split("-") if word]
    if not 1 <= len(words) <= MOST_LAYERS:
        raise StackError("count", 0, f"wanted 1 to {MOST_LAYERS} layers, got {len(words)}")
    layers = []
    for place, word in enumerate(words):
        match = _WORD.fullmatch(word)
        if match is None:
            raise StackError("word", place, f"wanted a layer like c3s2p1, got {word!r}")
        layers.append(_layer(place, KINDS[match[1]], int(match[2]), match[3]))
    return tuple(layers)


def _layer(place: int, kind: str, kernel_size: int, rest: str) -> StackLayer:
    plain = default_layer(kind, kernel_size)
    given = {letter: int(number) for letter, number in re.findall(r"([spd])(\d+)", rest)}
    values = {
        "kernel_size": kernel_size,
        "stride": given.get("s", plain.stride),
        "padding": given.get("p", 0),
        "dilation": given.get("d", 1),
    }
    for name, value in values.items():
        if not (0 if name == "padding" else 1) <= value <= _MOST[name]:
            raise StackError("word", place, f"wanted a {name} up to {_MOST[name]}, got {value}")
    if kind in ("max_pool", "avg_pool") and values["padding"] > kernel_size // 2:
        raise StackError(
            "pool_padding", place, f"wanted a padding up to half of {kernel_size}, got {values['padding']}"
        )
    if kind == "avg_pool" and values["dilation"] > 1:
        raise StackError("pool_dilation", place, "wanted no dilation: torch's average pooling has none")
    return StackLayer(kind, **values)


def stack_text(layers: Sequence[StackLayer]) -> str:
    """Return the text that `parsed_stack` reads back."""
    words = []
    for layer in layers:
        plain = default_layer(layer.kind, layer.kernel_size)
        word = f"{_LETTERS[layer.kind]}{layer.kernel_size}"
        for letter, value, usual in (
            ("s", layer.stride, plain.stride),
            ("p", layer.padding, 0),
            ("d", layer.dilation, 1),
        ):
            word += f"{letter}{value}" if value != usual else ""
        words.append(word)
    return "-".join(words)


def stack_reaches(layers: Sequence[StackLayer], image_size: tuple[int, int]) -> tuple[StackReach, ...]:
    """Return the field after every layer, by the arithmetic of sizes and jumps alone.

    A window of k taps, d apart, adds ``d (k − 1)`` jumps to the size and takes its padding off the start; a stride
    multiplies the jump, a transposed stride divides it.

    Args:
        layers: of the stack.
        image_size: (H, W) of the picture in pixels.

    Raises:
        StackError: a kernel does not fit the map before it ("fit"), or a map grows beyond `MOST_PIXELS` ("large").
    Source: Araujo et al. 2019, "Computing receptive fields of convolutional neural networks", Distill.
    """
    size, jump, start = 1, Fraction(1), Fraction(0)
    output, reaches = image_size, []
    for place, layer in enumerate(layers):
        output = _output(place, layer, output)
        kernel, span = layer.kernel_size, layer.dilation * (layer.kernel_size - 1)
        if layer.kind == "upsample":
            jump /= kernel
        elif layer.kind == "transposed":
            size += int((-(-(span + 1) // layer.stride) - 1) * jump)
            start -= (span - layer.padding) // layer.stride * jump
            jump /= layer.stride
        else:
            size += int(span * jump)
            start -= layer.padding * jump
            jump *= layer.stride
        weights = kernel * kernel if layer.kind in ("conv", "transposed") else 0
        share = _padding_share(size, jump, start, output, image_size)
        reaches.append(StackReach(layer, size, jump, start, output, share, weights))
    return tuple(reaches)


def _output(place: int, layer: StackLayer, before: tuple[int, int]) -> tuple[int, int]:
    if layer.kind == "upsample":
        sizes = [length * layer.kernel_size for length in before]
    elif layer.kind == "transposed":
        span = layer.dilation * (layer.kernel_size - 1)
        sizes = [(length - 1) * layer.stride - 2 * layer.padding + span + 1 for length in before]
    else:
        span = layer.dilation * (layer.kernel_size - 1) + 1
        sizes = [
            output_size(
                n, layer.kernel_size, stride=layer.stride, padding=layer.padding, dilation=layer.dilation
            )
            if n + 2 * layer.padding >= span
            else 0
            for n in before
        ]
    if min(sizes) < 1:
        raise StackError("fit", place, f"layer {place + 1} does not fit a map of {before[0]}×{before[1]}")
    if sizes[0] * sizes[1] > MOST_PIXELS:
        raise StackError(
            "large", place, f"the map after layer {place + 1} would have {sizes[0]}×{sizes[1]} units"
        )
    return sizes[0], sizes[1]


def _padding_share(
    size: int, jump: Fraction, start: Fraction, output: tuple[int, int], image_size: tuple[int, int]
) -> float:
    inside = 1.0
    for count, length in zip(output, image_size, strict=True):
        total = seen = 0
        for index in range(count):
            first = (start + jump * index).__floor__()
            last = (start + jump * index + size).__ceil__()
            total += last - first
            seen += max(min(last, length) - max(first, 0), 0)
        inside *= seen / total
    return 1.0 - inside


def stack_cost(layers: Sequence[StackLayer], channels: int) -> tuple[int, int, int]:
    """Return (weights per channel pair, weights with `channels` in and out of every layer, non-linearities).

    Biases are left out; every convolution is followed by one non-linearity.
    """
    learned = [layer for layer in layers if layer.kind in ("conv", "transposed")]
    pair = sum(layer.kernel_size**2 for layer in learned)
    return pair, pair * channels**2, len(learned)


def build_stack(
    layers: Sequence[StackLayer], *, in_channels: int = 3, channels: int = 8, relu: bool = True, seed: int = 0
) -> nn.Sequential:
    """Return the stack as a network in evaluation mode, its modules named "1_conv", "1_relu", "2_max_pool" …

    Weights are drawn by `seed` with He's variance, biases are zero; the global random state is left as it was.
    """
    generator = torch.Generator().manual_seed(seed)
    model, before = nn.Sequential(), in_channels
    for place, layer in enumerate(layers, start=1):
        module = _module(layer, before, channels)
        model.add_module(f"{place}_{layer.kind}", module)
        if layer.kind not in ("conv", "transposed"):
            continue
        before = channels
        weight = module.get_parameter("weight")
        with torch.no_grad():
            fan_in = layer.kernel_size**2 * weight.shape[1 if layer.kind == "conv" else 0]
            weight.normal_(0.0, (2.0 / fan_in) ** 0.5, generator=generator)
            module.get_parameter("bias").zero_()
        if relu:
            model.add_module(f"{place}_relu", nn.ReLU())
    return model.eval()


def _module(layer: StackLayer, before: int, after: int) -> nn.Module:
    k, s, p, d = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    if layer.kind == "conv":
        return skip_init(nn.Conv2d, before, after, k, s, p, d)  # type: ignore[no-untyped-call]
    if layer.kind == "transposed":
        return skip_init(nn.ConvTranspose2d, before, after, k, s, p, dilation=d)  # type: ignore[no-untyped-call]
    if layer.kind == "max_pool":
        return nn.MaxPool2d(k, s, p, d)
    if layer.kind == "avg_pool":
        return nn.AvgPool2d(k, s, p)
    return nn.Upsample(scale_factor=k, mode="nearest")
