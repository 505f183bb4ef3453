"""The convolution lab's answers: the live route's block, the rerun's block, and what goes into the address bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.figures.colours import palette
from app.figures.convolution.lab_block import Known, lab_block
from app.pictures import CurrentPicture
from cnn.convolution.filters import FILTERS
from cnn.convolution.pipeline import lab, working_picture
from cnn.convolution.settings import LabSettings

MOST_NAMES = 12


def live_block(parameters: Mapping[str, Any], picture: Callable[[], CurrentPicture]) -> bytes:
    """Answer the browser's request: `lanes` (one or two settings), what it has (`inputs`, `shown`), `draft`."""
    lanes = sent_lanes(parameters.get("lanes"), {})
    header = {"id": parameters.get("id", 0)}
    return lab_block(
        picture(), lanes, known=known(parameters), draft=parameters.get("draft") is True, header=header
    )


def sent_lanes(sent: Any, values: Mapping[str, Any]) -> tuple[LabSettings, ...]:
    """Return the lanes the browser sent, or, where it sent none, those of the address bar's `values`."""
    if isinstance(sent, list) and sent and all(isinstance(lane, Mapping) for lane in sent[:2]):
        return tuple(LabSettings.from_mapping(lane) for lane in sent[:2])
    first = LabSettings.from_mapping(values)
    other = values.get("compare", "")
    return (first, first.with_difference(other)) if other else (first,)


def known(sent: Mapping[str, Any]) -> Known:
    """Return what the browser says it has."""
    names = [[str(name)[:120] for name in listed[:MOST_NAMES]] if isinstance(listed, list) else []
             for listed in (sent.get("inputs"), sent.get("shown"))]  # fmt: skip
    return Known(tuple(names[0]), tuple(names[1]))


def address_values(lanes: tuple[LabSettings, ...]) -> dict[str, Any]:
    """Return the values of the address bar for one or two lanes."""
    other = lanes[0].encoded_difference(lanes[1]) if len(lanes) > 1 else ""
    return {**lanes[0].to_mapping(), "compare": other}


def filter_words(language: str) -> dict[str, Any]:
    """Return the names and notes of the filters, and which of them an angle turns, for the browser's controls."""
    words: dict[str, Any] = {"turnable": [record.name for record in FILTERS if record.turnable]}
    for record in FILTERS:
        words[f"filter_{record.name}"] = record.label[language]
        words[f"filter_note_{record.name}"] = " ".join(
            filter(None, (record.note[language], record.opencv[language]))
        )
    return words


def card(photo: Tensor) -> NDArray[np.uint8]:
    """Return the home page's card, uint8 (H, W, 3): the photo's vertical edges in the lab's colours."""
    result = lab(working_picture(photo, LabSettings()), LabSettings())
    values = result.convolution.output[0].double()
    limit = float(values.abs().flatten().kthvalue(max(1, int(values.numel() * 0.995))).values) or 1.0
    levels = (values * (127.0 / limit)).round().add(128).clamp(1, 255).to(torch.uint8).numpy()
    return palette("signed")[levels]
