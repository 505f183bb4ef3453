"""The device that each session has chosen, for our own routes, which know a session's number but not its state."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cache

from cnn.device import best_device, devices

MOST_SESSIONS = 1024
_chosen: OrderedDict[str, str] = OrderedDict()
_lock = threading.Lock()


def choose_device(session: str, device: str) -> bool:
    """Note that `session` computes on `device` (`cpu`, `cuda:0`, `mps`) from now on; False where there is none."""
    if not any(str(found.device) == device for found in devices()):
        return False
    with _lock:
        _chosen[session] = device
        _chosen.move_to_end(session)
        while len(_chosen) > MOST_SESSIONS:
            _chosen.popitem(last=False)
    return True


def device_of(session: str) -> str:
    """Return the device of `session`: the best one until the person takes another."""
    with _lock:
        return _chosen.get(session) or _first()


@cache
def _first() -> str:
    """The best device, tried once: it is asked for with every frame of a camera."""
    return str(best_device())
