"""PyTorch code that gives the explorer's numbers in a fresh interpreter, with the downloaded picture beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.figures.networks.layer_explorer_network import (
    Explored,
    chosen_layer,
    chosen_unit,
    fields_of,
    graph_of,
    maps_of,
)
from app.open_models import NetworkError
from cnn.networks.edit_text import edit_code


def pytorch_code(found: Explored, values: Mapping[str, Any]) -> str:
    """Return code whose `maps` are the layer's, `value` the unit's, and `top` the five likeliest classes."""
    network, layer = found.network, chosen_layer(values, graph_of(found))
    preparation = [line for line in network.preparation_code if line]
    imports = [*network.code[:-1], *(line for line in preparation if line.startswith("from "))]
    lines = ["import numpy as np", "import torch", "from PIL import Image", ""]
    lines += [line for line in imports if line]
    lines += ["from cnn.networks.layers import feature_maps, layer_terms"]
    if found.edits:
        names = {type(edit).__name__ for edit in found.edits} | {"with_edits"}
        lines.append(f"from cnn.networks.switchboard import {', '.join(sorted(names))}")
    lines += [
        "",
        'pixels = np.array(Image.open("picture.png"))  # the picture, from Downloads',
        "image = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1)  # uint8 (C, H, W)",
        network.code[-1],
        *(line for line in preparation if not line.startswith("from ")),
        "",
    ]
    lines += _reading_lines(found, values, layer)
    if network.task == "classification":
        run = "model(batch)"
        if found.edits:
            lines += [f"edits = {edit_code(found.edits)}", "with with_edits(model, edits) as run:"]
            lines += ["    logits = run(batch)[0]"]
        else:
            lines += ["with torch.no_grad():", f"    logits = {run}[0]"]
        lines += [
            "top = logits.softmax(0).topk(min(5, len(logits)))",
            "print(top.indices.tolist(), top.values.tolist())",
        ]
    return "\n".join(lines)


def _reading_lines(found: Explored, values: Mapping[str, Any], layer: str) -> list[str]:
    try:
        maps = maps_of(found, layer)
    except NetworkError:
        return [f"maps = feature_maps(model, batch, [{layer!r}])[{layer!r}]", "print(maps.shape)", ""]
    channel, row, column = chosen_unit(values, maps)
    lines = [f"maps = feature_maps(model, batch, [{layer!r}])[{layer!r}][0]  # of the unedited network"]
    index = {3: f"{channel}, {row}, {column}", 2: f"{column}, {channel}", 1: str(channel)}
    whole = graph_of(found).node(layer).shape[1:]
    lines.append(f"value = maps[{index[len(whole)]}].item()")
    lines.append("print(tuple(maps.shape), value)")
    kind = graph_of(found).node(layer).kind
    if kind in ("Conv2d", "Linear", "MaxPool2d", "AdaptiveAvgPool2d", "AvgPool2d", "add", "ConvTranspose2d"):
        folded = ", folded=True" if values["folded"] and kind == "Conv2d" else ""
        lines.append(f"terms = layer_terms(model, batch, {layer!r}, {channel}, {row}, {column}{folded})")
        lines.append("print(terms.channel_sums.sum().item() + terms.bias, terms.value)")
    if values["heat"] and any(field.name == layer for field in fields_of(found.network)):
        lines += [
            "",
            "from cnn.convolution.receptive_field import effective_receptive_field, receptive_fields",
            f"box = receptive_fields(model, tuple(batch.shape[1:]))[{layer!r}].box({row}, {column})",
            f"heat = effective_receptive_field(model, batch[0], {layer!r}, {row}, {column})",
        ]
    return [*lines, ""]
