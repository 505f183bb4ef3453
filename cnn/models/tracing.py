"""The graph of any network: torch.fx where it can, else a recording of one run.

Nodes are named as torchvision's feature extraction names them: the dotted path of the module that is called
("layer1.0.conv1"), or the path of the module whose forward runs the function and the function's name
("layer1.0.add"); the second use of a name ends in "_1", the third in "_2".
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class TraceError(ValueError):
    """A network whose graph could not be found, with the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTrace:
    """What a network computes, in order.

    Attributes:
        owner: a weak reference to the network, so that a kept trace does not keep it alive.
        graph: its torch.fx graph; ``call_module`` targets are paths in the root.
        names: the name of each node.
        scopes: the path of the innermost module each node ran in (its own, for a module call).
        nodes: the node of each name.
        constants: tensors made while tracing, by the target of their ``get_attr`` node.
        by_fx: False when the graph was recorded from one run because torch.fx could not trace it.
    """

    owner: weakref.ref[nn.Module]
    graph: fx.Graph
    names: Mapping[fx.Node, str]
    scopes: Mapping[fx.Node, str]
    by_fx: bool
    nodes: Mapping[str, fx.Node] = field(default_factory=dict)
    constants: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def root(self) -> nn.Module:
        """The network itself.

        Raises:
            ReferenceError: when it is gone.
        """
        model = self.owner()
        if model is None:
            raise ReferenceError("wanted the traced network, but it is gone: keep a reference to it")
        return model

    def module(self, node: fx.Node) -> nn.Module:
        """The module that a ``call_module`` node calls."""
        return self.root.get_submodule(str(node.target))

    def attribute(self, target: str) -> Any:
        """The parameter, buffer or constant that a ``get_attr`` node reads."""
        if target in self.constants:
            return self.constants[target]
        owner, _, name = target.rpartition(".")
        return getattr(self.root.get_submodule(owner), name)

    def layers(self) -> Iterator[fx.Node]:
        """The nodes that compute something: no inputs, attributes or output."""
        for node in self.graph.nodes:
            if node.op not in {"placeholder", "get_attr", "output"}:
                yield node

    def resolve(self, layer: str) -> fx.Node:
        """The node of that name; for the path of a block ("layer4") the last node that runs in it.

        Raises:
            KeyError: naming similar layers, when there is none.
        """
        if layer in self.nodes:
            return self.nodes[layer]
        inside = [node for node in self.layers() if self.scopes[node].startswith(f"{layer}.")]
        inside += [node for node in self.layers() if self.scopes[node] == layer]
        if inside and layer:
            order = {node: position for position, node in enumerate(self.graph.nodes)}
            return max(inside, key=lambda node: order[node])
        near = [
            name
            for name in self.nodes
            if layer and (layer in name or name.split(".")[0] == layer.split(".")[0])
        ]
        raise KeyError(
            f"wanted the name of a layer, got {layer!r}; similar: {', '.join(near[:12]) or 'none'}"
        )


def _is_leaf(module: nn.Module) -> bool:
    inside_torch = module.__module__.startswith(("torch.nn", "torch.ao.nn"))
    return inside_torch and not isinstance(module, _CONTAINERS)


class _Namer:
    """Counts the uses of each name, so that the second becomes ``name_1``."""

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}

    def name(self, base: str) -> str:
        use = self._uses.get(base, 0)
        self._uses[base] = use + 1
        return f"{base}_{use}" if use else base


# torch.fx patches nn.Module for the whole process while it traces: one trace at a time, and calls that other
# threads make meanwhile go through untouched.
_tracing = threading.Lock()


