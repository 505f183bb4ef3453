"""PyTorch code that gives the architectures screen's numbers in a fresh interpreter, with the downloaded input beside it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from app.figures.networks.architectures_depth import SIDE, scaling_factors
from app.figures.networks.architectures_runs import TRAINED, block_settings, weights_of
from app.figures.networks.architectures_settings import ArchitectureSettings
from cnn.networks.builder import BuiltLayer, parsed_network
from cnn.networks.builder_blocks import Inception, Inverted, Residual, Separable

_CLASSES = {"res": Residual, "sep": Separable, "inv": Inverted, "inc": Inception}
_READ = [
    'pixels = np.atleast_3d(np.array(Image.open("input.png")))  # from Downloads',
    "image = torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255  # (C, H, W), 0..1",
]


def pytorch_code(settings: ArchitectureSettings, row: str, shape: tuple[int, ...]) -> str:
    """Return the code of the settings' tab. `row` is the layer shown large, `shape` the input's (C, H, W).

    In the builder's code `maps` are that layer's values in plain PyTorch; other networks come from this project.
    """
    if settings.tab == "builder":
        return "\n".join(_builder(settings, row, shape))
    if settings.tab == "networks":
        return "\n".join(_network(settings, row))
    if settings.tab == "depth":
        return "\n".join(_depth(settings))
    if settings.tab == "scaling":
        return "\n".join(_scaling(settings))
    return "\n".join(_block(settings, row))


def _builder(settings: ArchitectureSettings, row: str, shape: tuple[int, ...]) -> list[str]:
    layers = parsed_network(settings.stack)
    used = [_CLASSES[kind] for kind in _CLASSES if any(layer.kind == kind for layer in layers)]
    lines = [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        "from torch import nn",
        *([""] * bool(used)),
    ]
    for block in used:
        lines += ["", *_plain_source(block), ""]
    lines += ["", f"torch.manual_seed({settings.seed})", "model = nn.Sequential("]
    lines += [f"    {line}," for line in _lines(layers, shape)]
    lines += [")", "model.eval()", *_READ, "image = (image - 0.5) / 0.5", ""]
    lines += ["with torch.no_grad():", "    maps = {'x': image}", "    values = image[None]"]
    lines += [
        "    for place, layer in enumerate(model):",
        "        values = layer(values)",
        "        maps[str(place)] = values[0]",
    ]
    place = row if row.isdigit() else "x"
    return [
        *lines,
        f"maps = maps[{place!r}]",
        "print(tuple(maps.shape), maps.sum().item(), sum(p.numel() for p in model.parameters()))",
    ]


def _plain_source(block: type) -> list[str]:
    """A class's source without its docstring and annotations of types that the code does not import."""
    lines = inspect.getsource(block).splitlines()
    start = next(i for i, line in enumerate(lines) if '"""' in line)
    end = (
        start
        if lines[start].count('"""') == 2
        else next(i for i in range(start + 1, len(lines)) if '"""' in lines[i])
    )
    kept = lines[:start] + lines[end + 2 :]
    return [line.replace("x: Tensor) -> Tensor", "x)") for line in kept]


def _lines(layers: Sequence[BuiltLayer], shape: tuple[int, ...]) -> list[str]:
    from cnn.networks.builder import network_shapes

    shapes = (shape, *network_shapes(layers, (shape[0], shape[1], shape[2])))
    return [_line(layer, before[0]) for layer, before in zip(layers, shapes[:-1], strict=True)]


def _line(layer: BuiltLayer, before: int) -> str:
    n = layer.numbers
    groups = f", groups={n['g']}" if n.get("g", 1) > 1 else ""
    dilation = f", dilation={n['d']}" if n.get("d", 1) > 1 else ""
    written = {
        "conv": lambda: f"nn.Conv2d({before}, {n['']}, {n['k']}, {n['s']}, {n['p']}{dilation}{groups})",
        "tconv": lambda: f"nn.ConvTranspose2d({before}, {n['']}, {n['k']}, {n['s']}, {n['p']})",
        "fc": lambda: f"nn.Linear({before}, {n['']})",
        "bn": lambda: f"nn.BatchNorm2d({before})",
        "max": lambda: f"nn.MaxPool2d({n['']}, {n['s']}, {n['p']})",
        "avg": lambda: f"nn.AvgPool2d({n['']}, {n['s']}, {n['p']})",
        "gap": lambda: "nn.AdaptiveAvgPool2d(1)",
        "up": lambda: f"nn.Upsample(scale_factor={n['']})",
        "relu": lambda: "nn.ReLU()",
        "tanh": lambda: "nn.Tanh()",
        "sigmoid": lambda: "nn.Sigmoid()",
        "silu": lambda: "nn.SiLU()",
        "drop": lambda: f"nn.Dropout({n[''] / 100})",
        "softmax": lambda: "nn.Softmax(1)",
        "flat": lambda: "nn.Flatten()",
        "res": lambda: f"Residual({before}, {n['']}, {n['s']})",
        "sep": lambda: f"Separable({before}, {n['']}, {n['k']}, {n['s']})",
        "inv": lambda: f"Inverted({before}, {n['']}, {n['t']}, {n['s']})",
        "inc": lambda: f"Inception({before}, {n['']})",
    }
    return written[layer.kind]()


