"""The process that decodes one picture after another, under a bound on memory.

`pool` starts and kills it, `protocol` says how they talk.
"""

import json
import os
import sys
from typing import BinaryIO

from cnn.images.decode import decode
from cnn.images.errors import ImageError
from cnn.images.pixels import Pixels, strips
from cnn.images.protocol import ANSWER, READY, REQUEST, ROWS

__all__ = ["EXTRA_BYTES", "main"]

EXTRA_BYTES = 300_000_000  # what a decode may take on top of the process as it starts


def main() -> None:
    """Serve until standard input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # nothing that a library prints may end up among the answers
    _bound_memory()
    answers.write(READY)
    while True:
        head = requests.read(REQUEST.size)
        if len(head) < REQUEST.size:
            return
        length, max_pixels = REQUEST.unpack(head)
        _serve(requests.read(length), max_pixels, answers)


def _serve(data: bytes, max_pixels: int, answers: BinaryIO) -> None:
    try:
        decoded = decode(data, max_pixels)
        first = next(pieces := strips(decoded))
    except ImageError as error:
        _send(answers, {"code": error.code, "values": error.values})
        return
    except MemoryError:
        _send(answers, {"code": "too_much_memory", "values": {}})
        return
    except Exception:  # one picture's trouble must not cost the next one a new process
        _send(answers, {"code": "decoder_lost", "values": {}})
        return
    _send(answers, {"shape": decoded.upright_shape})
    _send_strip(answers, first)
    for piece in pieces:
        _send_strip(answers, piece)


def _send(answers: BinaryIO, message: dict[str, object]) -> None:
    text = json.dumps(message).encode()
    _write(answers, ANSWER.pack(len(text)) + text)


def _send_strip(answers: BinaryIO, piece: Pixels) -> None:
    _write(answers, ROWS.pack(piece.shape[1]))
    _write(answers, piece.data.cast("B"))


def _write(answers: BinaryIO, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[answers.write(rest) :]


def _bound_memory() -> None:
    """Let the address space grow by no more than `EXTRA_BYTES`, and forbid core dumps; on Linux."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + EXTRA_BYTES, now + EXTRA_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64_000_000, 64_000_000))


if __name__ == "__main__":
    main()
