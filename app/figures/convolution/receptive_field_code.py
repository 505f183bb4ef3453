"""PyTorch code that gives the screen's box and heat in a fresh interpreter, with the downloaded picture beside it."""

from __future__ import annotations

from collections.abc import Sequence

from app.figures.convolution.receptive_field_network import (
    AVERAGED,
    FieldNetwork,
    normalisation,
    trained_name,
)
from cnn.convolution.field_settings import OWN_STACK, FieldSettings
from cnn.convolution.layer_stack import StackLayer, parsed_stack

_MODULES = {
    "conv": "nn.Conv2d({before}, 8, {k}, stride={s}, padding={p}, dilation={d})",
    "transposed": "nn.ConvTranspose2d({before}, 8, {k}, stride={s}, padding={p}, dilation={d})",
    "max_pool": "nn.MaxPool2d({k}, {s}, {p}, {d})",
    "avg_pool": "nn.AvgPool2d({k}, {s}, {p})",
    "upsample": 'nn.Upsample(scale_factor={k}, mode="nearest")',
}


def pytorch_code(
    settings: FieldSettings, network: FieldNetwork, weights: str, unit: tuple[int, int, int], channels: int
) -> str:
    """Return code whose `box` is the unit's theoretical field and whose `heat` (H, W) is the measured one.

    A stack is written out in plain PyTorch; a registered network comes from this project's registry.
    """
    place, row, column = unit
    layer = network.layers[place].name
    lines = ["import numpy as np", "import torch", "from PIL import Image"]
    own = settings.net == OWN_STACK
    lines += ["from torch import nn"] if own else []
    lines.append("from cnn.convolution.receptive_field import effective_receptive_field, receptive_fields")
    lines += _network_imports(settings, weights, own)
    mean, std = normalisation(settings, weights or "random")
    lines += [
        "",
        'pixels = np.array(Image.open("picture.png"))  # the input, from Downloads',
        "image = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1) / 255  # (C, H, W), 0..1",
        f"mean, std = torch.tensor({list((mean * 3)[:channels])}), torch.tensor({list((std * 3)[:channels])})",
        "image = (image - mean[:, None, None]) / std[:, None, None]",
        "",
    ]
    lines += (
        _stack_lines(parsed_stack(settings.stack), settings, channels) if own else _registered_lines(settings)
    )
    skeleton = f"network({settings.seed})" if own else "skeleton"
    lines += [
        f"field = receptive_fields({skeleton}, tuple(image.shape))[{layer!r}]",
        f"box = field.box({row}, {column})  # (x1, y1, x2, y2); beyond the picture lies padding",
        "print(box, field.size, field.jump, field.status)",
    ]
    if weights:
        lines += _heat_lines(settings, weights, layer, row, column, own)
    return "\n".join(lines)


def _network_imports(settings: FieldSettings, weights: str, own: bool) -> list[str]:
    if own:
        return []
    lines = ["from cnn.models.registry import build_model, model_skeleton"]
    return [*lines, "from cnn.weights.builtin import load_builtin"] if weights == "trained" else lines


def _registered_lines(settings: FieldSettings) -> list[str]:
    return [f"skeleton = model_skeleton({settings.net!r})  # layers without weights: boxes need none"]


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


def _heat_lines(
    settings: FieldSettings, weights: str, layer: str, row: int, column: int, own: bool
) -> list[str]:
    arguments = f"image, {layer!r}, {row}, {column}"
    if weights == "trained":
        return ["", f"model = load_builtin({trained_name(settings)!r})", *_single(f"model, {arguments}")]
    made = "network(seed)" if own else f"build_model({settings.net!r}, seed=seed)"
    if weights == "random":
        return ["", f"seed = {settings.seed}", *_single(f"{made}, {arguments}")]
    count = 2 * AVERAGED if own else AVERAGED
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
