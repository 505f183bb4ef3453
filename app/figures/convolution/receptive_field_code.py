"""PyTorch code that gives the screen's box and heat in a fresh interpreter, with the downloaded picture beside it."""

from __future__ import annotations

from collections.abc import Sequence

from app.figures.convolution.receptive_field import FieldView
from app.figures.convolution.receptive_field_network import AVERAGED, architecture_of, normalisation
from app.open_models import OpenNetwork
from cnn.convolution.field_settings import FieldSettings
from cnn.convolution.layer_stack import StackLayer, parsed_stack

_MODULES = {
    "conv": "nn.Conv2d({before}, 8, {k}, stride={s}, padding={p}, dilation={d})",
    "transposed": "nn.ConvTranspose2d({before}, 8, {k}, stride={s}, padding={p}, dilation={d})",
    "max_pool": "nn.MaxPool2d({k}, {s}, {p}, {d})",
    "avg_pool": "nn.AvgPool2d({k}, {s}, {p})",
    "upsample": 'nn.Upsample(scale_factor={k}, mode="nearest")',
}


def pytorch_code(view: FieldView) -> str:
    """Return code whose `box` is the unit's theoretical field and whose `heat` (H, W) is the measured one; "" where
    nothing is shown.

    A stack is written out in plain PyTorch; a network is opened as everywhere in this project.
    """
    if view.network is None:
        return ""
    place, row, column = view.unit
    settings, opened, weights = view.settings, view.opened, view.weights
    layer, channels = view.network.layers[place].name, view.image.shape[0]
    lines = ["import numpy as np", "import torch", "from PIL import Image"]
    lines += ["from torch import nn"] if opened is None else []
    lines.append("from cnn.convolution.receptive_field import effective_receptive_field, receptive_fields")
    opening = () if opened is None else _opening(opened, weights)
    lines += [line for line in opening[:-1] if line]
    mean, std = normalisation(opened)
    lines += [
        "",
        'pixels = np.array(Image.open("picture.png"))  # the input, from Downloads',
        "image = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1) / 255  # (C, H, W), 0..1",
        f"mean, std = torch.tensor({list((mean * 3)[:channels])}), torch.tensor({list((std * 3)[:channels])})",
        "image = (image - mean[:, None, None]) / std[:, None, None]",
        "",
    ]
    lines += (
        opening[-1:] if opened is not None else _stack_lines(parsed_stack(settings.stack), settings, channels)
    )
    model = f"network({settings.seed})" if opened is None else "model"
    lines += [
        f"field = receptive_fields({model}, tuple(image.shape))[{layer!r}]",
        f"box = field.box({row}, {column})  # (x1, y1, x2, y2); beyond the picture lies padding",
        "print(box, field.size, field.jump, field.status)",
    ]
    if weights:
        made = "network(seed)" if opened is None else f"build_model({architecture_of(opened)!r}, seed=seed)"
        lines += _heat_lines(view, made, f"image, {layer!r}, {row}, {column}")
    return "\n".join(lines)


def _opening(opened: OpenNetwork, weights: str) -> tuple[str, ...]:
    """Imports, then the line that opens the network; one that is not measured needs no weights."""
    if opened.origin == "random" and not weights:
        line = f"model = model_skeleton({opened.architecture!r})  # layers without weights: boxes need none"
        return "from cnn.models.registry import model_skeleton", line
    more = ("from cnn.models.registry import build_model",) if weights in ("random", "average") else ()
    return (*(line for line in more if line not in opened.code), *opened.code)


def _stack_lines(layers: Sequence[StackLayer], settings: FieldSettings, channels: int) -> list[str]:
    lines, before = ["", "def network(seed):", "    model = nn.Sequential()"], channels
    for place, layer in enumerate(layers, start=1):
        values = {
            "k": layer.kernel_size,
            "s": layer.stride,
            "p": layer.padding,
            "d": layer.dilation,
            "before": before,
        }
        lines.append(f'    model.add_module("{place}_{layer.kind}", {_MODULES[layer.kind].format(**values)})')
        if layer.kind in ("conv", "transposed"):
            before = 8
            if settings.relu:
                lines.append(f'    model.add_module("{place}_relu", nn.ReLU())')
    return [
        *lines,
        "    generator = torch.Generator().manual_seed(seed)",
        "    for layer in model:",
        '        if hasattr(layer, "weight"):  # random weights of He\'s variance, no bias',
        "            inputs = layer.in_channels * layer.kernel_size[0] ** 2",
        "            nn.init.normal_(layer.weight, 0.0, (2 / inputs) ** 0.5, generator=generator)",
        "            nn.init.zeros_(layer.bias)",
        "    return model.eval()",
        "",
        "",
    ]


def _heat_lines(view: FieldView, made: str, arguments: str) -> list[str]:
    settings, weights = view.settings, view.weights
    if weights == "trained":
        return ["", *_single(f"model, {arguments}")]
    if weights == "random":
        return ["", f"seed = {settings.seed}", *_single(f"{made}, {arguments}")]
    count = 2 * AVERAGED if view.opened is None else AVERAGED
    return [
        "",
        "heats = []",
        f"for seed in range({settings.seed}, {settings.seed + count}):",
        f"    heat = effective_receptive_field({made}, {arguments})",
        "    heats.append(heat / heat.sum().clamp_min(1e-30))",
        "heat = torch.stack(heats).mean(0)",
        *_share(),
    ]


def _single(arguments: str) -> list[str]:
    return [f"heat = effective_receptive_field({arguments})  # |gradient|, summed over colours", *_share()]


def _share() -> list[str]:
    return [
        "x1, y1, x2, y2 = (max(place, 0) for place in box)",
        "print((heat[y1:y2, x1:x2].sum() / heat.sum()).item())  # share inside the box",
    ]
