"""The one training loop behind every model that ships: seeded, resumable, on a CPU or a GPU."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Task(Protocol):
    """What a network learns: its data, its batches, its loss and its score."""

    def load(self, data: Path, split: str) -> Any:
        """The split's pictures and targets, in memory."""

    def batches(
        self, data: Any, batch_size: int, progress: float, generator: torch.Generator
    ) -> Iterator[Any]:
        """One epoch of augmented batches; `progress` is the share of the training that is done, 0..1."""

    def steps(self, data: Any, batch_size: int) -> int:
        """Batches in an epoch."""

    def loss(self, model: nn.Module, batch: Any, device: torch.device) -> Tensor:
        """The mean loss of a batch."""

    def scores(self, model: nn.Module, data: Any, device: torch.device) -> dict[str, float]:
        """Scores by name, the headline figure first."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast: one cycle of the rate (linear rise, cosine fall), weights averaged."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str = "sgd"
    weight_decay: float = 5e-4
    warmup: float = 0.15
    averaging: float = 0.998
    clip_norm: float = 0.0
    bfloat16: bool = True
    head_epochs: int = 0  # first epochs in which only the parameters named head.* learn


@dataclass(frozen=True, slots=True)
class TrainingEpoch:
    """One epoch that is done: its mean loss, the seconds spent in all, the batches a second."""

    epoch: int
    epochs: int
    loss: float
    seconds: float


def rate_factor(progress: float, warmup: float) -> float:
    """The share of the peak learning rate at `progress` 0..1: a linear rise, then a cosine fall to zero."""
    if progress < warmup:
        return (progress + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


class KernelMuon(torch.optim.Muon):
    """Muon (Jordan et al. 2024) for convolutions: each weight ``(out, in, k, k)`` is stepped as a matrix
    ``(out, k·k·in)`` that shares its memory.

    Raises:
        ValueError: a weight does not lie channels last in memory.
    """

    def __init__(self, weights: list[nn.Parameter], learning_rate: float) -> None:
        self._weights = weights
        self._matrices = [nn.Parameter(_matrix(w.detach())) for w in weights]
        if any(m.data_ptr() != w.data_ptr() for m, w in zip(self._matrices, weights, strict=True)):
            raise ValueError("wanted convolution weights that lie channels last in memory")
        super().__init__(self._matrices, lr=learning_rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step by the gradients of the convolutions' own weights."""
        for weight, matrix in zip(self._weights, self._matrices, strict=True):
            matrix.grad = None if weight.grad is None else _matrix(weight.grad)
        super().step(closure)  # type: ignore[no-untyped-call]


def _matrix(weight: Tensor) -> Tensor:
    """A convolution's weight as a matrix, a view where it lies channels last in memory."""
    return weight.permute(0, 2, 3, 1).flatten(1)


def make_optimizers(model: nn.Module, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """SGD with Nesterov momentum, AdamW, or Muon for the convolutions and AdamW for the rest; no weight decay
    for biases and norms.

    Raises:
        ValueError: the schedule names another optimizer.
    """
    rate = schedule.learning_rate
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": schedule.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if schedule.optimizer == "sgd":
        return [torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True, foreach=True)]
    if schedule.optimizer == "adamw":
        return [torch.optim.AdamW(groups, lr=rate, fused=True)]
    if schedule.optimizer == "muon":
        kernels = [p for p in decayed if p.ndim == 4]
        groups[0]["params"] = [p for p in decayed if p.ndim != 4]
        return [KernelMuon(kernels, rate), torch.optim.AdamW(groups, lr=rate, fused=True)]
    raise ValueError(f"wanted the optimizer 'sgd', 'adamw' or 'muon', got {schedule.optimizer!r}")


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for mean, value in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, weight)
        else:
            mean.copy_(value)


class Trainer:
    """A network in training, with its average, its optimizer and its place in the schedule.

    Every epoch draws from generators seeded by (seed, epoch), so a run that was stopped and resumed from a
    checkpoint gives the weights of a run that was not.
    """

    def __init__(
        self,
        model: nn.Module,
        averaged: nn.Module,
        task: Task,
        schedule: Schedule,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.model = model.to(device).to(memory_format=torch.channels_last)
        self.averaged = averaged.to(device).eval()
        self.averaged.load_state_dict(self.model.state_dict())
        self.task, self.schedule, self.seed, self.device = task, schedule, seed, device
        self.optimizers = make_optimizers(self.model, schedule)
        self.epoch, self.seconds = 0, 0.0

    def run(self, data: Any) -> Iterator[TrainingEpoch]:
        """Trains the epochs that are left, one record for each."""
        while self.epoch < self.schedule.epochs:
            start = time.perf_counter()
            devices = [self.device] if self.device.type == "cuda" else []
            with torch.random.fork_rng(devices):
                torch.manual_seed(self.seed * 1009 + self.epoch)
                loss = self._train_epoch(data)
            self.epoch += 1
            self.seconds += time.perf_counter() - start
            yield TrainingEpoch(self.epoch, self.schedule.epochs, loss, self.seconds)

    def _train_epoch(self, data: Any) -> float:
        schedule, task = self.schedule, self.task
        generator = torch.Generator().manual_seed(self.seed * 1009 + self.epoch)
        steps = task.steps(data, schedule.batch_size)
        self._freeze(self.epoch < schedule.head_epochs)
        total, count = torch.zeros((), device=self.device), 0
        progress = self.epoch / schedule.epochs
        for batch in task.batches(data, schedule.batch_size, progress, generator):
            step = self.epoch * steps + count
            factor = rate_factor(step / (steps * schedule.epochs), schedule.warmup)
            for group in (g for optimizer in self.optimizers for g in optimizer.param_groups):
                group["lr"] = schedule.learning_rate * factor
            with torch.autocast(self.device.type, torch.bfloat16, enabled=schedule.bfloat16):
                loss = task.loss(self.model, batch, self.device)
            self.model.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            if schedule.clip_norm:
                nn.utils.clip_grad_norm_(self.model.parameters(), schedule.clip_norm)
            for optimizer in self.optimizers:
                optimizer.step()
            _average(self.averaged, self.model, step, schedule.averaging)
            total += loss.detach()
            count += 1
        return float(total) / max(1, count)

    def _freeze(self, frozen: bool) -> None:
        """While frozen only `head.*` learns and the batch norms keep their statistics."""
        self.model.train(not frozen)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(not frozen or name.startswith("head"))

    def state(self) -> dict[str, Any]:
        """All that a checkpoint holds."""
        return {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "epoch": self.epoch,
            "seconds": self.seconds,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.epoch, self.seconds = state["epoch"], state["seconds"]


def save_checkpoint(trainer: Trainer, path: Path) -> None:
    """Writes beside and renames, so that a checkpoint is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    torch.save(trainer.state(), beside)
    beside.replace(path)


def load_checkpoint(trainer: Trainer, path: Path) -> None:
    """Goes on from a checkpoint file that this program wrote."""
    trainer.load_state(torch.load(path, map_location=trainer.device, weights_only=True))


def shortened(schedule: Schedule, epochs: int) -> Schedule:
    """The same schedule over another number of epochs."""
    return replace(schedule, epochs=epochs, head_epochs=min(schedule.head_epochs, epochs // 2))
