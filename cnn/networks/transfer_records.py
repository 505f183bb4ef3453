"""What a transfer training is told, and what it tells: frozen records."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cnn.networks.transfer_augment import SWITCHES

__all__ = ["STAGES", "EpochScores", "TransferSettings", "TransferStep"]

STAGES = ("head", "fine", "scratch")


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """What one training does.

    Attributes:
        stage: "head" trains a new last layer on cached features, "fine" all layers or the last half, from a
            head's result; "scratch" the same network from random weights.
        epochs: passes over the training pictures.
        rate: learning rate of AdamW; but for the head's it rises over a tenth of the batches, then falls to 0.
        switches: kinds of augmentation, of `SWITCHES`.
        depth: in "fine", "all" layers or the last "half".
        seed: of the weights, the order and the augmentation.
    """

    stage: str
    epochs: int
    rate: float
    switches: tuple[str, ...] = ()
    depth: str = "all"
    seed: int = 0

    def __post_init__(self) -> None:
        if (
            self.stage not in STAGES
            or self.epochs < 1
            or self.rate <= 0
            or set(self.switches) - set(SWITCHES)
        ):
            raise ValueError(
                f"wanted a stage of {', '.join(STAGES)}, epochs ≥ 1, rate > 0, known switches; got {self}"
            )


@dataclass(frozen=True, slots=True)
class EpochScores:
    """After one epoch (0: before the first, where nothing was learned): mean cross-entropy and share of right
    answers, in 0..1, of the training batches as they went by and of the validation pictures.
    """

    epoch: int
    train_loss: float | None
    train_accuracy: float | None
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class TransferStep:
    """One batch later.

    Attributes:
        stage: of the settings.
        step, steps: batches done, and batches in all; features are computed at step 0.
        share: of the pictures whose features are computed, 0..1.
        batch_loss: of the newest batch; None before the first.
        history: scores after each epoch so far.
        probabilities: float32 (M, K) of the M validation pictures after the newest epoch; None before.
        picture: float32 (K,) of the person's own picture, likewise.
        trainable, parameters: numbers of parameters that learn, and in all.
        seconds: since the start.
        state: the trained network's tensors; in the last record only.
    """

    stage: str
    step: int
    steps: int
    share: float
    batch_loss: float | None
    history: tuple[EpochScores, ...]
    probabilities: Tensor | None
    picture: Tensor | None
    trainable: int
    parameters: int
    seconds: float
    state: dict[str, Tensor] | None = None
