"""Adam and L-BFGS on the pixels of a picture, with steps that are taken back when they lead uphill."""

from collections import deque
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["OPTIMISERS", "Adam", "Lbfgs", "Optimiser"]

OPTIMISERS = ("lbfgs", "adam")


class Optimiser(Protocol):
    """Proposes where to go next from a point, its loss and its gradient."""

    learning_rate: float

    def move(self, point: Tensor, gradient: Tensor) -> Tensor:
        """The next point to try, for a point that was accepted."""

    def accepts(self, before: float, after: float) -> bool:
        """Whether the loss after a move is good enough to go on from there."""

    def retreat(self) -> None:
        """The last move was taken back: try a shorter one from the same point."""

    def forget(self) -> None:
        """The loss itself was changed: what was learnt about its slopes is void."""


class Adam:
    """Kingma and Ba 2015, with bias correction; every move is accepted.

    Args:
        learning_rate: the largest usual change of a pixel in one step, in units of 0..1.
    """

    def __init__(self, learning_rate: float = 0.02, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        self.learning_rate = learning_rate
        self.betas = betas
        self._mean = self._square = torch.zeros(())
        self._steps = 0

    def move(self, point: Tensor, gradient: Tensor) -> Tensor:
        first, second = self.betas
        self._steps += 1
        self._mean = first * self._mean.to(point) + (1 - first) * gradient
        self._square = second * self._square.to(point) + (1 - second) * gradient.pow(2)
        mean = self._mean / (1 - first**self._steps)
        square = self._square / (1 - second**self._steps)
        return point - self.learning_rate * mean / (square.sqrt() + 1e-8)

    def accepts(self, before: float, after: float) -> bool:
        return True

    def retreat(self) -> None:
        self.learning_rate /= 2
        self.forget()

    def forget(self) -> None:
        self._mean = self._square = torch.zeros(())
        self._steps = 0


class Lbfgs:
    """Limited-memory BFGS whose first step has a chosen length, and whose longer steps are bounded.

    Without curvature yet, the first move changes the pixels by `first_move` on average (root mean square,
    0..1), far above the rounding of a bfloat16 gradient; no move changes them by more than `largest_move`.
    The curvature is measured on where the picture really went, clipping included.

    Source: Nocedal and Wright, "Numerical optimization", algorithm 7.4.
    """

    def __init__(
        self,
        learning_rate: float = 1.0,
        *,
        history: int = 12,
        first_move: float = 0.05,
        largest_move: float = 0.15,
    ) -> None:
        self.learning_rate = learning_rate
        self.first_move = first_move
        self.largest_move = largest_move
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)
        self._last: tuple[Tensor, Tensor] | None = None
        self._scale = 1.0
        self._retreats = 0

    def move(self, point: Tensor, gradient: Tensor) -> Tensor:
        if self._last is not None and self._retreats == 0:
            self._learn(point - self._last[0], gradient - self._last[1])
        self._last = (point, gradient)
        # Pixels at the end of the range whose slope leads out of it stay: the others are moved without them.
        free = ~((point <= 0) & (gradient > 0) | (point >= 1) & (gradient < 0))
        slope = gradient * free
        direction = -self._inverse_hessian_times(slope) * free
        if not bool(torch.sum(direction * slope) < 0):
            self._pairs.clear()
            direction = -slope
        length = direction.pow(2).mean().sqrt().clamp(min=torch.finfo(direction.dtype).tiny)
        bound = self.largest_move if self._pairs else self.first_move
        factor = bound / length if not self._pairs else (bound / length).clamp(max=1.0)
        return point + self.learning_rate * self._scale * factor * direction

    def accepts(self, before: float, after: float) -> bool:
        good = after <= before + 0.002 * abs(before) or self._retreats >= 4
        if good:
            self._scale, self._retreats = min(1.0, 2 * self._scale), 0
        return good

    def retreat(self) -> None:
        self._scale /= 3
        self._retreats += 1
        if self._retreats == 3:
            self._pairs.clear()  # the model of the slopes is wrong here: downhill along the gradient

    def forget(self) -> None:
        self._pairs.clear()
        self._last = None
        self._scale, self._retreats = 1.0, 0

    def _learn(self, moved: Tensor, change: Tensor) -> None:
        curvature = torch.sum(moved * change)
        if bool(curvature > 1e-8 * moved.norm() * change.norm()):
            self._pairs.append((moved, change, 1 / curvature))

    def _inverse_hessian_times(self, gradient: Tensor) -> Tensor:
        if not self._pairs:
            return gradient
        q, alphas = gradient.clone(), []
        for moved, change, rho in reversed(self._pairs):
            alpha = rho * torch.sum(moved * q)
            alphas.append(alpha)
            q.addcmul_(change, -alpha)
        _, change, rho = self._pairs[-1]
        q /= rho * change.pow(2).sum()
        for (moved, change, rho), alpha in zip(self._pairs, reversed(alphas), strict=True):
            q.addcmul_(moved, alpha - rho * torch.sum(change * q))
        return q
