"""Values between the server and its workers: pickles whose arrays and tensors travel beside them, uncopied.

A message is a JSON header followed by the frames of one value. The header is never a pickle, so a worker that
turned
hostile can only send text; its value is read by `decode(..., trusted=False)`, which builds plain data and
nothing else.
"""

import io
import json
import pickle
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

Frames: TypeAlias = tuple[bytes | bytearray, ...]

LARGEST_VALUE = 512 << 20
_LARGEST_HEADER = 1 << 20
_LENGTH = struct.Struct("!I")

_PLAIN = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("cnn.jobs.transport", "_tensor"),
        ("builtins", "complex"),
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("builtins", "bytearray"),
    }
)


def _tensor(data: np.ndarray, dtype: str, shape: tuple[int, ...]) -> Any:
    """Rebuild a CPU tensor from its bytes, a uint8 array (size,)."""
    import torch

    kind = getattr(torch, dtype, None)
    if not isinstance(kind, torch.dtype):
        raise pickle.UnpicklingError(f"wanted the name of a torch dtype, got {dtype!r}")
    writable = data if data.flags.writeable else data.copy()
    return torch.from_numpy(writable).view(kind).reshape(shape)


def _parameter(data: np.ndarray, dtype: str, shape: tuple[int, ...], requires_grad: bool) -> Any:
    import torch

    return torch.nn.Parameter(_tensor(data, dtype, shape), requires_grad=requires_grad)


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
            return NotImplemented
        flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        data = flat.view(torch.uint8).numpy() if flat.numel() else np.empty(0, np.uint8)
        parts = (data, str(value.dtype).removeprefix("torch."), tuple(value.shape))
        if type(value) is torch.nn.Parameter:
            return _parameter, (*parts, value.requires_grad)
        return _tensor, parts


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PLAIN:
            raise pickle.UnpicklingError(f"wanted plain data, got {module}.{name}")
        return super().find_class(module, name)


def encode(value: Any) -> Frames:
    """Pickle `value` now: what the caller does to its tensors afterwards changes nothing. Tensors go by way
    of the CPU.

    Raises:
        ValueError: the value takes more than `LARGEST_VALUE` bytes.
    """
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(value)
    frames = (stream.getvalue(), *(bytes(buffer.raw()) for buffer in buffers))
    size = sum(map(len, frames))
    if size > LARGEST_VALUE:
        raise ValueError(f"wanted a value of at most {LARGEST_VALUE} bytes, got {size}")
    return frames


def decode(frames: Frames, *, trusted: bool = True) -> Any:
    """The value of `frames`. With `trusted=False` only plain data, arrays and tensors are built.

    Raises:
        pickle.UnpicklingError: untrusted frames hold anything else.
    """
    kind: Callable[..., pickle.Unpickler] = pickle.Unpickler if trusted else _PlainUnpickler
    return kind(io.BytesIO(frames[0]), buffers=frames[1:]).load()


class Stream(Protocol):
    """The bytes under a channel: an unbuffered socket file or pipe."""

    def readinto(self, buffer: Any, /) -> int | None: ...

    def write(self, data: Any, /) -> int | None: ...

    def close(self) -> None: ...


class Channel:
    """One end of the pipe between the server and a worker. Sending is safe from several threads."""

    def __init__(self, reader: Stream, writer: Stream) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = threading.Lock()

    @classmethod
    def over(cls, connection: socket.socket) -> "Channel":
        stream = connection.makefile("rwb", buffering=0)
        connection.close()  # the stream keeps it open
        return cls(stream, stream)

    def send(
        self, kind: str, details: Mapping[str, Any] | None = None, frames: Sequence[bytes | bytearray] = ()
    ) -> None:
        """Raises OSError when the other end is gone."""
        header = json.dumps([kind, dict(details or {}), [len(frame) for frame in frames]]).encode()
        with self._sending:
            self._write(_LENGTH.pack(len(header)) + header)
            for frame in frames:
                self._write(frame)

    def receive(self) -> tuple[str, dict[str, Any], Frames]:
        """The next message, its frames as writable buffers.

        Raises:
            OSError: the other end is gone, or sends what is no message.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > _LARGEST_HEADER:
            raise OSError(f"wanted a header of at most {_LARGEST_HEADER} bytes, got {length}")
        try:
            kind, details, sizes = json.loads(self._read(length))
            total = sum(map(int, sizes))
        except (ValueError, TypeError) as error:
            raise OSError("wanted a message, got other bytes") from error
        if total > LARGEST_VALUE + _LARGEST_HEADER or min(sizes, default=0) < 0:
            raise OSError(f"wanted at most {LARGEST_VALUE} bytes in a message, got {sizes}")
        return str(kind), dict(details), tuple(self._read(size) for size in sizes)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _read(self, size: int) -> bytearray:
        frame = bytearray(size)
        view = memoryview(frame)
        while view:
            count = self._reader.readinto(view)
            if not count:
                raise ConnectionResetError("the other end is gone")
            view = view[count:]
        return frame

    def _write(self, data: bytes | bytearray) -> None:
        view = memoryview(data)
        while view:
            view = view[self._writer.write(view) or 0 :]