class _PathTracer(fx.Tracer):
    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self.names: dict[fx.Node, str] = {}
        self.scopes: dict[fx.Node, str] = {}
        self._path = ""
        self._namer = _Namer()
        self._paths: dict[int, str] = {}

    def trace(
        self, root: nn.Module | Callable[..., Any], concrete_args: dict[str, Any] | None = None
    ) -> fx.Graph:
        if isinstance(root, nn.Module):
            self._paths = {id(module): path for path, module in reversed(list(root.named_modules()))}
        return super().trace(root, concrete_args)

    def path_of_module(self, mod: nn.Module) -> str:
        try:
            return self._paths[id(mod)]
        except KeyError:
            raise NameError("module is not installed as a submodule") from None

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return _is_leaf(m)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        outer, self._path = self._path, self.path_of_module(m)
        try:
            if self.is_leaf_module(m, self._path):
                return self.create_proxy("call_module", self._path, args, kwargs)
            return forward(*args, **kwargs)
        finally:
            self._path = outer

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_node(self, kind: str, target: fx.node.Target, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(kind, target, *args, **kwargs)
        base = self._path if kind == "call_module" else _function_path(self._path, node.name)
        self.names[node] = self._namer.name(base)
        self.scopes[node] = self._path
        return node


def _function_path(scope: str, name: str) -> str:
    stem, _, number = name.rpartition("_")
    name = stem if stem and number.isdigit() else name
    return f"{scope}.{name}" if scope else name


class _Recorder(TorchFunctionMode):
    """Writes down every torch function and every leaf module of one run as an fx graph."""

    def __init__(self, root: nn.Module) -> None:
        super().__init__()
        self.graph = fx.Graph()
        self.names: dict[fx.Node, str] = {}
        self.scopes: dict[fx.Node, str] = {}
        self._known: dict[int, fx.Node] = {}
        self._keep: list[Any] = []
        self._owned = {id(t): name for name, t in (*root.named_parameters(), *root.named_buffers())}
        self._namer = _Namer()
        self._stack: list[str] = [""]
        self._in_leaf = 0

    def know(self, value: Any, node: fx.Node, base: str) -> None:
        if node not in self.names:
            self.names[node] = self._namer.name(base)
            self.scopes[node] = self._stack[-1]
        if isinstance(value, Tensor):
            self._known[id(value)] = node
            self._keep.append(value)
        elif isinstance(value, (tuple, list)):
            for index, item in enumerate(value):
                if isinstance(item, Tensor):
                    child = self.graph.call_function(_item, (node, index))
                    self.know(item, child, f"{base}.{index}")

    def argument(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if id(value) in self._known:
                return self._known[id(value)]
            if id(value) in self._owned:
                node = self.graph.get_attr(self._owned[id(value)])
                self.know(value, node, self._owned[id(value)])
                return node
            return value
        if isinstance(value, (tuple, list)):
            items = [self.argument(item) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        if isinstance(value, dict):
            return {key: self.argument(item) for key, item in value.items()}
        return value

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._in_leaf:
            return func(*args, **kwargs)
        if func is Tensor.__setitem__:
            raise TraceError("a network that writes into parts of a tensor cannot be recorded")
        before = self.argument(args), self.argument(kwargs)
        result = func(*args, **kwargs)
        found = isinstance(result, Tensor) or (
            isinstance(result, (tuple, list)) and any(isinstance(item, Tensor) for item in result)
        )
        if found and getattr(func, "__name__", "") != "__get__":
            node = self.graph.call_function(func, before[0], before[1])
            self.know(result, node, _function_path(self._stack[-1], node.name))
        return result

    def enter_module(self, path: str, leaf: bool) -> None:
        self._stack.append(path)
        self._in_leaf += leaf

    def leave_module(self, path: str, leaf: bool, args: tuple[Any, ...], result: Any) -> None:
        self._in_leaf -= leaf
        if leaf and not self._in_leaf:
            node = self.graph.call_module(path, self.argument(args))
            self.know(result, node, path)
        self._stack.pop()


def _item(value: Any, index: int) -> Any:
    return value[index]


def recorded(model: nn.Module, image: Tensor) -> NetworkTrace:
    """The graph of one run on an image ``(1, C, H, W)``; for networks whose forward depends on values.

    Raises:
        TraceError: when the output does not come from the image by torch functions.
    """
    recorder = _Recorder(model)
    recorder.know(image, recorder.graph.placeholder("x"), "x")
    handles = []
    for path, module in model.named_modules():
        if path == "" or isinstance(module, _CONTAINERS[1:]):
            continue
        leaf = _is_leaf(module)
        handles.append(
            module.register_forward_pre_hook(
                lambda m, a, path=path, leaf=leaf: recorder.enter_module(path, leaf)
            )
        )
        handles.append(
            module.register_forward_hook(
                lambda m, a, r, path=path, leaf=leaf: recorder.leave_module(path, leaf, a, r)
            )
        )
    try:
        with recorder, torch.no_grad():
            output = model(image)
    finally:
        for handle in handles:
            handle.remove()
    found = recorder.argument(output)
    if isinstance(found, Tensor):
        raise TraceError(
            f"the output of {type(model).__name__} does not come from the image by torch functions"
        )
    recorder.graph.output(found)
    return NetworkTrace(
        weakref.ref(model),
        recorder.graph,
        recorder.names,
        recorder.scopes,
        False,
        {n: k for k, n in recorder.names.items()},
    )


def trace(model: nn.Module, image: Callable[[], Tensor] | None = None) -> NetworkTrace:
    """The graph of a network as it is now (evaluation or training mode).

    Args:
        model: any module whose forward takes one image.
        image: gives a ``(1, C, H, W)`` for a recording, should torch.fx refuse the network; None raises then.

    Raises:
        TraceError: with torch.fx's reason, when neither way works.
    """
    tracer = _PathTracer()
    constants: dict[str, Tensor] = {}
    try:
        with _tracing:
            graph = _traced(tracer, model, constants)
    except Exception as error:
        if image is None:
            raise TraceError(f"torch.fx cannot trace {type(model).__name__}: {error}") from error
        return recorded(model, image())
    nodes = {name: node for node, name in tracer.names.items()}
    return NetworkTrace(weakref.ref(model), graph, tracer.names, tracer.scopes, True, nodes, constants)


def _traced(tracer: _PathTracer, model: nn.Module, constants: dict[str, Tensor]) -> fx.Graph:
    before = set(vars(model))
    try:
        return tracer.trace(model)
    finally:
        # torch.fx keeps constant tensors as attributes of the network; they belong to the graph.
        for name in set(vars(model)) - before:
            constants[name] = vars(model).pop(name)
