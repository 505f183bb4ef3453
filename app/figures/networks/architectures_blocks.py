"""Where a block's layers stand in its drawing, and what its costs are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.figures.networks.architectures_runs import Run
from cnn.networks.blocks import Block, BlockSettings
from cnn.networks.costs import Cost, bottleneck_cost, conv_cost, separable_ratio
from cnn.networks.layer_table import TableRow


def columns_of(rows: Sequence[TableRow]) -> dict[str, int]:
    """Return the column of every layer: how many layers the longest way to it has."""
    columns: dict[str, int] = {}
    for row in rows:
        columns[row.name] = max((columns[name] + 1 for name in row.inputs if name in columns), default=0)
    return columns


def lane_of(block: Block, name: str) -> float:
    """Return the row of the drawing in which a layer stands."""
    found = [(len(prefix), lane) for prefix, lane in block.lanes if name.startswith(prefix)]
    return max(found)[1] if found else 0.0


def comparison(block: Block, chosen: BlockSettings, run: Run) -> list[dict[str, Any]]:
    """Return what to set beside each other: id, parameters, multiply-adds."""
    own = _cost(run)
    size = (chosen.size, chosen.size)
    before, after = chosen.in_channels, chosen.out_channels
    if block.name == "inception":
        with_layers, without = _inception(chosen)
        return [_bar("with_bottleneck", with_layers), _bar("without_bottleneck", without)]
    if block.name == "separable":
        return [_bar("separable", own), _bar("full", conv_cost(before, after, chosen.kernel_size, size))]
    if block.name == "inverted":
        wide = before * chosen.expansion
        behind = run.rows[-1].shape[1:]
        full = conv_cost(before, wide, 1, size) + conv_cost(wide, wide, 3, (behind[0], behind[1]))
        return [
            _bar("inverted", own),
            _bar("full_inverted", full + conv_cost(wide, after, 1, (behind[0], behind[1]))),
        ]
    if block.name == "xception":
        full = conv_cost(before, after, 3, size) + conv_cost(after, after, 3, size)
        behind = run.rows[-1].shape[1:]
        if any(row.name.startswith("shortcut") for row in run.rows):
            full += conv_cost(before, after, 1, (behind[0], behind[1]))
        return [_bar("separable", own), _bar("full", full)]
    return []


def _inception(chosen: BlockSettings) -> tuple[Cost, Cost]:
    """The 5×5 branch with the 1×1 layer in front and without, as the lectures count it."""
    size, channels = (chosen.size, chosen.size), chosen.in_channels
    between, after = (max(1, round(n * channels / 192)) for n in (16, 32))
    return bottleneck_cost(channels, between, after, 5, size), conv_cost(channels, after, 5, size)


def facts(block: Block, chosen: BlockSettings, run: Run) -> dict[str, Any]:
    """Return what the screen says of the block on this picture: exact differences and ratios."""
    if block.name in ("residual", "projection"):
        output = run.values[run.rows[-1].name]
        told: dict[str, Any] = {
            "largest": float(output.abs().max()),
            "zeros": float((output == 0).float().mean()),
        }
        if output.shape == run.image.shape:
            told["difference"] = float((output - run.image).abs().max())
            told["identical"] = bool((output == run.image).all())
        return told
    if block.name == "separable":
        return {"ratio": separable_ratio(chosen.out_channels, chosen.kernel_size)}
    return {}


def _cost(run: Run) -> Cost:
    """Multiply-adds and weights, without the numbers of batch norm, as the formulas count them."""
    weights = sum(row.parameters for row in run.rows)
    return Cost(weights, sum(row.multiply_adds for row in run.rows))


def _bar(name: str, cost: Cost) -> dict[str, Any]:
    return {"id": name, "parameters": cost.parameters, "multiply_adds": cost.multiply_adds}
