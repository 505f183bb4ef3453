"""The process that workers are forked from: one thread, the large libraries loaded, nothing else.

A worker of its own interpreter would load torch for three seconds; a fork of the server would inherit its
threads, locks
and CUDA context. This process has none of them, so its forks start in milliseconds and clean.

Requests come as JSON over a packet socket, one at a time, each with one answer:
    {"do": "fork"} with a socket attached -> {"pid": n};  {"do": "end", "pid": n} -> {"status": exit code,
    -signal}
    {"do": "preload", "modules": [...]} -> {}
"""

import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
from collections import deque

from cnn.jobs.sandbox import die_with_parent
from cnn.jobs.transport import Channel
from cnn.jobs.worker import serve

_log = logging.getLogger(__name__)


def main(descriptor: int, needed: list[str], wished: list[str]) -> None:
    """Load the `needed` modules, then answer requests and load the `wished` ones in between, until the server
    is gone.
    """
    control = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the server
    for module in needed:
        _load(module)
    pending = deque(wished)
    children: set[int] = set()
    _settle()
    while True:
        while pending and not select.select([control], [], [], 0)[0]:
            _load(pending.popleft())
            _settle()
        try:
            data, attached, _, _ = socket.recv_fds(control, 65536, 1)
        except ConnectionError:
            break
        if not data:
            break
        request = json.loads(data)
        answer: dict[str, int] = {}
        if request["do"] == "fork":
            try:
                answer["pid"] = _fork(control, attached[0])
                children.add(answer["pid"])
            except OSError as error:  # no room for another process
                answer["errno"] = error.errno or 0
            finally:
                os.close(attached[0])
        elif request["do"] == "end":
            answer["status"] = _end(request["pid"])
            children.discard(request["pid"])
        else:
            pending.extend(request["modules"])
        control.send(json.dumps(answer).encode())
    for child in children:
        _end(child)


def _load(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception:
        _log.warning("could not preload %s", module, exc_info=True)
    if len(os.listdir("/proc/self/task")) > 1:
        _log.warning("%s starts a thread when it is imported, which no worker will have", module)


def _settle() -> None:
    """Keep the collector from touching, and so copying, the pages shared with the workers."""
    gc.collect()
    gc.freeze()


def _fork(control: socket.socket, descriptor: int) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        die_with_parent(parent)
        control.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        serve(Channel.over(socket.socket(fileno=descriptor)))
    except BaseException:
        _log.exception("a worker could not begin")
    finally:
        os._exit(1)


def _end(child: int) -> int:
    os.kill(child, signal.SIGKILL)  # no effect on one that has ended and waits to be asked
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
