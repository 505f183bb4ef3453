"""Neural style transfer: a picture whose maps are near the content's and whose Grams near the style's."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from cnn.device import parse_device
from cnn.style.errors import StyleError, style_text
from cnn.style.features import StyleNetwork, style_network
from cnn.style.losses import gram_matrix
from cnn.style.memory import check_memory
from cnn.style.objective import (
    Evaluation,
    Objective,
    Weights,
    checked_shares,
    cut_network,
    used_layers,
)
from cnn.style.optimisers import Adam, Lbfgs, Optimiser
from cnn.style.pictures import level_sizes, picture, resized, scaled_size, steps_by_level
from cnn.style.settings import StyleSettings, changed, given

__all__ = ["StyleStep", "check_style_transfer", "gram_matrix", "style_transfer"]

_TRIES = 6  # restored pictures in a row before a run is given up


@dataclass(frozen=True, slots=True, eq=False)
class StyleStep:
    """One step of a run; the losses are those of `image` before it was rounded to uint8.

    Attributes:
        step, steps: from 1 to steps.
        image: uint8 ``(3, H, W)``, at the size of the level.
        content_loss, style_loss: J_content and J_style, sums over the layers of weight times layer loss.
        total_variation: Σ of squared differences of neighbours.
        loss: α·J_content + β·J_style + γ·total_variation.
        content_losses, style_losses: by layer, without weights: the lectures' formulas (a style loss is the
            mean of the styles' by their shares).
        weights: α, β, γ and the layers' weights in use.
        level, levels: from 1, the coarsest.
        seconds: since the run began.
        network, precision, device: what computed it.
        notice: "" or a code; `notice_text` has the words.
    """

    step: int
    steps: int
    image: Tensor
    content_loss: float
    style_loss: float
    total_variation: float
    loss: float
    content_losses: Mapping[str, float]
    style_losses: Mapping[str, float]
    weights: Weights
    level: int
    levels: int
    seconds: float
    network: str
    precision: str
    device: str
    notice: str = ""

    def notice_text(self, language: str = "en") -> str:
        """What the person should know about this step, or ""; language "en" or "ko"."""
        if self.notice.startswith("ignored:"):
            return self.notice.removeprefix("ignored:").split("\n")[language == "ko"]
        return style_text(self.notice, language) if self.notice else ""


def style_transfer(
    content: Tensor, style: Tensor | Sequence[Tensor], *, steps: int = 150, **settings: Any
) -> Generator[StyleStep, Mapping[str, Any] | None, None]:
    """Change a picture step by step until it has the content of one and the style of others.

    A generator for loops, notebooks and `cnn.jobs` alike: what is sent to it, a dictionary of settings that
    are in `cnn.style.settings.STEERABLE`, holds from the next step on; a message that makes no sense
    changes nothing and is named in the next record's `notice`. When the numbers run out of range the last
    finite picture is taken up again, with shorter steps.

    Args:
        content: ``(C, H, W)``, C 1 or 3, uint8 or floating point in 0..1.
        style: the same, any size; or several.
        steps: how many records, over all levels.
        settings: see `StyleSettings`.

    Raises (at the first step):
        StyleError: a picture or setting that cannot be used, too small or large a size; see its `code`.
    Source: Gatys et al. 2016, "Image style transfer using convolutional neural networks".
    """
    run = _Run(_task(content, style, steps, settings))
    message = None
    while run.step < steps and not run.stopped:
        message = yield run.advance(message)


def check_style_transfer(
    content: Tensor, style: Tensor | Sequence[Tensor], *, steps: int = 150, **settings: Any
) -> None:
    """Raise now what `style_transfer` would raise at its first step, without running the network.

    Raises:
        StyleError: see `style_transfer`.
    """
    _task(content, style, steps, settings)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A run that can be done: pictures in float32, sizes from coarse to fine and the steps at each."""

    content: Tensor
    styles: tuple[Tensor, ...]
    steps: int
    settings: StyleSettings
    network: StyleNetwork
    sizes: tuple[tuple[int, int], ...]
    steps_by_level: tuple[int, ...]


def _task(
    content: Tensor, style: Tensor | Sequence[Tensor], steps: int, settings: Mapping[str, Any]
) -> _Task:
    chosen = given(settings)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 100_000:
        raise StyleError("setting", name="steps", wanted="a whole number 1 to 100000", got=str(steps)[:60])
    styles = tuple(picture(one) for one in ((style,) if isinstance(style, Tensor) else style))
    if not styles:
        raise StyleError("not_a_picture", got="no style picture")
    network, image = style_network(chosen.network), picture(content)
    checked_shares(chosen, len(styles))
    size = scaled_size(image.shape[-2], image.shape[-1], chosen.size)
    minimum = _minimum(network, chosen, size)
    check_memory(network, chosen, size, len(styles))
    sizes = level_sizes(*size, chosen.levels, minimum)
    shares = steps_by_level(steps, len(sizes))
    return _Task(image, styles, steps, chosen, network, sizes[-len(shares) :], shares)


