"""Edits of a network as one line of text, for an address: "stem.2@3=0;layer1.0.add!1"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from cnn.networks.switchboard import CutInput, Edit, ReplaceChannel, ScaleChannels

MOST_EDITS = 24
_ONE = re.compile(
    r"(?P<layer>[A-Za-z0-9_.]+)(?:@(?P<channel>\d+|all)=(?P<by>[-\d.]+|mean|c\d+)|!(?P<cut>\d+))"
)


def parsed_edits(text: str) -> tuple[Edit, ...]:
    """The edits that a line names, at most `MOST_EDITS`; what cannot be read is left out.

    - "layer@3=0.5" scales channel 3 by 0.5 (0 silences it), "layer@all=0" every channel;
    - "layer@3=mean" puts the map's own mean in its place, "layer@3=c7" channel 7;
    - "add!1" cuts the second input of a joining layer.
    """
    found: list[Edit] = []
    for part in text.split(";")[:MOST_EDITS]:
        match = _ONE.fullmatch(part)
        if match is None:
            continue
        layer, channel, by = match["layer"], match["channel"], match["by"]
        if match["cut"] is not None:
            found.append(CutInput(layer, int(match["cut"])))
        elif by == "mean" and channel != "all":
            found.append(ReplaceChannel(layer, int(channel)))
        elif by.startswith("c") and channel != "all":
            found.append(ReplaceChannel(layer, int(channel), int(by[1:])))
        elif _number(by) is not None:
            found.append(ScaleChannels(layer, None if channel == "all" else (int(channel),), float(by)))
    return tuple(found)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def edit_code(edits: Sequence[Edit]) -> str:
    """The edits as Python."""
    return "[" + ", ".join(_code(edit) for edit in edits) + "]"


def _code(edit: Edit) -> str:
    if isinstance(edit, CutInput):
        return f"CutInput({edit.layer!r}, {edit.position})"
    if isinstance(edit, ScaleChannels):
        return f"ScaleChannels({edit.layer!r}, {edit.channels}, {edit.factor:g})"
    return f"ReplaceChannel({edit.layer!r}, {edit.channel}, {edit.by})"
