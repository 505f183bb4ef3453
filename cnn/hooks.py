"""What is done to a model for a while, undone on leaving: hooks, the evaluation mode, its lock."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

_locks: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_choosing = threading.Lock()


@contextmanager
def captured(
    model: nn.Module, layers: Iterable[str] | None = None, *, copy: bool = True, detach: bool = True
) -> Iterator[dict[str, Tensor]]:
    """Collect the outputs of layers while the `with` block runs the model.

    Args:
        model: its own forward is left as it is; the hooks are gone after the block, after an error too.
        layers: names as in `model.named_modules()`; None takes every module without children.
        copy: take a copy at once, so that an in-place layer behind it (`ReLU(inplace=True)`) does not change
            it.
        detach: cut it off the graph; False keeps the graph, for gradients with respect to a layer.

    Yields:
        the outputs by layer, filled while the model runs; of a layer that runs several times the last one.
        Outputs
        that are no tensor (tuples, dictionaries) are left out.

    Raises:
        KeyError: the model has no such layer.
    """
    modules = dict(model.named_modules())
    names = _leaves(model) if layers is None else tuple(layers)
    missing = [name for name in names if name not in modules]
    if missing:
        raise KeyError(f"wanted layers of {type(model).__name__}, got {', '.join(missing)}")
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: Any) -> None:
        if isinstance(output, Tensor):
            kept = output.detach() if detach else output
            outputs[name] = kept.clone() if copy else kept

    with ExitStack() as hooks:
        for name in names:
            handle = modules[name].register_forward_hook(lambda _, __, output, name=name: keep(name, output))
            hooks.callback(handle.remove)
        yield outputs


@contextmanager
def evaluating(model: nn.Module, *, gradients: bool = False) -> Iterator[nn.Module]:
    """The model in evaluation mode, its parameters without gradients unless `gradients`; then as it was
    before.

    Every module's own mode and every parameter's own flag come back, frozen batch norms and all.
    """
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        model.eval()
        if not gradients:
            for parameter, _ in flags:
                parameter.requires_grad_(False)
        yield model
    finally:
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in flags:
            parameter.requires_grad_(requires_grad)


@contextmanager
def locked(model: nn.Module) -> Iterator[nn.Module]:
    """The model for this thread alone; others that ask for it wait. The same thread may ask again."""
    with _choosing:
        lock = _locks.setdefault(model, threading.RLock())
    with lock:
        yield model


def _leaves(model: nn.Module) -> tuple[str, ...]:
    return tuple(name for name, module in model.named_modules() if not any(True for _ in module.children()))