def _minimum(network: StyleNetwork, settings: StyleSettings, size: tuple[int, int]) -> int:
    """The shortest side that the layers allow. Raises: StyleError (unknown_layer, no_layers, too_small)."""
    layers = tuple(name for used in used_layers(network, settings) for name in used)
    for name in layers:
        if name not in network.layers:
            known = ", ".join(network.layers)
            raise StyleError("unknown_layer", layer=str(name)[:60], network=network.name, layers=known)
    if not layers:
        raise StyleError("no_layers")
    minimum = network.minimum_size(layers)
    if min(size) < minimum:
        raise StyleError("too_small", width=size[1], height=size[0], minimum=minimum)
    return minimum


class _Run:
    """The state of a run between two steps."""

    def __init__(self, task: _Task) -> None:
        self.began = time.perf_counter()
        self.settings, self.steps, self.step, self.network = task.settings, task.steps, 0, task.network
        settings, device = task.settings, parse_device(task.settings.device)
        self._content = task.content.to(device)
        self._styles = tuple(style.to(device) for style in task.styles)
        self._sizes, self._steps_by_level = task.sizes, task.steps_by_level
        self._features = cut_network(self.network, settings)
        self._optimiser = _optimiser(settings)
        self.level, self.stopped, self._failures, self._notice = 0, False, 0, ""
        self._objective = self._objective_at(self._sizes[0])
        self._accept(self._objective.start())

    def advance(self, message: Mapping[str, Any] | None) -> StyleStep:
        """Make one step and describe it."""
        if message is not None:
            self._steer(message)
        if self.step >= sum(self._steps_by_level[: self.level + 1]):
            self._next_level()
        self.step += 1
        self._try(self._optimiser.move(self._point, self._state.gradient).clamp_(0, 1))
        return self._record()

    def _objective_at(self, size: tuple[int, int]) -> Objective:
        content = resized(self._content, size)
        full = self._sizes[-1]
        coarseness = full[0] * full[1] / (size[0] * size[1])
        return Objective(
            self._features, self.network, content, self._styles, self.settings, coarseness=coarseness
        )

    def _accept(self, point: Tensor) -> None:
        self._point, self._state = point, self._objective.evaluate(point)

    def _try(self, point: Tensor) -> None:
        state = self._objective.evaluate(point)
        if not state.finite or not self._state.finite:
            self._restore(state)
            return
        self._failures = 0
        if self._optimiser.accepts(self._state.loss, state.loss):
            self._point, self._state = point, state
        else:
            self._optimiser.retreat()

    def _restore(self, state: Evaluation) -> None:
        """Stay at the last finite point; give up after some tries in a row."""
        self._failures += 1
        self.stopped = self._failures >= _TRIES or not self._state.finite
        self._notice = "stopped" if self.stopped else "restored"
        self._optimiser.forget()
        self._optimiser.learning_rate /= 4

    def _next_level(self) -> None:
        self.level += 1
        size = self._sizes[self.level]
        self._objective = self._objective_at(size)
        grown = F.interpolate(self._point, size=size, mode="bicubic", align_corners=False).clamp(0, 1)
        self._optimiser.forget()
        self._accept(grown)

    def _steer(self, message: Mapping[str, Any]) -> None:
        try:
            settings = changed(self.settings, message)
            before, after = used_layers(self.network, self.settings), used_layers(self.network, settings)
            if [set(layers) for layers in before] == [set(layers) for layers in after]:
                self._objective.reweigh(settings)
            else:
                _minimum(self.network, settings, self._sizes[0])
                features, objective = self._features, self._objective
                try:
                    self._features, self.settings = cut_network(self.network, settings), settings
                    self._objective = self._objective_at(self._sizes[self.level])
                except StyleError:
                    self._features, self._objective = features, objective
                    raise
        except StyleError as error:
            self._notice = "ignored:" + error.sentence("en") + "\n" + error.sentence("ko")
            return
        if {"optimiser", "learning_rate"} & message.keys():
            self._optimiser = _optimiser(settings)
        self.settings = settings
        self._optimiser.forget()
        self._accept(self._point)

    def _record(self) -> StyleStep:
        state, weights = self._state, self._objective.weights
        notice, self._notice = self._notice, ""
        return StyleStep(
            step=self.step,
            steps=self.steps,
            image=self._objective.shown(self._point),
            content_loss=sum(weights.content[name] * loss for name, loss in state.content.items()),
            style_loss=sum(weights.style[name] * loss for name, loss in state.style.items()),
            total_variation=state.variation,
            loss=state.loss,
            content_losses=state.content,
            style_losses=state.style,
            weights=weights,
            level=self.level + 1,
            levels=len(self._sizes),
            seconds=time.perf_counter() - self.began,
            network=self.network.name,
            precision=str(next(self._features.stages.parameters()).dtype).removeprefix("torch."),
            device=self.settings.device,
            notice=notice,
        )


def _optimiser(settings: StyleSettings) -> Optimiser:
    if settings.optimiser == "adam":
        return Adam(settings.learning_rate or 0.02)
    return Lbfgs(settings.learning_rate or 1.0)
