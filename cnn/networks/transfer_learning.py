"""Transfer learning as a job: a new head on frozen features, then everything at a lower rate, or all from scratch."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnn.networks.transfer_augment import augmented
from cnn.networks.transfer_model import (
    Backbone,
    build_backbone,
    built_classifier,
    features,
    head_name,
    inputs,
    replace_head,
    unfreeze,
)
from cnn.networks.transfer_records import STAGES, EpochScores, TransferSettings, TransferStep

__all__ = [
    "BATCH",
    "STAGES",
    "EpochScores",
    "TransferSettings",
    "TransferStep",
    "confusion_matrix",
    "feature_arrays",
    "rate_share",
    "transfer_steps",
]

BATCH = 16
VIEWS = 3
"""Versions of each training picture whose features are cached when a switch of augmentation is on."""
WEIGHT_DECAY = 1e-2
WARM_UP = 0.1


@dataclass(slots=True, eq=False)
class _Training:
    """A training in progress: what every record is made from."""

    settings: TransferSettings
    model: nn.Module
    steps: int
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    share: float = 1.0
    batch_loss: float | None = None
    history: list[EpochScores] = field(default_factory=list)
    probabilities: Tensor | None = None
    picture: Tensor | None = None

    def record(self, state: dict[str, Tensor] | None = None) -> TransferStep:
        parameters = list(self.model.parameters())
        return TransferStep(
            self.settings.stage, self.step, self.steps, self.share, self.batch_loss, tuple(self.history),
            self.probabilities, self.picture, sum(p.numel() for p in parameters if p.requires_grad),
            sum(p.numel() for p in parameters), time.monotonic() - self.began, state,
        )  # fmt: skip

    def score(
        self,
        outputs: Tensor,
        labels: Tensor,
        train_loss: float | None = None,
        train_accuracy: float | None = None,
    ) -> None:
        """Take the logits (M or M + 1, K) of the validation pictures and, behind them, of the person's own."""
        held = outputs[: len(labels)].float()
        self.probabilities = held.softmax(1)
        self.picture = outputs[len(labels)].float().softmax(0) if len(outputs) > len(labels) else None
        loss = float(F.cross_entropy(held, labels))
        accuracy = float((held.argmax(1) == labels).float().mean())
        self.history.append(EpochScores(len(self.history), train_loss, train_accuracy, loss, accuracy))


