"""The explorer's JavaScript: folding and laying out graphs, orders of channels, edits as text."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch

from cnn.models.registry import build_model
from cnn.networks.edit_text import parsed_edits
from cnn.networks.graph import NetworkGraph, collapsed, network_graph

Run = Callable[..., Any]
LAYOUT = "layer_explorer/graph_layout.js"


def listed(graph: NetworkGraph) -> list[dict[str, Any]]:
    return [
        {"name": n.name, "kind": n.kind, "scope": n.scope, "shape": list(n.shape[1:]), "parameters": n.parameters,
         "adds": n.multiply_adds, "memory": n.memory, "inputs": list(n.inputs), "dead": n.dead, "saturated": n.saturated}
        for n in graph.nodes
    ]  # fmt: skip


@pytest.fixture(scope="module", params=["resnet18", "googlenet", "unet"])
def graph(request: pytest.FixtureRequest) -> NetworkGraph:
    model = build_model(request.param)
    channels = next(p for p in model.parameters() if p.ndim == 4).shape[1]
    return network_graph(model, torch.zeros(1, channels, 64, 64))


def test_blocks_fold_as_python_folds_them(graph: NetworkGraph, javascript: Run) -> None:
    for depth in (1, 2):
        folded = javascript(LAYOUT, "[...collapsedAt(argument[0], argument[1])]", [listed(graph), depth])
        expected = collapsed(graph, set(folded))
        found = javascript(
            LAYOUT, "collapseGraph(argument[0], new Set(argument[1]))", [listed(graph), folded]
        )
        assert [(n["name"], n["inputs"], n["parameters"], n["adds"]) for n in found] == [
            (n.name, list(n.inputs), n.parameters, n.multiply_adds) for n in expected.nodes
        ]


def test_the_layout_overlaps_nothing_and_runs_downwards(graph: NetworkGraph, javascript: Run) -> None:
    expression = (
        "(() => { const laid = layoutGraph(argument); return [[...laid.places].map(([name, p]) => [name, p.x, p.y]), "
        "laid.edges.map((e) => [e.from, e.to, e.points]), laid.width, laid.height, NODE.width, NODE.height]; })()"
    )
    places, edges, width, height, wide, tall = javascript(LAYOUT, expression, listed(graph))
    at = {name: (x, y) for name, x, y in places}
    assert len(at) == len(graph.nodes)
    assert {(source, target) for source, target, _ in edges} == set(graph.edges)
    for source, target, points in edges:
        assert at[source][1] < at[target][1]
        assert points[0] == [pytest.approx(at[source][0] + wide / 2), at[source][1] + tall]
    rows: dict[float, list[float]] = {}
    for x, y in at.values():
        assert -1 <= x <= width - wide + 1
        assert 0 <= y <= height - tall
        rows.setdefault(y, []).append(x)
    for xs in rows.values():
        xs.sort()
        assert all(b - a >= wide for a, b in itertools.pairwise(xs)), "layers side by side do not overlap"


def test_channels_are_ordered_by_their_statistics(javascript: Run) -> None:
    maps = torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(0))
    maps[2] = maps[2].relu()
    data = maps.flatten().tolist()
    stats = javascript("layer_explorer/mosaic.js", "statsOf(argument, 6, 20)", data)
    flat = maps.double().flatten(1)
    assert [s["mean"] for s in stats] == pytest.approx(flat.mean(1).tolist())
    assert [s["max"] for s in stats] == pytest.approx(flat.amax(1).tolist())
    assert [s["variance"] for s in stats] == pytest.approx(flat.var(1, unbiased=False).tolist())
    assert stats[2]["zeros"] == pytest.approx(float((maps[2] == 0).float().mean()))
    for sort, values in (("mean", flat.mean(1)), ("max", flat.amax(1)), ("variance", flat.var(1))):
        order = javascript(
            "layer_explorer/mosaic.js", f"orderOf(statsOf(argument, 6, 20), '{sort}', null, 0)", data
        )
        assert order == values.argsort(descending=True).tolist()
    effects = [0.1, -0.9, 0.3, 0.0, 0.5, -0.2]
    order = javascript("layer_explorer/mosaic.js", "orderOf([0,1,2,3,4,5], 'effect', argument, 0)", effects)
    assert order == [1, 4, 2, 5, 0, 3]


def test_an_edit_replaces_that_of_the_same_channel(javascript: Run) -> None:
    expression = "withEdit(withEdit(withEdit('', 'a@1=0'), 'a@2=0'), 'a@1=mean')"
    text = javascript("layer_explorer/switchboard.js", expression)
    assert text == "a@2=0;a@1=mean"
    assert len(parsed_edits(text)) == 2


def test_scales_are_signed_where_values_are_negative(javascript: Run) -> None:
    module = "layer_explorer/unit_views.js"
    assert javascript(module, "scaleFor(-2, 1)") == {"kind": "signed", "limit": 2, "low": -2, "high": 2}
    assert javascript(module, "scaleFor(0, 3)") == {"kind": "magnitude", "limit": 3, "low": 0, "high": 3}
    assert javascript("layer_explorer/microscope_panel.js", "ranked([0.5, -2, 1])") == [1, 2, 0]
