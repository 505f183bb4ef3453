"""The parts of the layer explorer's block: each (what it says, its arrays)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.figures.field_tables import field_layers_block
from app.figures.networks.layer_explorer_network import Explored, fields_of, heat_of, run_of
from app.open_models import OpenNetwork
from app.pictures import thumbnail_url
from cnn.convolution.field_tables import LayerField
from cnn.hooks import locked
from cnn.images.encode import data_url, jpeg_bytes, to_hwc
from cnn.networks.element_source import element_source
from cnn.networks.graph import NetworkGraph
from cnn.networks.layer_terms import layer_terms
from cnn.networks.switchboard import channel_effects
from cnn.terms import PixelTerms

Part = tuple[dict[str, Any], dict[str, NDArray[Any]]]
EFFECTS_AT_A_TIME = 24
SHOWN_CLASSES = 5
_JOINS = {"add", "iadd", "cat", "concat", "mul", "sub"}
_SMALL = 360


def picture_part(found: Explored) -> Part:
    """What the network sees, uint8 (C, H, W), and how the picture became it."""
    prepared, network = found.prepared, found.network
    resized = to_hwc(prepared.resized)
    factor = min(1.0, _SMALL / max(resized.shape[:2]))
    if factor < 1:
        size = (max(1, round(resized.shape[1] * factor)), max(1, round(resized.shape[0] * factor)))
        resized = np.asarray(cv2.resize(resized, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    height, width = prepared.resized.shape[1:]
    rows, columns = prepared.cropped.shape[1:]
    top, left = (height - rows) / 2, (width - columns) / 2
    return {
        "key": found.picture.key, "alt": found.picture.alt, "name": found.picture.name,
        "thumb": thumbnail_url(found.picture, _SMALL), "size": list(reversed(found.picture.pixels.shape[1:])),
        "resized": data_url(jpeg_bytes(resized, quality=88), "image/jpeg"), "resized_size": [width, height],
        "crop": [left / width, top / height, columns / width, rows / height],
        "mean": list(network.mean), "std": list(network.std), "interpolation": network.interpolation,
    }, {"": prepared.cropped.contiguous().numpy()}  # fmt: skip


def graph_part(found: Explored, graph: NetworkGraph) -> Part:
    """Every layer with its costs and its state on the picture; `norm` names a batch norm that alone reads it."""
    readers: dict[str, list[str]] = {}
    kinds = {node.name: node.kind for node in graph.nodes}
    for source, target in graph.edges:
        readers.setdefault(source, []).append(target)
    nodes = []
    for node in graph.nodes:
        behind = readers.get(node.name, [])
        norm = behind[0] if len(behind) == 1 and kinds[behind[0]].startswith("BatchNorm") else ""
        nodes.append({
            "name": node.name, "kind": node.kind, "scope": node.scope, "shape": list(node.shape[1:]),
            "parameters": node.parameters, "adds": node.multiply_adds, "memory": node.memory,
            "inputs": list(node.inputs), "dead": node.dead, "saturated": node.saturated,
            "norm": norm, "joins": node.kind in _JOINS and len(node.inputs) > 1,
        })  # fmt: skip
    network = found.network
    return {
        "nodes": nodes, "output": graph.output, "parameters": graph.parameters, "adds": graph.multiply_adds,
        "task": network.task, "origin": network.origin, "classes": list(network.categories),
        "input": list(network.input_shape),
    }, {}  # fmt: skip


def fields_part(network: OpenNetwork) -> Part:
    """The receptive fields of every layer whose units can be pointed at."""
    layers = fields_of(network)
    if not layers:
        return {"layers": []}, {}
    described, tables = field_layers_block(layers)
    return {"layers": described}, {"tables": tables}


def ranges_part(found: Explored, graph: NetworkGraph) -> Part:
    """Of every layer of the graph, as edited: smallest, largest, mean, share of zeros, share that is not finite."""
    ranges = run_of(found).ranges
    rows = []
    for node in graph.nodes:
        one = ranges.get(node.name)
        rows.append([0.0] * 5 if one is None else [one.low, one.high, one.mean, one.zeros, one.bad])
    return {}, {"": np.array(rows, np.float32).reshape(-1, 5)}


def answer_part(found: Explored, target: int) -> Part:
    """The likeliest classes, as edited and before; of a segmentation, the share of the pixels."""
    before = _scores(run_of(Explored(found.network, found.picture, found.prepared, (), "")).output)
    after, names = _scores(run_of(found).output), found.network.categories
    first = before[1].argsort(descending=True, stable=True)[:SHOWN_CLASSES].tolist()
    news = after[1].argsort(descending=True, stable=True)[:3].tolist()
    chosen = list(dict.fromkeys([*first, *news, *([target] if 0 <= target < len(after[1]) else [])]))
    rows = [
        {
            "index": k, "name": names[k] if k < len(names) else "", "p": float(after[1][k]),
            "before": float(before[1][k]), "logit": float(after[0][k]), "logit_before": float(before[0][k]),
        }
        for k in chosen
    ]  # fmt: skip
    output = run_of(found).output
    arrays = {}
    if output.ndim == 3:
        labels = output.argmax(0).to(torch.uint8) if output.shape[0] > 1 else (output[0] > 0).to(torch.uint8)
        step = max(1, max(labels.shape) // 240)
        arrays["labels"] = labels[::step, ::step].contiguous().numpy()
    largest = float(after[0].max())
    total = float((after[0].double() - largest).exp().sum())
    spread = {
        "largest": largest,
        "total": total,
        "classes": len(after[1]),
        "first": first[0] if first else -1,
    }
    return {"rows": rows, "edited": bool(found.edits), "spatial": output.ndim == 3, **spread}, arrays


def _scores(output: Tensor) -> tuple[Tensor, Tensor]:
    """(logits, shares) (K,): probabilities, or the mean logit and the share of pixels of each class."""
    scores = torch.nan_to_num(output.float(), 0.0, 0.0, 0.0)
    if scores.ndim == 1:
        return scores, scores.softmax(0)
    flat = scores.flatten(1)
    if len(flat) == 1:
        return flat.mean(1), (flat > 0).float().mean(1)
    shares = torch.bincount(flat.argmax(0), minlength=len(flat)).float() / flat.shape[1]
    return flat.mean(1), shares


def terms_part(
    found: Explored, graph: NetworkGraph, layer: str, unit: tuple[int, int, int], *, folded: bool
) -> Part:
    """How one element of the unedited network came about: products that add up to it, or what it was passed on from."""
    model, batch = found.network.model, found.prepared.batch
    for is_folded in (True, False) if folded else (False,):
        try:
            with locked(model):
                terms = layer_terms(model, batch, layer, *unit, folded=is_folded)
            break
        except (TypeError, IndexError, ValueError, RuntimeError, AssertionError):
            continue  # no sum of products, or no batch norm to fold
    else:
        return _passed_on(found, layer, unit)
    kind = graph.node(layer).kind
    return {
        "kind": "sum", "layer": layer, "type": kind, "unit": list(unit), "folded": is_folded,
        "channels": [terms.channels.start, terms.channels.stop], "shape": list(terms.patch.shape),
        "bias": float(terms.bias), "value": float(terms.value), "digits": terms.digits,
        "reads": list(graph.node(layer).inputs), "residual": float(terms.residual),
    }, _term_arrays(terms)  # fmt: skip


def _term_arrays(terms: PixelTerms) -> dict[str, NDArray[Any]]:
    return {
        "patch": terms.patch.double().numpy(), "weight": terms.weight.double().numpy(),
        "products": terms.products.double().numpy(), "sums": terms.channel_sums.double().numpy(),
        "rows": terms.rows.to(torch.int32).numpy(), "columns": terms.columns.to(torch.int32).numpy(),
    }  # fmt: skip


def _passed_on(found: Explored, layer: str, unit: tuple[int, int, int]) -> Part:
    try:
        source = element_source(found.network.model, found.prepared.batch, layer, *unit)
    except (IndexError, KeyError):
        return {"kind": "none", "layer": layer, "unit": list(unit)}, {}
    return {
        "kind": "passed", "layer": layer, "unit": list(unit), "value": source.value, "joined": source.joined,
        "inputs": [list(one) for one in source.inputs],
    }, {}  # fmt: skip


def heat_part(found: Explored, field: LayerField, row: int, column: int) -> Part:
    """Which pixels move a unit, by gradients."""
    measured = heat_of(found, field, row, column)
    return {
        "layer": field.name, "row": row, "column": column, "inside": measured.inside, "half": measured.half,
        "most": measured.most, "area": measured.area,
    }, {"": measured.heat.float().numpy()}  # fmt: skip


def effects_part(
    found: Explored, layer: str, channels: int, target: int, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """What silencing some channels does to a class's score; the browser asks on until all are done."""
    first = asked.get("first")
    first = min(max(first, 0), channels) if isinstance(first, int) else 0
    answer = run_of(Explored(found.network, found.picture, found.prepared, (), "")).output
    classes = answer.shape[0]
    wanted = target if 0 <= target < classes else int(_scores(answer)[1].argmax())
    span = range(first, min(first + EFFECTS_AT_A_TIME, channels))
    with locked(found.network.model):
        effects = [
            step.effect
            for step in channel_effects(
                found.network.model, found.prepared.batch, layer, wanted, batch_size=8, channels=span
            )
        ]
    return {
        "of": f"{found.identity}|{layer}|{wanted}", "layer": layer, "target": wanted, "first": first,
        "values": effects, "total": channels,
    }  # fmt: skip
