"""A network with channels silenced, scaled or replaced and connections cut, without touching the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from cnn.hooks import locked
from cnn.models.running import Runner, prepared
from cnn.models.tracing import NetworkTrace


@dataclass(frozen=True, slots=True, eq=False)
class ScaleChannels:
    """Multiplies channels of a layer's output; factor 0 silences them. None takes all channels."""

    layer: str
    channels: tuple[int, ...] | None
    factor: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class ReplaceChannel:
    """Puts another map in a channel's place: another channel of the layer, or a (H, W) map, or its own
    mean."""

    layer: str
    channel: int
    by: int | Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CutInput:
    """Replaces one input of a joining layer (add, cat) by zeros: a shortcut or a skip is cut."""

    layer: str
    position: int


Edit = ScaleChannels | ReplaceChannel | CutInput


@contextmanager
def with_edits(model: nn.Module, edits: Sequence[Edit]) -> Iterator[Callable[[Tensor], Any]]:
    """The network as changed by the edits, as a function of a batch; others wait until the block is left.

    The network itself is not changed, so nothing has to be undone. Edits of one layer act in the order given.

    Raises (when called):
        KeyError: no such layer. IndexError: no such channel or input.
    """
    with locked(model):

        def run(images: Tensor) -> Any:
            runner = prepared(model, images)
            change, read = changes_of(runner.network, edits)
            with torch.no_grad():
                return next(
                    value
                    for node, value in runner.values(images, change=change, read=read)
                    if node.op == "output"
                )

        yield run


def changes_of(
    network: NetworkTrace, edits: Sequence[Edit]
) -> tuple[Callable[[fx.Node, Any], Any], Callable[[fx.Node, Any], Any]]:
    """What `cnn.models.running.Runner.values` takes as `change` and `read` for these edits. Raises: KeyError."""
    changes: dict[fx.Node, list[ScaleChannels | ReplaceChannel]] = {}
    cuts: dict[fx.Node, list[int]] = {}
    for edit in edits:
        node = network.resolve(edit.layer)
        if isinstance(edit, CutInput):
            cuts.setdefault(node, []).append(edit.position)
        else:
            changes.setdefault(node, []).append(edit)

    def change(node: fx.Node, value: Any) -> Any:
        for edit in changes.get(node, ()):
            value = _scaled(value, edit) if isinstance(edit, ScaleChannels) else _replaced(value, edit)
        return value

    def read(node: fx.Node, args: Any) -> Any:
        for position in cuts.get(node, ()):
            args = _without(args, position, network.names[node])
        return args

    return change, read


def _checked(value: Tensor, channels: Sequence[int], layer: str) -> None:
    count = value.shape[1]
    for channel in channels:
        if not 0 <= channel < count:
            raise IndexError(f"{layer} has {count} channels, got {channel}")


def _scaled(value: Tensor, edit: ScaleChannels) -> Tensor:
    channels = range(value.shape[1]) if edit.channels is None else edit.channels
    _checked(value, channels, edit.layer)
    value = value.clone()
    value[:, list(channels)] *= edit.factor
    return value


def _replaced(value: Tensor, edit: ReplaceChannel) -> Tensor:
    _checked(value, [edit.channel, *([edit.by] if isinstance(edit.by, int) else [])], edit.layer)
    value = value.clone()
    own = value[:, edit.channel]
    if edit.by is None:
        value[:, edit.channel] = (
            own.mean(dim=tuple(range(1, own.ndim)), keepdim=True) if own.ndim > 1 else own.mean()
        )
    else:
        value[:, edit.channel] = value[:, edit.by] if isinstance(edit.by, int) else edit.by.to(value)
    return value


def _without(args: Any, position: int, layer: str) -> Any:
    """The arguments with one summand, or one tensor of a concatenation, as zeros."""
    listed = isinstance(args[0], (tuple, list))
    inputs = list(args[0]) if listed else list(args)
    if not 0 <= position < len(inputs) or not isinstance(inputs[position], Tensor):
        raise IndexError(f"{layer} has {len(inputs)} inputs, got {position}")
    inputs[position] = torch.zeros_like(inputs[position])
    return (inputs, *args[1:]) if listed else tuple(inputs)


@dataclass(frozen=True, slots=True)
class ChannelEffect:
    """What silencing one channel does to a score: `effect` is the score with all channels minus that
    without."""

    channel: int
    effect: float
    done: int
    total: int


def channel_effects(
    model: nn.Module,
    image: Tensor,
    layer: str,
    target: int,
    *,
    batch_size: int = 16,
    channels: range | None = None,
) -> Iterator[ChannelEffect]:
    """The exact effect of each channel of a layer on one output, channel by channel, for a progress bar.

    Only what follows the layer is run again, for several channels at a time.

    Args:
        model: with outputs (N, K), or maps (N, K, H, W), whose mean counts.
        image: (C, H, W) or (1, C, H, W).
        layer: whose channels are silenced.
        target: the output k.
        batch_size: channels silenced in one run.
        channels: which; all when None.

    Raises:
        KeyError: no such layer.
    """
    images = image if image.ndim == 4 else image[None]
    runner = prepared(model, images)
    node = runner.network.resolve(layer)
    with torch.no_grad():
        held = dict(runner.values(images))
        whole = float(_scores(runner.output_of(held), target)[0])
        value = held[node]
        total = value.shape[1]
        wanted = range(total) if channels is None else range(total)[channels.start : channels.stop]
        for begin in range(0, len(wanted), batch_size):
            silenced = wanted[begin : begin + batch_size]
            changed = value.repeat(len(silenced), *(1,) * (value.ndim - 1))
            for place, channel in enumerate(silenced):
                changed[place, channel] = 0
            scores = _scores(_resumed(runner, held, node, changed), target)
            for place, channel in enumerate(silenced):
                yield ChannelEffect(channel, whole - float(scores[place]), channel + 1, total)


def _scores(output: Any, target: int) -> Tensor:
    """(N,) the output `target`, averaged over the places of a map."""
    return (
        output_tensor(output)[:, target].flatten(1).mean(1)
        if output_tensor(output).ndim > 2
        else output_tensor(output)[:, target]
    )


def output_tensor(output: Any) -> Tensor:
    """The scores among a network's outputs: the tensor itself, the "out" of a dictionary, or the first of several.

    Raises:
        TypeError: there is none.
    """
    if isinstance(output, dict):
        output = output.get("out", next(iter(output.values()), None))
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise TypeError(f"wanted an output that is a tensor, got {type(output).__name__}")
    return output


def _resumed(runner: Runner, held: dict[fx.Node, Any], node: fx.Node, value: Tensor) -> Tensor:
    return runner.output_of(runner.resumed(held, node, value))
