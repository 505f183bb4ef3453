"""Opens a whole network from ONNX as a torch.fx graph, its output checked against onnxruntime on the spot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from cnn.jobs import WorkerError, run_in_worker
from cnn.weights.errors import WeightsError
from cnn.weights.load import LIMIT
from cnn.weights.onnx_check import LARGEST_SIDE, OnnxRefusedError, check_onnx, converted

_SECONDS = 90.0
_MEMORY = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class OnnxNetwork:
    """A person's network.

    Attributes:
        model: a ``torch.fx.GraphModule`` in evaluation mode.
        input_shape: (C, H, W) it was checked with; fixed by the file where `sizes_fixed`.
        sizes_fixed: whether the file fixes height and width.
        output_shape: with the batch in front.
        difference: the largest difference between its output and onnxruntime's, relative to the largest
        output.
        producer: what wrote the file, as it says.
    """

    model: nn.Module
    input_shape: tuple[int, int, int]
    sizes_fixed: bool
    output_shape: tuple[int, ...]
    difference: float
    producer: str


def load_onnx(source: bytes | Path, *, side: int = 224) -> OnnxNetwork:
    """The network in an ONNX file.

    The file is parsed, converted, run and compared in a process that can be killed and can neither write nor
    connect; only then it is converted here. Nothing outside the file is read.

    Args:
        source: the file's bytes, or a path of ours.
        side: height and width of the picture where the file leaves them open, 1 to 2048.

    Raises:
        WeightsError: with a code and a sentence in both languages.
    Source: onnx2torch for the conversion, onnxruntime for the comparison.
    """
    if not 1 <= side <= LARGEST_SIDE:
        raise ValueError(f"wanted a side of 1 to {LARGEST_SIDE}, got {side}")
    data = source if isinstance(source, bytes) else _read(source)
    if len(data) > LIMIT:
        raise WeightsError("too_large", size=f"{len(data) / 1e6:.0f}", limit=LIMIT // 10**6)
    if not data:
        raise WeightsError("empty")
    found = _checked_elsewhere(data, side)
    return OnnxNetwork(
        converted(data),
        tuple(found["input_shape"]),
        found["sizes_fixed"],
        tuple(found["output_shape"]),
        found["difference"],
        found["producer"],
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LIMIT:
            raise WeightsError("too_large", size=f"{path.stat().st_size / 1e6:.0f}", limit=LIMIT // 10**6)
        return path.read_bytes()
    except OSError as error:
        raise WeightsError("missing", file=path.name) from error


def _checked_elsewhere(data: bytes, side: int) -> dict[str, Any]:
    try:
        return run_in_worker(
            check_onnx,
            data,
            side,
            timeout=_SECONDS,
            memory=_MEMORY + 8 * len(data),
            torch=True,
            sandbox=True,
            errors=(OnnxRefusedError,),
        )
    except OnnxRefusedError as refusal:
        values = json.loads(str(refusal))
        raise WeightsError(values.pop("code"), **values) from None
    except WorkerError as error:
        if error.code in {"timeout", "memory"}:
            raise WeightsError("too_slow" if error.code == "timeout" else "too_much_memory") from error
        raise WeightsError("onnx_invalid", reason="opening it failed") from error
