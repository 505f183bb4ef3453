"""What is asked of an ONNX network before it is opened; runs in a bounded process, which loads this module
first."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
import onnx2torch
import onnxruntime
import torch
import torch._dynamo  # torch.fx asks for it at first use, and it wants a temporary directory when it loads
from google.protobuf.message import DecodeError
from onnx2torch.node_converters.registry import get_converter
from torch import nn

MOST_NODES = 5000
LARGEST_SIDE = 2048
_TOLERANCE = 1e-3


class OnnxRefusedError(Exception):
    """A refusal that crosses from the bounded process: a code and its values as JSON."""

    @classmethod
    def of(cls, code: str, **values: Any) -> OnnxRefusedError:
        return cls(json.dumps({"code": code, **values}))


def converted(data: bytes) -> nn.Module:
    """The torch.fx graph of a file that was checked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return onnx2torch.convert(onnx.load_model_from_string(data)).eval()


def check_onnx(data: bytes, side: int) -> dict[str, Any]:
    """Parses, converts, runs and compares; for a bounded process.

    Raises:
        OnnxRefusedError: with the reason.
    """
    try:
        proto = onnx.load_model_from_string(data)
        nodes = proto.graph.node
        if not nodes:
            raise OnnxRefusedError.of("onnx_invalid", reason="it has no operations")
        _check_plain(proto)
        onnx.checker.check_model(proto)
    except (DecodeError, onnx.checker.ValidationError, ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise OnnxRefusedError.of("onnx_invalid", reason=reason.rstrip(".") or type(error).__name__) from None
    unknown = unsupported_operators(proto)
    if unknown:
        raise OnnxRefusedError.of("onnx_operators", operators=", ".join(unknown)[:300])
    shape, fixed = _picture_shape(proto, side)
    return {**_compared(data, proto, shape), "sizes_fixed": fixed, "producer": proto.producer_name[:60]}


def _check_plain(proto: Any) -> None:
    if len(proto.graph.node) > MOST_NODES:
        raise OnnxRefusedError.of("onnx_invalid", reason=f"{len(proto.graph.node)} operations")
    if len(proto.functions):
        raise OnnxRefusedError.of("onnx_operators", operators="functions")
    for tensor in _tensors(proto.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or len(tensor.external_data):
            raise OnnxRefusedError.of("onnx_external")
        raw = tensor.raw_data
        if tensor.data_type != onnx.TensorProto.FLOAT or len(raw) % 4:
            continue
        if not np.isfinite(np.frombuffer(raw, "<f4")).all():
            raise OnnxRefusedError.of(
                "tensor", name=tensor.name[:60], found="numbers that are not finite", wanted="finite ones"
            )


def _tensors(graph: Any) -> Iterable[Any]:
    yield from graph.initializer
    if len(graph.sparse_initializer):
        raise OnnxRefusedError.of("onnx_operators", operators="sparse weights")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g") or len(attribute.graphs):
                raise OnnxRefusedError.of("onnx_operators", operators=node.op_type[:60])
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def unsupported_operators(proto: Any) -> list[str]:
    """The operators of a file that the converter does not know, each once."""
    versions = {entry.domain: entry.version for entry in proto.opset_import}
    unknown = set()
    for node in proto.graph.node:
        try:
            get_converter(
                operation_type=node.op_type, version=versions.get(node.domain, 0), domain=node.domain
            )
        except (NotImplementedError, KeyError, ValueError):
            unknown.add(f"{node.domain}.{node.op_type}"[:60].lstrip("."))
    return sorted(unknown)


def _picture_shape(proto: Any, side: int) -> tuple[tuple[int, int, int, int], bool]:
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise OnnxRefusedError.of("onnx_input", found=f"{len(inputs)} inputs")
    sizes = [
        dim.dim_value if dim.HasField("dim_value") else 0 for dim in inputs[0].type.tensor_type.shape.dim
    ]
    shown = "×".join(str(size or "?") for size in sizes)
    if (
        len(sizes) != 4
        or sizes[1] not in {1, 3}
        or sizes[0] > 1
        or max(sizes) > LARGEST_SIDE
        or min(sizes) < 0
    ):
        raise OnnxRefusedError.of("onnx_input", found=shown or "?")
    fixed = sizes[2] > 0 and sizes[3] > 0
    return (1, sizes[1], sizes[2] or side, sizes[3] or side), fixed


def _compared(data: bytes, proto: Any, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        wanted = session.run(None, {session.get_inputs()[0].name: image})[0]
        with torch.inference_mode():
            found = converted(data)(torch.from_numpy(image))
    except MemoryError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise OnnxRefusedError.of("onnx_invalid", reason=reason.rstrip(".") or type(error).__name__) from None
    first = found[0] if isinstance(found, (tuple, list)) else found
    if tuple(first.shape) != wanted.shape:
        raise OnnxRefusedError.of("onnx_differs", difference=f"{tuple(first.shape)}, {wanted.shape}")
    if not np.isfinite(wanted).all():
        raise OnnxRefusedError.of("not_finite")
    scale = max(float(np.abs(wanted).max()), 1e-12)
    difference = float(np.abs(first.numpy() - wanted).max()) / scale
    if not difference <= _TOLERANCE:
        raise OnnxRefusedError.of("onnx_differs", difference=f"{difference:.2g}")
    return {
        "input_shape": list(shape[1:]),
        "output_shape": [int(size) for size in wanted.shape],
        "difference": difference,
    }