def transfer_steps(
    *,
    settings: TransferSettings,
    backbone: Backbone,
    pictures: Tensor,
    labels: Tensor,
    held_out: Tensor,
    classes: int,
    picture: Tensor | None = None,
    state: Mapping[str, Tensor] | None = None,
    body: Mapping[str, Tensor] | None = None,
) -> Generator[TransferStep, Any, None]:
    """Train, one record a batch. Sending `{"stop": True}` ends it at the next batch, with the state so far.

    Args:
        settings: stage, epochs, rate, augmentation, seed.
        backbone: the network to transfer from.
        pictures: uint8 (N, 3, S, S).
        labels: int64 (N,) below `classes`.
        held_out: bool (N,), True for validation.
        classes: outputs of the new head.
        picture: uint8 (3, S, S), one more picture whose probabilities are given after each epoch.
        state: the tensors that "fine" starts from.
        body: the backbone's tensors, where it is a person's own network.

    Raises:
        ValueError: "fine" without a state, or nothing to learn from.
    """
    if settings.stage == "fine" and state is None:
        raise ValueError("wanted the state of a trained head to start from, got none")
    if bool(held_out.all()):
        raise ValueError("wanted pictures to learn from, got none that are not held out")
    checked = pictures[held_out] if picture is None else torch.cat([pictures[held_out], picture[None]])
    data = _Data(pictures[~held_out], labels[~held_out], checked, labels[held_out])
    if settings.stage == "head":
        model = replace_head(
            build_backbone(backbone, seed=settings.seed, body=body), classes, seed=settings.seed
        )
    else:
        model = built_classifier(
            backbone, classes, state if settings.stage == "fine" else None, seed=settings.seed
        )
    run = _Training(settings, model, settings.epochs * -(-len(data.labels) // BATCH))
    yield from (_train_head if settings.stage == "head" else _train_all)(run, backbone, data)


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """Pictures to learn from and their labels; pictures to check on (the last may have no label), and theirs."""

    pictures: Tensor
    labels: Tensor
    checked: Tensor
    checked_labels: Tensor


Steps = Generator[TransferStep, Any, None]


def _train_head(run: _Training, backbone: Backbone, data: _Data) -> Steps:
    """Features once; then the head alone, on them."""
    settings, model = run.settings, run.model
    head = model.get_submodule(head_name(model))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for parameter in head.parameters():
        parameter.requires_grad_(True)
    views: tuple[Tensor, ...] = ()
    for share, done, checked in _feature_views(model, backbone, settings, data):  # noqa: B007
        run.share, views = share, done
        if _stops((yield run.record())):
            return
    optimiser = torch.optim.AdamW(head.parameters(), lr=settings.rate, weight_decay=WEIGHT_DECAY)
    yield from _epochs(
        run,
        optimiser,
        data,
        lambda chosen, epoch: head(views[epoch % len(views)][chosen]),
        lambda: head(checked),
    )


def _feature_views(
    model: nn.Module, backbone: Backbone, settings: TransferSettings, data: _Data
) -> Iterator[tuple[float, tuple[Tensor, ...], Tensor]]:
    """Yield (share done, views of the training pictures' features (N, D), features of the checked) while they grow."""
    draws = torch.Generator().manual_seed(settings.seed)
    count = VIEWS if settings.switches else 1
    total, done = count * len(data.pictures) + len(data.checked), 0
    views: list[Tensor] = []
    for view in range(count + 1):
        source = data.checked if view == count else data.pictures
        parts = []
        for at in range(0, len(source), BATCH):
            x = source[at : at + BATCH].float().div(255)
            x = augmented(x, settings.switches, draws) if 0 < view < count else x
            parts.append(features(model, inputs(x, backbone)).clone())
            done += len(x)
            if done < total:
                yield done / total, (), data.checked
        views.append(torch.cat(parts))
    yield 1.0, tuple(views[:-1]), views[-1]


def feature_arrays(
    *,
    settings: TransferSettings,
    backbone: Backbone,
    pictures: Tensor,
    labels: Tensor,
    held_out: Tensor,
    body: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """What the head learns from: `views` (V, N, D), `labels` (N,), `held` (M, D), `held_labels` (M,)."""
    data = _Data(pictures[~held_out], labels[~held_out], pictures[held_out], labels[held_out])
    model = build_backbone(backbone, seed=settings.seed, body=body)
    *_, (_, views, held) = _feature_views(model, backbone, settings, data)
    return {
        "views": torch.stack(views),
        "labels": data.labels,
        "held": held,
        "held_labels": data.checked_labels,
    }


def _train_all(run: _Training, backbone: Backbone, data: _Data) -> Steps:
    """The whole network on augmented pictures. Fine-tuning keeps the statistics of the batch norms as they are."""
    settings, model = run.settings, run.model
    unfreeze(model, settings.depth if settings.stage == "fine" else "all")
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=WEIGHT_DECAY)
    draws = torch.Generator().manual_seed(settings.seed + 1)

    def outputs_of(chosen: Tensor, _: int) -> Tensor:
        model.train()
        if settings.stage == "fine":
            for module in model.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        x = augmented(data.pictures[chosen].float().div(255), settings.switches, draws)
        return model(inputs(x, backbone, size=backbone.learn_size))

    def check() -> Tensor:
        model.eval()
        parts = [model(inputs(part, backbone)) for part in torch.split(data.checked, BATCH)]
        return torch.cat(parts)

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)  # dropout
        yield from _epochs(run, optimiser, data, outputs_of, check)


def _epochs(
    run: _Training,
    optimiser: torch.optim.Optimizer,
    data: _Data,
    outputs_of: Callable[[Tensor, int], Tensor],
    check: Callable[[], Tensor],
) -> Steps:
    """One record a batch, scores after each epoch, the state in the last record."""
    draws = torch.Generator().manual_seed(run.settings.seed)
    with torch.no_grad():
        run.score(check(), data.checked_labels)
    stopped = False
    for epoch in range(run.settings.epochs):
        losses, right, seen = 0.0, 0, 0
        batches = torch.split(torch.randperm(len(data.labels), generator=draws), BATCH)
        for place, chosen in enumerate(batches, 1):
            wanted = data.labels[chosen]
            if run.settings.stage != "head":
                for group in optimiser.param_groups:
                    group["lr"] = run.settings.rate * rate_share(run.step, run.steps)
            outputs = outputs_of(chosen, epoch)
            loss = F.cross_entropy(outputs, wanted)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            seen += len(chosen)
            losses += float(loss.detach()) * len(chosen)
            right += int((outputs.argmax(1) == wanted).sum())
            run.step, run.batch_loss = run.step + 1, float(loss.detach())
            if place < len(batches) and _stops((yield run.record())):
                stopped = True
                break
        with torch.no_grad():
            run.score(check(), data.checked_labels, losses / seen, right / seen)
        if stopped or _stops((yield run.record())):
            break
    yield run.record({name: tensor.detach().clone() for name, tensor in run.model.state_dict().items()})


def rate_share(step: int, steps: int) -> float:
    """The share of the learning rate at a batch (from 0) where all layers learn: up over a tenth, then down to 0."""
    return min(1.0, (step + 1) / (WARM_UP * steps)) * (1 - step / steps)


def _stops(message: Any) -> bool:
    return isinstance(message, Mapping) and bool(message.get("stop"))


def confusion_matrix(labels: Tensor, probabilities: Tensor) -> Tensor:
    """How often pictures of category i (row) were called j (column), int64 (K, K), for labels (M,), (M, K)."""
    classes = probabilities.shape[1]
    return torch.bincount(labels * classes + probabilities.argmax(1), minlength=classes**2).view(
        classes, classes
    )