def _network(settings: ArchitectureSettings, row: str) -> list[str]:
    name, weights = settings.net, weights_of(settings.net)
    made = {
        "trained": (
            "from cnn.weights.builtin import builtin_record, load_builtin",
            f"model = load_builtin({TRAINED.get(name, '')!r})",
        ),
        "random": (
            "from cnn.models.registry import build_model, model_record",
            f"model = build_model({name!r}, seed=0)",
        ),
        "first": (
            "from cnn.models.registry import model_record, model_skeleton\n"
            "from cnn.networks.layer_table import drawn_convolutions",
            f"model = drawn_convolutions(model_skeleton({name!r}))  # fully connected layers without weights",
        ),
    }[weights]
    record = f"builtin_record({TRAINED[name]!r})" if weights == "trained" else f"model_record({name!r})"
    lines = ["import numpy as np", "import torch", "from PIL import Image", made[0]]
    lines += [
        "from cnn.networks.layer_table import layer_table, row_values",
        "",
        made[1],
        f"record = {record}",
        *_READ,
    ]
    lines += [
        "mean, std = (torch.tensor(v)[:, None, None] for v in (record.mean, record.std))",
        "image = (image - mean) / std",
    ]
    if weights != "first":
        lines += [
            "for row in layer_table(model, image):",
            "    print(row.name, row.kind, row.shape, row.parameters, row.multiply_adds)",
        ]
    return [
        *lines,
        f"maps = row_values(model, image, [{row!r}])[{row!r}]",
        "print(tuple(maps.shape), maps.sum().item())",
    ]


def _block(settings: ArchitectureSettings, row: str) -> list[str]:
    image = (
        "image"
        if "unet" in settings.block
        else f"picture_maps(image, settings.in_channels, seed={settings.seed})"
    )
    return [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        "from cnn.networks.blocks import BlockSettings, build_block, picture_maps",
        "from cnn.networks.layer_table import layer_table, row_values",
        "",
        *_READ,
        f"settings = {block_settings(settings)!r}",
        f"image = {image}",
        f"block = build_block({settings.block!r}, settings)",
        "for row in layer_table(block, image):",
        "    print(row.name, row.kind, row.shape, row.parameters, row.multiply_adds)",
        f"maps = row_values(block, image, [{row!r}])[{row!r}]",
        "print(tuple(maps.shape), maps.sum().item())",
    ]


def _depth(settings: ArchitectureSettings) -> list[str]:
    return [
        "import numpy as np",
        "import torch",
        "from PIL import Image",
        "from cnn.networks.depth import layer_signals",
        "from cnn.networks.depth_nets import depth_net",
        "",
        *_READ,
        f"image = (image - 0.45) / 0.25  # (3, {SIDE}, {SIDE})",
        "signals = {}",
        "for kind in ('plain', 'residual'):",
        f"    net = depth_net({settings.units}, residual=kind == 'residual', norm={settings.norm}, gain={settings.gain},"
        f" seed={settings.seed})",
        "    signals[kind] = layer_signals(net, image)",
        "    for layer in signals[kind]:",
        "        print(kind, layer.depth, layer.signal, layer.gradient)",
    ]


def _scaling(settings: ArchitectureSettings) -> list[str]:
    width, depth, resolution = scaling_factors(settings)
    return [
        "from cnn.networks.efficientnet_cost import efficientnet_cost, efficientnet_stages",
        "",
        f"width, depth, side = {width!r}, {depth!r}, {max(round(224 * resolution), 8)}",
        "for stage in efficientnet_stages(width, depth, side):",
        "    print(stage)",
        "cost = efficientnet_cost(width, depth, side)",
        "print(cost.parameters, cost.multiply_adds)",
    ]
